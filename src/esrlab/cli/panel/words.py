"""A step's numbers in words: short, signed where the sign matters, never failing on an odd value."""

import math
from typing import Any

from esrlab.cli.console import clock

VALIDATION = "validation/"
BICUBIC = "validation/bicubic/"


def number(value: object) -> float | None:
    """The value as a float; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def short(value: object) -> str:
    """Three digits: 0.0123, 27.9, 1.2e-05; "nan" and "inf" as they are, "–" where there is nothing."""
    found = number(value)
    if found is None:
        return "–"
    if not math.isfinite(found):
        return str(found)
    if found == 0:
        return "0"
    return f"{found:.3g}" if 1e-3 <= abs(found) < 1e3 else _scientific(found)


def _scientific(value: float) -> str:
    """4.1e-6, 1e-4, 12345 as 1.2e4."""
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def signed(value: object, digits: int = 2) -> str:
    """With its sign, which carries the meaning: +0.42, −0.10."""
    found = number(value)
    if found is None:
        return "–"
    if not math.isfinite(found):
        return str(found)
    sign = "−" if found < 0 else "+"
    return sign + (f"{abs(found):.{digits}f}" if abs(found) < 1e3 else _scientific(abs(found)))


def is_sound(value: object) -> bool:
    """Whether a value is absent or finite; what is not must catch the eye."""
    found = number(value)
    return found is None or math.isfinite(found)


def terms_of(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each term of this step: its "value" and the parts of its pull ("norm", "share", "cosine", "weight")."""
    terms: dict[str, dict[str, Any]] = {}
    for key, value in row.items():
        group, _, name = key.partition("/")
        if group == "loss":
            terms.setdefault(name, {})["value"] = value
        elif group == "pull" and isinstance(value, dict):
            terms.setdefault(name, {}).update(value)
    return terms


def gain(row: dict[str, Any]) -> float | None:
    """Decibels by which this batch is above its bicubic enlargement."""
    own, bicubic = number(row.get("image/psnr")), number(row.get("image/bicubic"))
    return None if own is None or bicubic is None else own - bicubic


def validation_of(row: dict[str, Any]) -> dict[str, Any]:
    """What this step's validation gave; empty at the other steps."""
    return {key: value for key, value in row.items() if key.startswith(VALIDATION)}


def validation_words(values: dict[str, Any]) -> list[str]:
    """One "PSNR-Y/4 27.91 (bicubic 27.40)" for each metric."""
    words: list[str] = []
    for key, value in values.items():
        if key.startswith(BICUBIC):
            continue
        label = key.removeprefix(VALIDATION)
        bicubic = values.get(BICUBIC + label)
        words.append(
            f"{label} {measured(label, value)}"
            + ("" if bicubic is None else f" (bicubic {measured(label, bicubic)})")
        )
    return words


def validation_table(values: dict[str, Any]) -> tuple[str, str]:
    """The same on two lines: labels with values, and bicubic's values below them."""
    above, below = "", ""
    for key, value in values.items():
        if key.startswith(BICUBIC):
            continue
        label = key.removeprefix(VALIDATION)
        word = measured(label, value)
        above += f"{label} {word}  "
        bicubic = measured(label, values[BICUBIC + label]) if BICUBIC + label in values else ""
        below += f"{bicubic:>{len(label) + 1 + len(word)}}  "
    return above.rstrip(), below.rstrip()


def measured(label: str, value: object) -> str:
    """A metric's value with its own decimals, four where it is not known."""
    # Late: it loads torch, which is there already where anything is validated
    from esrlab.evaluation.metrics.choice import known_here

    found, info = number(value), known_here().find(label)
    return "–" if found is None else f"{found:.4f}" if info is None else info.show(found)


def decibels(value: object) -> str:
    """A number of decibels."""
    found = number(value)
    return "–" if found is None else f"{found:.2f} dB"


def plain_line(step: int, total: int, row: dict[str, Any], *, left: float | None, rate: float | None) -> str:
    """One compact line for logs and pipes."""
    shares = [
        f"{name} {short(term.get('value'))}" + (f" {share:.0%}" if share is not None else "")
        for name, term in terms_of(row).items()
        for share in [number(term.get("share"))]
    ]
    ahead = gain(row)
    parts = [
        f"step {step}/{total} {step / max(total, 1):.0%}",
        f"{clock(left)} to go" if left is not None else "",
        f"{short(rate)} images/s" if rate is not None else "",
        decibels(row["image/psnr"]) if "image/psnr" in row else "",
        f"({signed(ahead)} over bicubic)" if ahead is not None else "",
        *shares,
        f"critic gap {signed(row['critic/gap'])}" if "critic/gap" in row else "",
        f"{short(row['memory_gib'])} GiB" if "memory_gib" in row else "",
    ]
    return "  ".join(part for part in parts if part)
