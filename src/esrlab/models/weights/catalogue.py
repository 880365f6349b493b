"""The pretrained weights there are: what each is, where it is, how large, and under which licence."""

from dataclasses import dataclass

from esrlab.core.nearest import did_you_mean
from esrlab.errors import UsageError

KNOWN_DIGITS = 8
"""Fewest hex digits of a sha256 that say something; torchvision's file names carry as many."""


@dataclass(frozen=True)
class WeightFile:
    """One file that holds a record's weights.

    sha256: all 64 hex digits, or the leading ones that are known; None: kept in `<file>.sha256` beside it.
    covers: the deepest layer it holds, where it holds not all of them.
    note: what sets it apart from the original, in words for a label.
    """

    name: str
    sha256: str | None
    covers: str | None = None
    note: str = ""


@dataclass(frozen=True)
class WeightRecord:
    """Weights by name: the original file, and others that hold the same.

    size: bytes of the original; `is_exact` where it is known to the byte.
    alternatives: conversions that are taken instead where they are in a folder; the complete ones first.
    features: the original holds a classifier that can be left out.
    """

    name: str
    about: str
    licence: str
    address: str
    file: WeightFile
    size: int
    is_exact: bool = True
    alternatives: tuple[WeightFile, ...] = ()
    features: bool = True

    @property
    def features_file(self) -> WeightFile | None:
        """What `--features-only` keeps."""
        if not self.features:
            return None
        return WeightFile(f"{self.name}-features.safetensors", sha256=None, note="features only")

    @property
    def files(self) -> tuple[WeightFile, ...]:
        """Every file that is accepted, in the order of preference within a folder."""
        kept = self.features_file
        complete = [file for file in self.alternatives if file.covers is None]
        partial = [file for file in self.alternatives if file.covers is not None]
        return (self.file, *([kept] if kept else []), *complete, *partial)


def _torchvision(
    name: str,
    about: str,
    *,
    file: str,
    sha256: str,
    size: int,
    is_exact: bool = True,
    alternatives: tuple[WeightFile, ...] = (),
) -> WeightRecord:
    return WeightRecord(
        name=name,
        about=f"{about}, ImageNet-1k (torchvision IMAGENET1K_V1)",
        licence="BSD-3-Clause",
        address=f"https://download.pytorch.org/models/{file}",
        file=WeightFile(file, sha256),
        size=size,
        is_exact=is_exact,
        alternatives=alternatives,
    )


# Each sha256 begins with the digits in torchvision's own file name. The rest, and the sizes, agree among
# independent public projects that pin them; ResNet-101's size is known from torchvision's table alone, to
# about 1 kB. The heads' and DISTS's are those of the files in their authors' packages on PyPI (lpips 0.1.4,
# dists-pytorch 0.1); IQA-PyTorch's copies carry the same first digits in their names.
CATALOGUE: tuple[WeightRecord, ...] = (
    _torchvision(
        "vgg16",
        "VGG-16",
        file="vgg16-397923af.pth",
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        size=553_433_881,
    ),
    _torchvision(
        "vgg19",
        "VGG-19",
        file="vgg19-dcbb9e9d.pth",
        sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        size=574_673_361,
        alternatives=(
            WeightFile(
                "vgg19_features_to_conv3_4.safetensors",
                "669633185851ab61cb687494c1764e56aec2cd41d1d2c74ea582a250efb7d3d1",
                covers="conv3_4",
                note="layers rescaled to unit deviation",
            ),
        ),
    ),
    _torchvision(
        "alexnet",
        "AlexNet",
        file="alexnet-owt-7be5be79.pth",
        sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        size=244_408_911,
        alternatives=(
            WeightFile(
                "alexnet_features.safetensors",
                "9f97fd313f4da83dbe6bbfbe6effca1241de9edfcd7c53386261ed9697286dd9",
                note="features only",
            ),
        ),
    ),
    _torchvision(
        "resnet18",
        "ResNet-18",
        file="resnet18-f37072fd.pth",
        sha256="f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        size=46_830_571,
    ),
    _torchvision(
        "resnet34",
        "ResNet-34",
        file="resnet34-b627a593.pth",
        sha256="b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
        size=87_319_819,
    ),
    _torchvision(
        "resnet50",
        "ResNet-50",
        file="resnet50-0676ba61.pth",
        sha256="0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        size=102_530_333,
    ),
    _torchvision(
        "resnet101",
        "ResNet-101",
        file="resnet101-63fe2227.pth",
        sha256="63fe2227b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a",
        size=178_794_000,
        is_exact=False,
    ),
    WeightRecord(
        name="lpips-alex",
        about="LPIPS v0.1's linear heads for AlexNet (Zhang et al. 2018)",
        licence="BSD-2-Clause",
        address=(
            "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/alex.pth"
        ),
        file=WeightFile(
            "lpips-alex-v0.1.pth", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"
        ),
        size=6_009,
        alternatives=(
            WeightFile(
                "lpips_alex_linear_v0.1.safetensors",
                "255d6454292d155a069f693a111769acec003d588617b250f24775369c816e04",
            ),
        ),
        features=False,
    ),
    WeightRecord(
        name="lpips-vgg",
        about="LPIPS v0.1's linear heads for VGG16 (Zhang et al. 2018)",
        licence="BSD-2-Clause",
        address=(
            "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/vgg.pth"
        ),
        file=WeightFile(
            "lpips-vgg-v0.1.pth", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"
        ),
        size=7_289,
        features=False,
    ),
    WeightRecord(
        name="dists",
        about="DISTS's weights α and β of VGG16's channels (Ding et al. 2020)",
        licence="MIT",
        address="https://raw.githubusercontent.com/dingkeyan93/DISTS/master/DISTS_pytorch/weights.pt",
        file=WeightFile(
            "dists-weights.pt", "f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218"
        ),
        size=12_288,
        features=False,
    ),
)


def find_record(name: str) -> WeightRecord:
    """The record of that name; raises UsageError, naming the nearest, where there is none."""
    for record in CATALOGUE:
        if record.name == name:
            return record
    names = [record.name for record in CATALOGUE]
    raise UsageError(
        f"there are no weights {name!r}{did_you_mean(name, names)}; there are {', '.join(names)}"
    )
