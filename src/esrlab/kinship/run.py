"""The work of a measurement, model after model and batch after batch, resumed where it was stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor

from esrlab.core.files import remove_leftovers, to_json, write_text
from esrlab.core.kinship_rows import (
    Header,
    append_batch,
    cut_unfinished,
    read_batches,
    rows_file,
    write_header,
)
from esrlab.core.signals import Interrupted, StopRequest, stop_requests
from esrlab.kinship.games import TrainedGame, game_file, open_game, save_game, train_game
from esrlab.kinship.identity import describe, identify, refuse_another, refuse_others
from esrlab.kinship.images import generate
from esrlab.kinship.maps import choose_images, maps_file, write_maps
from esrlab.kinship.measuring import measure_batch, take_directions
from esrlab.kinship.models import Enlarge, Model
from esrlab.kinship.pace import OnProgress, Pace
from esrlab.kinship.work import Bench, Measurement, open_bench
from esrlab.training.state import mix

ABOUT = "kinship.json"
"""What a measurement was made from: models, photographs, settings, versions."""


def measure_all(work: Measurement, on_progress: OnProgress) -> list[Path]:
    """Measures what is not measured yet; returns each model's file of rows, in the order of the models.

    Raises UsageError for a folder with another measurement, and Interrupted between two pieces of work.
    """
    remove_leftovers(work.out, shared=True)
    benches = {scale: open_bench(work, scale) for scale in sorted({model.scale for model in work.models})}
    jobs = [_Job(work, benches[model.scale], model) for model in work.models]
    for job in jobs:
        job.claim()
    refuse_others(work.out, [job.header for job in jobs])
    write_text(work.out / ABOUT, to_json(describe(work), indent=2) + "\n")
    pace = Pace(on_progress)
    for job in jobs:
        job.plan(pace)
    with stop_requests() as stop:
        for job in jobs:
            job.run(pace, stop)
    return [job.file for job in jobs]


@dataclass(frozen=True)
class _Job:
    """One model's share of the work."""

    work: Measurement
    bench: Bench
    model: Model

    @cached_property
    def header(self) -> Header:
        """What this model's file begins with: all that decides its numbers."""
        directions = [
            *(direction for direction, _ in self.bench.losses.built),
            *(game.direction for game in self.bench.games),
        ]
        return Header(
            self.model.name,
            self.model.label,
            self.model.scale,
            self.model.digest,
            directions,
            self.bench.absent,
            identify(self.work, self.bench),
        )

    @property
    def file(self) -> Path:
        """Its rows."""
        return rows_file(self.work.out, model=self.model.name, scale=self.model.scale)

    @property
    def key(self) -> str:
        return f"{self.model.name}-x{self.model.scale}"

    def claim(self) -> None:
        """Begins the file, or makes sure that it is of this very measurement."""
        if self.file.with_suffix(".json").exists():
            refuse_another(self.header, self.file)
            cut_unfinished(self.file)
        else:
            self.file.unlink(missing_ok=True)  # rows of which nothing is known

    def plan(self, pace: Pace) -> None:
        """Adds what is left of it."""
        left = self.bench.crops.batches - len(read_batches(self.file))
        pace.plan(self._sort("batch"), left)
        pace.plan(self._sort("maps"), int(not self._maps.exists()))
        if left or not self._maps.exists():
            pace.plan(self._sort("critic"), len(self.bench.games))

    def run(self, pace: Pace, stop: StopRequest) -> None:
        """Does it, piece by piece."""
        write_header(self.file, self.header)
        first = len(read_batches(self.file))
        if first == self.bench.crops.batches and self._maps.exists():
            return
        enlarge = self.model.open(self.work.device)
        games = self._train_games(enlarge, pace, stop)
        for index in range(first, self.bench.crops.batches):
            _heed(stop)
            pace.begin(f"{self.key}, batch {index + 1} of {self.bench.crops.batches}")
            self._measure(index, enlarge, games)
            pace.finish(self._sort("batch"))
        if not self._maps.exists():
            _heed(stop)
            pace.begin(f"{self.key}, maps")
            self._map(enlarge, games)
            pace.finish(self._sort("maps"))

    @property
    def _maps(self) -> Path:
        return maps_file(self.work.out, self.key)

    def _sort(self, what: str) -> str:
        return f"{what} at ×{self.model.scale}"

    def _train_games(self, enlarge: Enlarge, pace: Pace, stop: StopRequest) -> list[TrainedGame]:
        settings, scale, device = self.work.settings, self.model.scale, self.work.device
        pool: list[tuple[Tensor, Tensor]] = []
        trained: list[TrainedGame] = []
        for game in self.bench.games:
            _heed(stop)
            file = game_file(
                self.work.out,
                game,
                settings,
                model=self.model.digest,
                scale=scale,
                pool=self.work.critic_photos.fingerprint,
            )
            found = open_game(game, file, settings, scale=scale, device=device)
            if found is None:
                pace.begin(f"{self.key}, critic of {game.direction.name}")
                pool = pool or self._fill_pool(enlarge)
                found = train_game(game, pool, settings, scale=scale, device=device)
                save_game(found, file)
                pace.finish(self._sort("critic"))
            else:
                pace.skip(self._sort("critic"))
            trained.append(found)
        return trained

    def _fill_pool(self, enlarge: Enlarge) -> list[tuple[Tensor, Tensor]]:
        """What critics are trained on, made once for all games of this model; on the CPU."""
        made: list[tuple[Tensor, Tensor]] = []
        for images in self.bench.pool.pool():
            batch, sr = generate(enlarge, images.batch, device=self.work.device)
            made.append((batch.hr.cpu(), sr.cpu()))
        return made

    def _measure(self, index: int, enlarge: Enlarge, games: Sequence[TrainedGame]) -> None:
        images = self.bench.crops.take(index)
        batch, sr = generate(enlarge, images.batch, device=self.work.device)
        draw = mix(self.work.settings.seed, index)
        found = take_directions(batch, sr, self.bench.losses.built, games, draw=draw)
        rows = measure_batch(found, index=index, photos=images.photos, bands=self.work.settings.bands)
        append_batch(self.file, rows)

    def _map(self, enlarge: Enlarge, games: Sequence[TrainedGame]) -> None:
        images = choose_images(self.bench.crops, self.work.settings.mapped)
        if images is None:
            return
        batch, sr = generate(enlarge, images.batch, device=self.work.device)
        found = take_directions(batch, sr, self.bench.losses.built, games, draw=self.work.settings.seed)
        write_maps(self._maps, found, images, sr)


def _heed(stop: StopRequest) -> None:
    if stop:
        raise Interrupted("stopped; all finished batches are saved: run the same command again to resume")
