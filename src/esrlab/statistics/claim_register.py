"""When each claim of one's own was written: before the first result of its folder, or after it.

A claim that is written once results are there may have been chosen by them, so it is *exploratory*: reported
with its day, and corrected in a family of its own. The register remembers; a claim counts as the same while
it compares the same recipes at the same scales in the same metrics, whatever it is called.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from esrlab.core.files import find_inside, to_json, write_text
from esrlab.core.text_files import read_json
from esrlab.statistics.claims import AskedClaim, Claim, read_asked_claims

REGISTER = "claims-register.json"
"""Beside a folder's rows: its own claims and the day on which each was first seen."""


class RegisteredClaim(BaseModel):
    """A claim, the day on which it was first seen (YYYY-MM-DD), whether results were there already."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    written: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    exploratory: bool
    claim: AskedClaim


@dataclass(frozen=True)
class _Key:
    """What makes two claims the same: what they compare, not what they are called."""

    better: str
    than: str
    scales: frozenset[int]
    metrics: frozenset[str]


def _key(claim: AskedClaim) -> _Key:
    return _Key(claim.better, claim.than, frozenset(claim.scales), frozenset(claim.metrics))


_ENTRIES = TypeAdapter(tuple[RegisteredClaim, ...])


def read_register(folder: Path) -> tuple[RegisteredClaim, ...]:
    """The register of a folder, empty where there is none; UserError naming the file where it is none."""
    path = find_inside(folder, REGISTER)
    return () if path is None else read_json(path, _ENTRIES)


def write_register(folder: Path, entries: Iterable[RegisteredClaim]) -> None:
    """Writes a register whole, atomically."""
    records = [json.loads(entry.model_dump_json()) for entry in entries]
    write_text(folder / REGISTER, to_json(records, indent=2) + "\n")


def rename_registers(
    registers: Iterable[tuple[Iterable[RegisteredClaim], Callable[[str], str]]],
) -> list[RegisteredClaim]:
    """The entries of several folders as one register, each folder's recipes by what they are called now.

    Of a claim that several have, the one that was written after results stands: it may rest on those.
    """
    found: dict[_Key, RegisteredClaim] = {}
    for entries, called in registers:
        for entry in entries:
            names = {"better": called(entry.claim.better), "than": called(entry.claim.than)}
            renamed = entry.model_copy(update={"claim": entry.claim.model_copy(update=names)})
            known = found.setdefault(_key(renamed.claim), renamed)
            if renamed.exploratory and not known.exploratory:
                found[_key(renamed.claim)] = renamed
    return list(found.values())


def register_claims(
    folder: Path, claims: Iterable[AskedClaim], *, has_results: bool
) -> tuple[RegisteredClaim, ...]:
    """Adds the claims that are new to the folder's register, as of today, and returns every claim's entry.

    has_results: whether a trained recipe has scores there already, which makes what is new exploratory.
    """
    known = {_key(entry.claim): entry for entry in read_register(folder)}
    before = len(known)
    today = datetime.now(UTC).date().isoformat()
    found: list[RegisteredClaim] = []
    for claim in claims:
        new = RegisteredClaim(written=today, exploratory=has_results, claim=claim)
        found.append(known.setdefault(_key(claim), new).model_copy(update={"claim": claim}))
    if len(known) > before:
        write_register(folder, known.values())
    return tuple(found)


def dated_claims(folder: Path, *, has_results: bool) -> tuple[Claim, ...]:
    """A folder's own claims, each with its day where it is exploratory; registers those not seen before."""
    entries = register_claims(folder, read_asked_claims(folder), has_results=has_results)
    return tuple(
        entry.claim.claim(exploratory=entry.written if entry.exploratory else "") for entry in entries
    )
