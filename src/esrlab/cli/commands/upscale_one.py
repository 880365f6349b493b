"""One photograph: read, upscaled, written, with the model and the size that the call asks for."""

import argparse
import io
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import BinaryIO

import numpy as np
from torch import nn

from esrlab.cli.commands.upscale_files import Job
from esrlab.core.files import replacing
from esrlab.data.image_files import ImageError
from esrlab.data.photograph_files.reading import Levels, Photograph, decode_photograph, read_photograph
from esrlab.data.photograph_files.writing import (
    OUTPUT_FORMATS,
    PNG,
    OutputFormat,
    check_size,
    format_like,
    format_of_suffix,
    kept_by,
    write_photograph,
)
from esrlab.errors import UserError
from esrlab.upscaling.enlarge import enlarge_array
from esrlab.upscaling.find_model import open_model, scale_to_open
from esrlab.upscaling.network_step import scale_of
from esrlab.upscaling.tiles import Progress

_ROWS = 64


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """The size that is asked for: a scale, or a width or a height or both; nothing for the model's scale."""

    scale: float | None = None
    width: int | None = None
    height: int | None = None

    def label(self, factor: Callable[[], int]) -> str:
        """What results' names end in: _x4, _3840x2160, _3840w, _2160h."""
        if self.width and self.height:
            return f"_{self.width}x{self.height}"
        if self.width or self.height:
            return f"_{self.width}w" if self.width else f"_{self.height}h"
        return f"_x{self.scale if self.scale is not None else factor():g}"

    def of(self, height: int, width: int, factor: int) -> tuple[int, int]:
        """(height, width) of the result."""
        if self.width and self.height:
            return self.height, self.width
        if self.width:
            return max(round(height * self.width / width), 1), self.width
        if self.height:
            return self.height, max(round(width * self.height / height), 1)
        by = factor if self.scale is None else self.scale
        return max(round(height * by), 1), max(round(width * by), 1)


@dataclass(frozen=True)
class Models:
    """Which model is meant; its networks are opened when they are first asked for."""

    name: str
    sizing: Sizing
    cascade: tuple[int, ...] | None
    device: str

    @property
    def factor(self) -> int:
        """The scale of all networks together."""
        if self.cascade is not None:
            return math.prod(self.cascade)
        return _factor(self.networks)

    @cached_property
    def networks(self) -> list[nn.Module]:
        """Ready to compute; UserError for a model that is not there, or is not of the cascade's scales."""
        if self.cascade is None:
            wanted = scale_to_open(self.name, self.sizing.scale)
            return [open_model(self.name, scale=wanted, device=self.device)]
        opened = {
            scale: open_model(self.name, scale=scale, device=self.device) for scale in set(self.cascade)
        }
        for scale, network in opened.items():
            if scale_of(network) != scale:
                raise UserError(
                    f"{self.name} is a model of ×{scale_of(network)}, and the cascade asks for ×{scale}"
                )
        return [opened[scale] for scale in self.cascade]


def _factor(networks: Sequence[nn.Module]) -> int:
    return math.prod(scale_of(network) for network in networks)


@dataclass(frozen=True)
class Made:
    """What became of a photograph: its name, the result's (width, height), and what was changed, in words."""

    name: str
    size: tuple[int, int]
    notices: tuple[str, ...]


def upscale_one(
    job: Job,
    networks: list[nn.Module],
    *,
    sizing: Sizing,
    options: argparse.Namespace,
    progress: Progress | None = None,
) -> Made:
    """Reads, upscales and writes one; raises UserError naming it, and then no file is left."""
    name = "standard input" if job.source is None else str(job.source)
    photo = _read(job, name)
    wanted = _format(job, photo, options)
    notices = list(photo.notices)
    pixels = _fitting_levels(photo, wanted, notices)
    height, width = sizing.of(pixels.shape[0], pixels.shape[1], _factor(networks))
    write = partial(
        write_photograph,
        size=(width, height),
        channels=pixels.shape[2],
        bits=pixels.dtype.itemsize * 8,
        wanted=wanted,
        kept=kept_by(wanted, photo.metadata, pixels.shape[2], notices),
        quality=options.quality,
    )
    try:
        check_size((width, height), wanted)
        bands = enlarge_array(
            pixels,
            networks,
            size=(height, width),
            memory=options.memory,
            keep_colour=options.keep_colour,
            progress=progress,
        )
        _write(job, partial(write, bands=bands))
    except MemoryError as error:
        raise UserError(f"{name}: memory does not suffice for a result of {width}×{height} pixels") from error
    except UserError as error:
        raise UserError(str(error) if name in str(error) else f"{name}: {error}") from error
    return Made(name, (width, height), tuple(notices))


def _read(job: Job, name: str) -> Photograph:
    if job.source is not None:
        return read_photograph(job.source)
    encoded = sys.stdin.buffer.read()
    if not encoded:
        raise ImageError(f"{name} is empty: redirect a photograph's file into it")
    return decode_photograph(encoded, name=name)


def _format(job: Job, photo: Photograph, options: argparse.Namespace) -> OutputFormat:
    if options.format is not None:
        return OUTPUT_FORMATS[options.format]
    if job.target is not None:
        return format_of_suffix(job.target.suffix) or PNG
    return format_like(photo.format)


def _fitting_levels(photo: Photograph, wanted: OutputFormat, notices: list[str]) -> Levels:
    """The pixels; of 16 bits the nearest 8-bit levels where the format has no more, which is said."""
    pixels = photo.pixels
    if photo.bits == 8 or wanted.has_16_bits:
        return pixels
    notices.append(f"its 16 bits are reduced to 8, as {wanted.name} has no more")
    result = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), _ROWS):
        result[top : top + _ROWS] = np.round(pixels[top : top + _ROWS] / 257)
    return result


def _write(job: Job, write: Callable[[BinaryIO], None]) -> None:
    """Into the target at once, or to standard output when it is whole."""
    if job.target is None:
        held = io.BytesIO()
        write(held)
        sys.stdout.buffer.write(held.getbuffer())
        return
    with replacing(job.target) as temporary, temporary.open("wb") as stream:
        write(stream)
