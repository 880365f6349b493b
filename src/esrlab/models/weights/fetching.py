"""Getting weights into a folder: from a copy on this machine or from the web, whole or the features alone."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import save

from esrlab.core.digests import Checksum, digest, megabytes
from esrlab.core.download import PATIENT, Patience, Progress, download, part_of
from esrlab.core.files import remove_leftovers, replacing, write_text
from esrlab.core.tensor_files import read_state
from esrlab.errors import UserError
from esrlab.models.features.imagenet import FeatureNetworkName, layer_names
from esrlab.models.weights.catalogue import WeightFile, WeightRecord
from esrlab.models.weights.finding import SIDECAR, Found, examine, find_weights, search_folders
from esrlab.models.weights.loading import feature_bytes, feature_keys

SPARE = 1_000_000
"""Bytes that are left free beside what is written."""


def fetch(
    record: WeightRecord,
    *,
    folder: Path,
    features_only: bool,
    progress: Progress,
    say: Callable[[str], None],
    patience: Patience = PATIENT,
) -> Path:
    """Make sure that `folder` holds the record's weights, complete and verified; returns the file.

    A verified original elsewhere on this machine is used in place of a download. `say` is called with what
    will be done before it is done. With `features_only`, the original is removed again if this call
    downloaded it. Raises UserError for what the server, the disk or the checksum refuses.
    """
    wanted = (record.features_file if features_only else None) or record.file
    target = folder / wanted.name
    if _is_verified(record, target, wanted):
        say(f"{record.name}: {target} is there already, verified")
        return target
    _prepare(folder)
    features = feature_bytes(_network(record)) if wanted != record.file else 0
    source = _find_original(record, folder)
    if source is None:
        original = folder / record.file.name
        _download(record, original, keep=features, progress=progress, say=say, patience=patience)
    else:
        _require_space(folder, features or record.size)
        original = source
        say(f"{record.name}: taken from {source}, verified")
    if wanted == record.file:
        if original != target:
            _copy(original, target)
        return target
    _keep_features(record, original, target)
    if source is None:
        original.unlink()
    else:
        say(f"{record.name}: {source} ({megabytes(record.size)}) is kept, since other programs may use it")
    return target


def hints_after(record: WeightRecord, target: Path) -> list[str]:
    """What keeps a fetched file from being the one that is used."""
    if target.parent.resolve() not in [folder.resolve() for folder in search_folders()]:
        return [f"esrlab does not search {target.parent}: add it to $ESRLAB_WEIGHTS"]
    found = find_weights(record.name)
    if found is not None and found.path.resolve() != target.resolve():
        condition, _ = examine(found)
        return [f"{found.path} ({condition}) is used in its place, because its folder is searched first"]
    return []


def _is_verified(record: WeightRecord, path: Path, file: WeightFile) -> bool:
    return path.is_file() and examine(Found(record.name, path, file))[0] == "verified"


def _find_original(record: WeightRecord, folder: Path) -> Path | None:
    """A verified copy of the original file, in `folder` or wherever weights are looked for."""
    paths = [place / record.file.name for place in (folder, *search_folders())]
    return next((path for path in paths if _is_verified(record, path, record.file)), None)


def _network(record: WeightRecord) -> FeatureNetworkName:
    return cast(FeatureNetworkName, record.name)


def _prepare(folder: Path) -> None:
    """Clears away what killed calls left there; raises UserError where nothing can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        remove_leftovers(folder, shared=True)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another with --to") from error


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise UserError(
            f"{folder} has {megabytes(free)} free, {megabytes(needed + SPARE)} are needed; free some space, "
            "or "
            f"choose another folder with --to"
        )


def _download(
    record: WeightRecord,
    target: Path,
    *,
    keep: int,
    progress: Progress,
    say: Callable[[str], None],
    patience: Patience,
) -> None:
    """Reports what is downloaded and how large it is, checks the free space for it and for what is kept of
    it, and downloads.
    """
    part = part_of(target)
    there = min(part.stat().st_size, record.size) if part.is_file() else 0
    size = f"{'' if record.is_exact else 'about '}{megabytes(record.size)}"
    notes = f", resuming after {megabytes(there)}" if there else ""
    notes += f"; {megabytes(keep)} of it are kept" if keep else ""
    say(f"{record.name}: {size} from {record.address} to {target.parent} ({record.licence}){notes}")
    _require_space(target.parent, record.size - there + keep)
    assert record.file.sha256 is not None
    download(
        record.address,
        target,
        checksum=Checksum(record.file.sha256),
        size=record.size if record.is_exact else None,
        progress=progress,
        patience=patience,
    )


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def _keep_features(record: WeightRecord, original: Path, target: Path) -> None:
    """Writes the feature layers in float32, and their sha256 beside them."""
    network = _network(record)
    state, _ = read_state(original)
    keys = sorted(feature_keys(network, layer_names(network)[-1]))
    missing = [key for key in keys if key not in state]
    if missing:
        raise UserError(f"{original} has no {missing[0]}: these are not weights of {record.name}")
    tensors = {key: state[key].to(torch.float32).contiguous() for key in keys}
    about = {
        "weights": record.about,
        "licence": record.licence,
        "source": record.address,
        "source_sha256": digest(original),
    }
    with replacing(target) as temporary:
        temporary.write_bytes(save(tensors, metadata=about))
        write_text(target.with_name(target.name + SIDECAR), f"{digest(temporary)}  {target.name}\n")
