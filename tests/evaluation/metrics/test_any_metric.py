"""One pattern for metrics: what each describes, and what one file and one name in the union bring."""

import json
import re
import sys
import types
from pathlib import Path
from typing import Annotated, Literal

import pytest
import torch
from pydantic import Field

from esrlab.cli.main import call
from esrlab.core.metrics import BUILT_IN, MetricInfo, read_known
from esrlab.core.scores import read_scores
from esrlab.data.image_files import write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.errors import UsageError
from esrlab.evaluation.metrics import any_metric, choice
from esrlab.evaluation.metrics.any_metric import METRICS, STANDARD
from esrlab.evaluation.metrics.choice import describe, expand, known_here, parts_of
from esrlab.evaluation.metrics.inputs import Metric, MetricInputs, MetricPart
from esrlab.evaluation.metrics.ssim import SSIM
from esrlab.report.build import make_report
from esrlab.report.merging import merge_studies
from esrlab.statistics.comparisons import compare, gather

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")


class Jaggedness(MetricPart):
    """Mean step from pixel to pixel less HR's, a metric that nothing in the package has heard of."""

    kind: Literal["jagged"] = "jagged"
    times: float = Field(default=1000.0, gt=0, description="its unit")

    @property
    def info(self) -> MetricInfo:
        return MetricInfo(
            id="JAG-RGB/s",
            family="JAG",
            higher_is_better=False,
            unit="mst",
            decimals=1,
            convention="thousandths of the range from pixel to pixel",
            is_primary=True,
        )

    def build(self, device: torch.device) -> Metric:
        return Metric(self.info, self._compute)

    def _compute(self, inputs: MetricInputs) -> float:
        one, other = (image.diff(dim=-1).abs().mean().item() for image in (inputs.sr, inputs.hr))
        return self.times * abs(one - other)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registration line: the union has one name more, and the table of kinds follows from it."""
    module = types.ModuleType("jagged_metric")
    module.__dict__["Jaggedness"] = Jaggedness
    monkeypatch.setitem(sys.modules, "jagged_metric", module)
    union = Annotated[any_metric.AnyMetric.__origin__ | Jaggedness, Field(discriminator="kind")]  # type: ignore
    monkeypatch.setattr(any_metric, "AnyMetric", union)
    for kind, metric in any_metric.kinds_in(union).items():
        monkeypatch.setitem(METRICS, kind, metric)
    choice.known_here.cache_clear()


@pytest.fixture
def eye(tmp_path: Path) -> Path:
    """One small HR image, and what "other tools" made of it."""
    image = next(open_benchmark("samples", name="samples").images())[1][..., 80:144, 120:184]
    write_image(image, tmp_path / "Cats" / "eye.png")
    write_image((image * 0.5).round(decimals=1), tmp_path / "coarse" / "eye.png")
    return tmp_path


@pytest.mark.usefixtures("registered")
def test_a_metric_is_one_file_and_one_name(eye: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--benchmark", f"Cats={eye / 'Cats'}", "--scale", "2", "--metrics", "psnr,jagged"]
    assert call(["evaluate", "bicubic", str(eye / "coarse"), *asked, "--out", str(eye / "out")]) == 0
    assert "JAG-RGB/2" in capsys.readouterr().out
    (eye / "out" / "claims.toml").write_text(
        '[[claims]]\nid = "mine"\nwords = "bicubic is smoother"\nbetter = "coarse"\nthan = "bicubic"\n'
        'scales = [2]\nmetrics = ["JAG"]\n'
    )
    rows = read_scores(eye / "out" / "scores.jsonl")
    METRICS.pop("jagged")  # the report has only what lies beside the rows
    report = make_report(eye / "out")
    table = next(table for table in report.tables if table.key == "all-Cats")
    place = table.columns.index("JAG-RGB/s")
    values = {row.recipe: row.value for row in rows if row.metric == "JAG-RGB/2"}
    assert [row.cells[place] for row in table.rows] == [
        f"{values[name]:.1f}" for name in ("bicubic", "coarse")
    ]
    notes = " ".join(report.words.notes)
    assert "JAG-RGB/s: thousandths of the range from pixel to pixel, smaller is better." in notes
    (told,) = [line for line in report.judgement.sentences if line.startswith("mine")]
    assert re.search(r"mst (above|below) bicubic in JAG-RGB/2, where smaller is better", told), told
    page = (eye / "out" / "report.html").read_text(encoding="utf-8")
    assert "JAG-RGB/s" in page
    assert "not known whether" not in notes


@pytest.mark.usefixtures("registered")
def test_merging_joins_descriptions_and_refuses_contradictions(eye: Path) -> None:
    for name, metrics in (("one", "psnr,jagged"), ("two", "psnr")):
        asked = ["--benchmark", f"Cats={eye / 'Cats'}", "--scale", "2", "--metrics", metrics]
        assert call(["evaluate", "bicubic", *asked, "--out", str(eye / name), "--json"]) == 0
    out = merge_studies([eye / "two", eye / "one"], eye / "both")
    found = read_known(out).find("JAG-RGB/4")
    assert found == Jaggedness().info
    place = eye / "two" / "metrics.json"
    changed = [*json.loads(place.read_text()), {**json.loads((eye / "one" / "metrics.json").read_text())[-1]}]
    changed[-1]["higher_is_better"] = True
    place.write_text(json.dumps(changed))
    with pytest.raises(UsageError, match=r"JAG-RGB/s is one metric in .*two and another in .*one: higher"):
        merge_studies([eye / "two", eye / "one"], eye / "both")


def test_of_a_metric_that_is_described_nowhere_nothing_is_assumed() -> None:
    assert known_here().find("JAG-RGB/4") is None
    assert known_here().find("PSNR-Y/17") == BUILT_IN.primary("PSNR")
    with pytest.raises(ValueError, match=r"not spnr \(did you mean psnr"):
        parts_of(["spnr"])


def test_the_standard_metrics_are_as_older_rows_are_read() -> None:
    assert describe(STANDARD) == tuple(info for info in BUILT_IN.infos if not info.imitates)
    assert [part.label for part in parts_of(["ssim", "psnr"])] == [
        *("PSNR-Y/s", "SSIM-Y/s", "PSNR-RGB/s", "SSIM-RGB/s", "PSNR-paper", "SSIM-paper")
    ]
    assert expand(["ssim", {"kind": "ssim", "border": 0}])[-1] == SSIM(border=0)


def test_the_rows_of_a_comparison_that_is_not_known_are_not_tested() -> None:
    from made_study import make_scores

    rows = [row for row in make_scores() if row.metric == "LPIPS"]
    unknown = gather([type(row)(**{**row.__dict__, "metric": "odd"}) for row in rows])
    found = compare(unknown, "wgan-vgg", "esrgan-vgg", scale=2, metric="odd")
    assert "not known" in found.untested


@pytest.mark.parametrize("kind", METRICS)
def test_each_kind_is_documented_with_what_it_says_of_itself(kind: str) -> None:
    table = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    (line,) = [line for line in table.splitlines() if line.startswith(f"| `{kind}` |")]
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    for part in parts_of([kind]):
        info = part.info
        assert f"`{info.id}`" in cells[1]
        assert (cells[2], cells[3]) == (info.family, info.unit)
        assert cells[4] == ("higher" if info.higher_is_better else "lower")
        assert cells[5].lower().split(", ") == list(info.needs) or (cells[5], info.needs) == ("nothing", ())
        assert cells[6] == info.role
        assert info.convention
    assert (METRICS[kind].__doc__ or "").strip()
    assert all(field.description for name, field in METRICS[kind].model_fields.items() if name != "kind")
