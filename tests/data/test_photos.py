"""Collections of photographs: what is taken, what is set aside and why, and what identifies them."""

from pathlib import Path

import numpy as np
import pytest

from esrlab.data.image_files import ImageError
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.folder import open_photos
from pictures import save


def test_a_mixed_folder_gives_the_usable_ones_and_names_the_rest(tmp_path: Path) -> None:
    for name in ("a.png", "sub/b.jpg", "sub/deeper/c.webp", "d.tif", "e.bmp"):
        save(tmp_path / name)
    save(tmp_path / "small.png", side=20)
    (tmp_path / "text.png").write_text("words")
    seen: list[tuple[int, int]] = []
    photos = open_photos(str(tmp_path), smallest=64, progress=lambda done, total: seen.append((done, total)))
    assert [photo.name for photo in photos.members] == [
        "a.png",
        "d.tif",
        "e.bmp",
        "sub/b.jpg",
        "sub/deeper/c.webp",
    ]
    reasons = dict(photos.skipped)
    assert reasons.keys() == {"small.png", "text.png"}
    assert "25×20" in reasons["small.png"]
    assert "64 px" in reasons["small.png"]
    assert "not an image" in reasons["text.png"]
    assert seen[-1] == (7, 7)


def test_a_folder_without_a_usable_image_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no folder"):
        open_photos(str(tmp_path / "absent"), smallest=64)
    with pytest.raises(ImageError, match="holds no image"):
        open_photos(str(tmp_path), smallest=64)
    save(tmp_path / "small.png", side=20)
    with pytest.raises(ImageError, match=r"no usable image of at least 64×64 px: small\.png is 25×20"):
        open_photos(str(tmp_path), smallest=64)


def test_the_fingerprint_is_of_names_and_contents(tmp_path: Path) -> None:
    for folder in ("one", "two", "three"):
        save(tmp_path / folder / "a.png", seed=0)
        save(tmp_path / folder / "b.png", seed=1 if folder != "three" else 2)
    one, two, three = (
        open_photos(str(tmp_path / name), smallest=8).fingerprint for name in ("one", "two", "three")
    )
    assert one == two != three


def test_the_bundled_samples_are_colour_and_held_out_ones_are_not_trained_on() -> None:
    photos = open_photos("samples", smallest=128)
    benchmark = open_benchmark("samples", name="samples")
    assert not photos.skipped
    assert len(photos.members) == 5
    held_out = dict(benchmark.members)
    assert held_out.keys() == {"chelsea", "coffee", "rocket"}
    assert not held_out.keys() & {photo.name for photo in photos.members}
    for photo in photos.members:
        pixels = photo.pixels.astype(int)
        assert np.abs(pixels[..., 0] - pixels[..., 2]).mean() > 2, f"{photo.name} is grey"


def test_a_benchmark_takes_the_hr_subfolder_and_refuses_ambiguous_names(tmp_path: Path) -> None:
    save(tmp_path / "HR" / "a.png")
    save(tmp_path / "LR" / "a.png", side=40)
    benchmark = open_benchmark(str(tmp_path), name="mine")
    assert [name for name, _ in benchmark.images()] == ["a"]
    save(tmp_path / "HR" / "a.bmp")
    with pytest.raises(ImageError, match="two images with the same name"):
        open_benchmark(str(tmp_path), name="mine")
    with pytest.raises(ImageError, match="holds no image"):
        open_benchmark(
            str(tmp_path / "LR" / "..") + "/empty"
            if (tmp_path / "empty").mkdir()
            else str(tmp_path / "empty"),
            name="x",
        )
