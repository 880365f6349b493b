"""Images of two folders, paired by name: HR images with their LR, or with what a tool made of them."""

import re
from collections.abc import Mapping
from pathlib import Path

from esrlab.core.files import printable
from esrlab.data.image_files import find_images
from esrlab.errors import UserError

_SUFFIXES = re.compile(r"(?:[-_. ]?x[2-8]|[-_. ](?:out|output|result|sr|hr|gt))+$", re.IGNORECASE)
"""What tools add to an image's name: its scale, or which side of a comparison it is on."""


_ADDED = re.compile(r"[-_. ].*[a-z]|x[2-8]", re.IGNORECASE)
"""How anything else begins that a tool may add (_SwinIR); a number alone tells images apart."""


def images_by_name(folder: Path) -> dict[str, Path]:
    """Image files by their path below the folder without its ending (SR and HR may differ in format)."""
    found: dict[str, Path] = {}
    for path in find_images(folder):
        name = printable(path.relative_to(folder).with_suffix("").as_posix())
        if name in found:
            raise UserError(f"{folder} holds {name} twice: {found[name].name} and {path.name}")
        found[name] = path
    if not found:
        raise UserError(f"{folder} holds no image")
    return found


def find_partners(
    sr: Mapping[str, Path],
    hr: Mapping[str, Path],
    *,
    sr_folder: Path,
    hr_folder: Path,
    may_be_more: bool = False,
) -> dict[str, Path]:
    """For each name in `hr`, sorted, the file of `sr` that belongs to it.

    Equal names belong together. Among those left over, names that are equal without what tools add to them
    (baby_x4, babyx4, baby_out, baby-sr) do, where they are the only two; then those that all
    have the same added to them, whatever it is (baby_SwinIR, bird_SwinIR). Raises UserError naming an image
    without a partner, or with several that it could be. `may_be_more`: images of `sr` may be left over.
    """
    found = {name: sr[name] for name in hr if name in sr}
    lonely_sr, lonely_hr = ({*some} - found.keys() for some in (sr, hr))
    stems_sr, stems_hr = _by_stem(lonely_sr), _by_stem(lonely_hr)
    for stem in sorted(stems_sr.keys() & stems_hr.keys()):
        for here, there in ((stems_sr[stem], stems_hr[stem]), (stems_hr[stem], stems_sr[stem])):
            if len(here) > 1:
                raise UserError(
                    f"{there[0]} could belong to {here[0]} or {here[1]}; remove one of them, "
                    "or give both folders equal names"
                )
        found[stems_hr[stem][0]] = sr[stems_sr[stem][0]]
        lonely_sr.discard(stems_sr[stem][0])
        lonely_hr.discard(stems_hr[stem][0])
    for name, partner in _by_common_suffix(lonely_sr, lonely_hr).items():
        found[name] = sr[partner]
        lonely_hr.discard(name)
        lonely_sr.discard(partner)
    for lonely, files, folder in ((lonely_sr, sr, hr_folder), (lonely_hr, hr, sr_folder)):
        if lonely and not (may_be_more and files is sr):
            more = f" (and {len(lonely) - 1} more)" if len(lonely) > 1 else ""
            raise UserError(f"{files[min(lonely)]} has no image of the same name in {folder}{more}")
    return dict(sorted(found.items()))


def _by_common_suffix(sr: set[str], hr: set[str]) -> dict[str, str]:
    """For each name in `hr` that in `sr` with the same after it in all; none unless just one fits."""
    if not hr:
        return {}
    first = min(hr)
    added = {name.removeprefix(first) for name in sr if name.startswith(first)}
    fits = [end for end in added if _ADDED.match(end) and all(name + end in sr for name in hr)]
    return {name: name + fits[0] for name in hr} if len(fits) == 1 else {}


def _by_stem(names: set[str]) -> dict[str, list[str]]:
    """Names by what is left of them without suffixes."""
    stems: dict[str, list[str]] = {}
    for name in sorted(names):
        folder, slash, own = name.rpartition("/")
        stems.setdefault(f"{folder}{slash}{_SUFFIXES.sub('', own) or own}", []).append(name)
    return stems
