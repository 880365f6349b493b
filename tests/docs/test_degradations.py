"""The page on degradations has every kind and every field, with its meaning and its default."""

from pathlib import Path

from esrlab.core.parts import kinds_in
from esrlab.data.degradations.any_degradation import AnyDegradation

PAGE = (Path(__file__).parents[2] / "docs" / "degradations.md").read_text(encoding="utf-8")


def test_every_kind_has_a_row() -> None:
    for kind in kinds_in(AnyDegradation):
        assert f"\n| `{kind}` | " in PAGE, kind


def test_every_field_has_a_row_with_its_default_and_meaning() -> None:
    for kind, model in kinds_in(AnyDegradation).items():
        for name, info in model.model_fields.items():
            if name == "kind":
                continue
            default = info.default if isinstance(info.default, tuple) else (info.default,)
            shown = (
                "–"
                if info.is_required()
                else " ".join(
                    f"{value:g}" if isinstance(value, (int, float)) else str(value) for value in default
                )
            )
            assert f"\n| `{kind}` `{name}` | {shown} | {info.description} |" in PAGE, f"{kind}.{name}"
