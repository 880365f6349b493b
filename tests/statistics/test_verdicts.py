"""Claims judged: the rule part by part, Holm over all of them, and what is missing."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from esrlab.core.scores import Score
from esrlab.statistics.claims import ALL, PAPER_CLAIMS, Assertion, Claim, Family
from esrlab.statistics.inference import holm
from esrlab.statistics.verdicts import Verdict, judge

LABELS: dict[Family, str] = {"PSNR": "PSNR-Y/{scale}", "SSIM": "SSIM-Y/{scale}", "LPIPS": "LPIPS"}
BASE: dict[Family, float] = {"PSNR": 30.0, "SSIM": 0.9, "LPIPS": 0.3}
UNIT: dict[Family, float] = {"PSNR": 1.0, "SSIM": 0.01, "LPIPS": -0.01}
"""What a step better is in each metric."""


def study(
    quality: dict[tuple[str, int], float],
    *,
    seeds: int = 6,
    metrics: Sequence[Family] = ALL,
    spread: float = 0.05,
) -> list[Score]:
    """Rows where each recipe is so many steps better at each scale; bicubic stands at 0, without seeds."""
    rng = np.random.default_rng(1)
    return [
        Score(
            study="s",
            recipe=recipe,
            label=recipe,
            scale=scale,
            seed=None if recipe == "bicubic" else seed,
            step=None,
            image=f"Set5/{image}",
            metric=LABELS[metric].format(scale=scale),
            value=BASE[metric]
            + UNIT[metric] * (better + (spread * rng.standard_normal() if seed else 0) + image),
        )
        for (recipe, scale), better in quality.items()
        for metric in metrics
        for seed in ([0] if recipe == "bicubic" else range(1, seeds + 1))
        for image in range(3)
    ]


def one(verdicts: Sequence[Verdict], name: str) -> Verdict:
    return next(verdict for verdict in verdicts if verdict.claim.id == name)


def test_the_papers_claims_are_all_there_as_data() -> None:
    found = {claim.id: claim.parts() for claim in PAPER_CLAIMS}
    sizes = {name: len(parts) for name, parts in found.items()}
    assert sizes == {"A1": 3, "A2": 6, "A3": 1, "B1": 3, "B2": 6, "C1": 6, "C2": 4, "D1": 12}
    assert {part.recipe for part in found["A2"]} == {"wgan-vgg"}
    assert {(part.base, part.scale) for part in found["B2"]} == {(2, 3), (2, 4)}
    assert {(part.kind, part.scale) for part in found["C2"]} == {("shrinks", 3), ("better", 4)}
    assert all(part.recipe == f"{part.rival}-cascade" for part in found["D1"])
    assert len({part for parts in found.values() for part in parts}) == 39, "C2's ×4 is C1's, tested once"


def test_a_claim_is_supported_where_all_parts_hold_in_every_metrics_direction() -> None:
    rows = study({("esrgan-vgg", 2): 1.0, ("wgan-vgg", 2): 0.0})
    verdict = one(judge(rows, PAPER_CLAIMS), "A1")
    assert verdict.outcome == "supported"
    assert [finding.standing for finding in verdict.findings] == ["holds"] * 3
    lpips = verdict.findings[2]
    assert lpips.comparison is not None
    assert lpips.comparison.difference == pytest.approx(-0.01, abs=1e-3)


def test_one_part_against_it_contradicts_a_claim() -> None:
    quality = {("esrgan-vgg", 3): -1.0, ("wgan-vgg", 3): 0.0, ("esrgan-vgg", 4): 1.0, ("wgan-vgg", 4): 0.0}
    verdict = one(judge(study(quality), PAPER_CLAIMS), "A2")
    assert verdict.outcome == "contradicted"
    assert (verdict.count("holds"), verdict.count("against")) == (3, 3)


def test_no_difference_is_undecided_and_says_how_many_seeds() -> None:
    rows = study({("esrgan-vgg", 2): 0.02, ("wgan-vgg", 2): 0.0}, spread=0.5)
    verdict = one(judge(rows, PAPER_CLAIMS), "A1")
    assert verdict.outcome == "undecided"
    assert verdict.count("open") == 3
    for finding in verdict.findings:
        assert finding.comparison is not None
        assert finding.comparison.needed_seeds is None or finding.comparison.needed_seeds > 6


def test_a_part_that_is_missing_keeps_a_claim_from_support_but_not_from_contradiction() -> None:
    for better, outcome in ((1.0, "undecided"), (-1.0, "contradicted")):
        rows = study({("esrgan-vgg", 2): better, ("wgan-vgg", 2): 0.0}, metrics=("PSNR", "SSIM"))
        verdict = one(judge(rows, PAPER_CLAIMS), "A1")
        assert (verdict.outcome, verdict.count("missing")) == (outcome, 1)


def test_without_its_recipes_a_claim_is_not_examined_and_says_what_is_missing() -> None:
    verdicts = judge(study({("esrgan-vgg", 2): 1.0, ("wgan-vgg", 2): 0.0}), PAPER_CLAIMS)
    verdict = one(verdicts, "B1")
    assert verdict.outcome == "not examined"
    assert {(cell.recipe, cell.scale) for finding in verdict.findings for cell in finding.absent} == {
        ("wgan-vgg-tv", 2)
    }


def test_a_lead_that_shrinks_grows_or_stays() -> None:
    claim = Claim(
        id="x",
        words="",
        assertions=(Assertion(kind="shrinks", recipe="tv", rival="plain", scales=(2, 3), metrics=ALL),),
    )
    for at_three, outcome in ((0.2, "supported"), (2.0, "contradicted"), (1.0, "undecided")):
        quality = {("tv", 2): 1.0, ("plain", 2): 0.0, ("tv", 3): at_three, ("plain", 3): 0.0}
        (verdict,) = judge(study(quality), [claim])
        assert verdict.outcome == outcome
        comparison = verdict.findings[0].comparison
        assert comparison is not None
        assert comparison.difference == pytest.approx(1.0 - at_three, abs=0.1)


def test_a_collapse_is_an_ssim_below_half_of_bicubics() -> None:
    fallen = study({("esrgan-vgg", 4): -80.0, ("bicubic", 4): 0.0}, metrics=("SSIM",))
    assert one(judge(fallen, PAPER_CLAIMS), "A3").outcome == "supported"
    sound = study({("esrgan-vgg", 4): 0.0, ("bicubic", 4): 0.0}, metrics=("SSIM",))
    assert one(judge(sound, PAPER_CLAIMS), "A3").outcome == "contradicted"
    ended = [dataclasses.replace(row, outcome="collapsed") if row.seed in (1, 2) else row for row in sound]
    verdict = one(judge(ended, PAPER_CLAIMS), "A3")
    assert (verdict.outcome, verdict.findings[0].ended) == ("undecided", 2)


def test_holm_is_over_every_distinct_part_of_every_claim() -> None:
    quality = {(name, scale): 0.1 * scale for name in ("wgan-vgg", "wgan-resnet") for scale in (2, 3, 4)}
    verdicts = judge(study(quality), PAPER_CLAIMS)
    tested = {
        finding.part: finding
        for verdict in verdicts
        for finding in verdict.findings
        if finding.comparison is not None
    }
    assert {verdict.family for verdict in verdicts} == {len(tested)} == {8}
    raw = [finding.comparison.p for finding in tested.values() if finding.comparison and finding.comparison.p]
    assert [finding.holm for finding in tested.values()] == holm(raw)


def test_one_seed_decides_nothing() -> None:
    rows = study({("esrgan-vgg", 2): 5.0, ("wgan-vgg", 2): 0.0}, seeds=1)
    verdict = one(judge(rows, PAPER_CLAIMS), "A1")
    assert verdict.outcome == "undecided"
    assert verdict.family == 0
    assert all(
        finding.comparison and finding.comparison.untested == "one seed" for finding in verdict.findings
    )


def test_the_imitation_stands_in_only_where_lpips_was_not_measured() -> None:
    rows = study({("esrgan-vgg", 2): 1.0, ("wgan-vgg", 2): 0.0})
    imitated = [dataclasses.replace(row, metric="LPIPS≈") for row in rows if row.metric == "LPIPS"]
    others = [row for row in rows if row.metric != "LPIPS"]
    assert one(judge(others + imitated, PAPER_CLAIMS), "A1").findings[2].metric == "LPIPS≈"
    assert one(judge(rows + imitated, PAPER_CLAIMS), "A1").findings[2].metric == "LPIPS"


def test_verdicts_do_not_depend_on_the_order_of_rows() -> None:
    rows = study({("esrgan-vgg", 2): 0.05, ("wgan-vgg", 2): 0.0})
    assert judge(rows[::-1], PAPER_CLAIMS) == judge(rows, PAPER_CLAIMS)
