"""Generators in files: written for others, read from others, refused when they are not what they say."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from esrlab.errors import UserError
from esrlab.models.generator_files import load_generator, save_generator
from esrlab.models.generators.rrdb import RRDBNet


def small(scale: int) -> RRDBNet:
    return RRDBNet(scale=scale, features=8, growth=4, blocks=2).eval()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_saved_generator_comes_back_whole(tmp_path: Path, scale: int) -> None:
    generator = small(scale)
    save_generator(generator, tmp_path / "g.safetensors", about={"recipe": "mine"})
    with safe_open(tmp_path / "g.safetensors", framework="pt") as opened:
        assert opened.metadata() == {"architecture": "RRDBNet", "recipe": "mine", "scale": str(scale)}
    back = load_generator(tmp_path / "g.safetensors")
    lr = torch.rand(1, 3, 9, 7)
    assert back.scale == scale
    assert torch.equal(back(lr), generator(lr))


def test_equal_generators_give_equal_files(tmp_path: Path) -> None:
    generator = small(4)
    for index in range(8):
        save_generator(generator, tmp_path / f"{index}.safetensors", about={"a": "1", "b": "2", "ü": "3"})
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    assert load_file(tmp_path / "0.safetensors").keys() == generator.state_dict().keys()


@pytest.mark.parametrize("wrapper", ["params_ema", "params", "state_dict"])
def test_other_tools_wrappers_are_opened(tmp_path: Path, wrapper: str) -> None:
    generator = small(4)
    torch.save({wrapper: {f"module.{k}": v for k, v in generator.state_dict().items()}}, tmp_path / "g.pth")
    lr = torch.rand(1, 3, 6, 6)
    assert torch.equal(load_generator(tmp_path / "g.pth")(lr), generator(lr))


def test_a_scale_that_no_file_tells_has_to_be_said(tmp_path: Path) -> None:
    save_file(small(3).state_dict(), tmp_path / "g.safetensors")
    with pytest.raises(UserError, match="give the scale"):
        load_generator(tmp_path / "g.safetensors")
    assert load_generator(tmp_path / "g.safetensors", scale=3).scale == 3


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("/tmp/esrlab-was-unpickled"),))  # pyright: ignore[reportReturnType]


def test_what_is_damaged_or_would_run_code_is_refused(tmp_path: Path) -> None:
    save_generator(small(2), tmp_path / "g.safetensors", about={})
    (tmp_path / "half.safetensors").write_bytes((tmp_path / "g.safetensors").read_bytes()[:999])
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Evil(), protocol=2))
    (tmp_path / "text.pth").write_text("words")
    for name in ("half.safetensors", "evil.pth", "text.pth", "absent.safetensors"):
        with pytest.raises(UserError, match=name):
            load_generator(tmp_path / name)
    assert not Path("/tmp/esrlab-was-unpickled").exists()
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="no generator of a kind"):
        load_generator(tmp_path / "other.safetensors")
