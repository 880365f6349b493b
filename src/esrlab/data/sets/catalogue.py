"""The public data sets that are known by name: where each is, how large, on what terms, and what it holds.

Sizes and checksums are those that others publish; what nobody publishes is None. DIV2K's are TensorFlow
Datasets' (its sha256 of the same addresses), Flickr2K's md5 torchSR's and Catalyst's, Set5's and BSD100's
sha256 those that Hugging Face shows of the files, Urban100's md5 DeepInverse's.
"""

from esrlab.core.digests import Checksum
from esrlab.core.nearest import did_you_mean
from esrlab.data.sets.data_set import Archive, DataSet, SetFolder
from esrlab.errors import UsageError

_ETH = "https://data.vision.ee.ethz.ch/cvl/DIV2K"
_HUB = "https://huggingface.co/datasets/eugenesiow"

_DIV2K_TRAIN = {
    "HR": (3_530_603_713, "9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335"),
    "LR_bicubic_X2": (925_390_592, "a53a424317575838dadce4bcd97cf7b744d6855f43740ed5f0245af3cf4bd850"),
    "LR_bicubic_X3": (427_847_282, "ad5c8e5507e2765823d3c2c5bd0934842efcd487c5370604c224090898b3163a"),
    "LR_bicubic_X4": (246_914_039, "f006b837f4eb52b82909aa01478e6d6d199eefce932179491d0c9dbb706dde3a"),
}
_DIV2K_VALID = {
    "HR": (448_993_893, "20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc"),
    "LR_bicubic_X2": (117_763_600, "60eed9875c697df51204aa579e2a699e1d5215095788a097ff54dd17e2664d57"),
    "LR_bicubic_X3": (54_513_392, "04b9a2ed3b4a0715d3924d3ae8514830c3328fac8d30512ce716d6f419e052a3"),
    "LR_bicubic_X4": (31_505_881, "a50a5d1c4b88de4e8d300d8fb2b904c52fe93b2b298a4899697760d7cbb6d553"),
}


def _div2k(split: str, files: dict[str, tuple[int, str]]) -> tuple[SetFolder, ...]:
    """HR and the official bicubic LR of a split; files: (bytes, sha256) by the end of the archive's name."""
    found: list[SetFolder] = []
    for end, (size, sha256) in files.items():
        file = f"DIV2K_{split}_{end}.zip"
        archive = Archive(file, f"{_ETH}/{file}", size, is_exact=True, checksum=Checksum(sha256))
        if end == "HR":
            folder = f"DIV2K_{split}_HR"
            found.append(SetFolder("hr", folder, archive, inside=folder))
        else:
            scale = int(end[-1])
            folder = f"DIV2K_{split}_LR_bicubic/X{scale}"
            found.append(SetFolder("lr", folder, archive, inside=folder, scale=scale, suffix=f"x{scale}"))
    return tuple(found)


def _on_the_hub(title: str, commit: str, size: int, checksum: Checksum | None) -> tuple[SetFolder, ...]:
    """The HR images of a benchmark as Hugging Face has them, at a commit, so that the file never changes."""
    file = f"{title}_HR.tar.gz"
    archive = Archive(file, f"{_HUB}/{title}/resolve/{commit}/data/{file}", size, checksum=checksum)
    return (SetFolder("hr", f"{title}_HR", archive, inside=f"{title}_HR"),)


def _numbers(first: int, last: int, *, digits: int) -> frozenset[str]:
    return frozenset(f"{number:0{digits}}" for number in range(first, last + 1))


CATALOGUE: tuple[DataSet, ...] = (
    DataSet(
        name="div2k",
        title="DIV2K",
        about="800 photographs of 2K to train on, 0001 to 0800, and their official bicubic LR images",
        home="DIV2K",
        page=f"{_ETH}/",
        terms="academic research only",
        count=800,
        folders=_div2k("train", _DIV2K_TRAIN),
        names=_numbers(1, 800, digits=4),
        long_side=(2000, 2048),
        validation="div2k-valid",
    ),
    DataSet(
        name="div2k-valid",
        title="DIV2K-valid",
        about="100 photographs of 2K held out from them, 0801 to 0900, and their official bicubic LR images",
        home="DIV2K",
        page=f"{_ETH}/",
        terms="academic research only",
        count=100,
        folders=_div2k("valid", _DIV2K_VALID),
        names=_numbers(801, 900, digits=4),
        long_side=(2000, 2048),
    ),
    DataSet(
        name="flickr2k",
        title="Flickr2K",
        about="2,650 photographs of 2K from Flickr (Lim et al. 2017); the archive holds LR images too",
        home="Flickr2K",
        page="https://github.com/LimBee/NTIRE2017",
        terms="not stated; photographs of Flickr's users",
        count=2650,
        folders=(
            SetFolder(
                "hr",
                "Flickr2K_HR",
                Archive(
                    "Flickr2K.tar",
                    "https://cv.snu.ac.kr/research/EDSR/Flickr2K.tar",
                    checksum=Checksum("5d3f39443d5e9489bff8963f8f26cb03", "md5"),
                ),
                inside="Flickr2K_HR",
            ),
        ),
        names=_numbers(1, 2650, digits=6),
    ),
    DataSet(
        name="set5",
        title="Set5",
        about="5 test images (Bevilacqua et al. 2012)",
        home="Set5",
        page=f"{_HUB}/Set5",
        terms="academic use only (its page on Hugging Face)",
        count=5,
        folders=_on_the_hub(
            "Set5",
            "325646fe7cc8811e312562437885c5c018c74966",
            852_000,
            Checksum("260fc447296333f6c2716bcd65513968c33b666f21a905537ee3330c51a1945b"),
        ),
    ),
    DataSet(
        name="set14",
        title="Set14",
        about="14 test images (Zeyde et al. 2010)",
        home="Set14",
        page=f"{_HUB}/Set14",
        terms="academic use only (its page on Hugging Face)",
        count=14,
        folders=_on_the_hub("Set14", "5c964717e61b4931236a6dd5561750d11e5a7abb", 4_980_000, None),
    ),
    DataSet(
        name="bsd100",
        title="BSD100",
        about="100 test photographs of the Berkeley Segmentation Dataset (Martin et al. 2001)",
        home="BSD100",
        page="https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/bsds/",
        terms="non-commercial research and education",
        count=100,
        folders=_on_the_hub(
            "BSD100",
            "600666edcba3b8386c367fcb03e72424a1ff9f86",
            27_200_000,
            Checksum("333495ccded04a0db52b33361140821ea7e0d8af8dfb54b58df79a00010858d6"),
        ),
    ),
    DataSet(
        name="urban100",
        title="Urban100",
        about="100 photographs of buildings (Huang et al. 2015)",
        home="Urban100",
        page=f"{_HUB}/Urban100",
        terms="CC BY 4.0 (its page on Hugging Face)",
        count=100,
        folders=_on_the_hub(
            "Urban100",
            "57309de03db02ac12ee09ad6127e7b815c211328",
            135_000_000,
            Checksum("65d9d84a34b72c6f7ca1e26a12df1e4c", "md5"),
        ),
    ),
    DataSet(
        name="manga109",
        title="Manga109",
        about="109 pages of Japanese comics, one a volume (Matsui et al. 2017)",
        home="Manga109",
        page="http://www.manga109.org/en/",
        terms="academic use, by agreement with its authors",
        count=109,
        folders=(SetFolder("hr", "Manga109_HR", None, inside="Manga109_HR"),),
        how="its authors give it on application: http://www.manga109.org/en/download.html, or "
        "https://huggingface.co/datasets/hal-utokyo/Manga109 with an account of a university; then give the "
        "folder of the 109 images",
    ),
)


def find_set(name: str) -> DataSet:
    """The set of that name; raises UsageError, naming the nearest, where there is none."""
    for data_set in CATALOGUE:
        if data_set.name == name:
            return data_set
    names = [data_set.name for data_set in CATALOGUE]
    raise UsageError(
        f"there is no data set {name!r}{did_you_mean(name, names)}; there are {', '.join(names)}"
    )


def is_set(source: str) -> bool:
    """Whether a source of images is a set's name; a folder of that name is ./NAME."""
    return any(data_set.name == source for data_set in CATALOGUE)
