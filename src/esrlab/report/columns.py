"""The columns of figures that tables have, and what has to be said of them."""

from dataclasses import dataclass

from esrlab.core.metrics import LPIPS, LPIPS_STUDENT, PSNR, SSIM


@dataclass(frozen=True)
class Column:
    """A metric's column: its heading, its metric at a scale, its decimals, whether it shows intervals."""

    heading: str
    metric: str
    decimals: int
    has_intervals: bool = True

    def at(self, scale: int) -> str:
        """The metric's label at this scale."""
        return self.metric.format(scale=scale)

    def show(self, value: float) -> str:
        """A value with the column's decimals."""
        return f"{value:.{self.decimals}f}"


FIELD = (
    Column("PSNR-Y/s", "PSNR-Y/{scale}", PSNR.decimals),
    Column("SSIM-Y/s", "SSIM-Y/{scale}", SSIM.decimals),
    Column("PSNR-RGB/s", "PSNR-RGB/{scale}", PSNR.decimals),
    Column("SSIM-RGB/s", "SSIM-RGB/{scale}", SSIM.decimals),
)
OWN_AND_PRINTED = (
    Column("PSNR-paper", "PSNR-paper", PSNR.decimals, has_intervals=False),
    Column("SSIM-paper", "SSIM-paper", SSIM.decimals, has_intervals=False),
)
REAL_LPIPS = Column(LPIPS.name, LPIPS.name, LPIPS.decimals)
STUDENT_LPIPS = Column(LPIPS_STUDENT, LPIPS_STUDENT, LPIPS.decimals)
PAPERS = "paper"
"""Heads the paper's own figure, beside ours."""

ABSENT = "n/a"
"""What stands in the LPIPS column where it was not measured."""

INTERVALS = (
    "In brackets: the 95% interval of a mean over seeds, by t, on these images. It does not tell whether one "
    "recipe is better than another: intervals of differences do."
)
NO_INTERVALS = "No mean has a ± or a 95% interval: that takes several seeds."

CONVENTIONS = (
    "PSNR-Y/s and SSIM-Y/s: on BT.601 luma, s = scale pixels of border left out, 8-bit images, mean over "
    "images; -RGB: on the three channels. ± is the standard deviation between seeds of each seed's mean. "
    "LPIPS: AlexNet, v0.1, whole images, smaller is nearer."
)
LPIPS_STUDENT_NOTE = (
    "LPIPS≈ is a small network that was taught to imitate LPIPS-Alex; it is not LPIPS, and how far it is "
    "from a published value{beside} means nothing."
)
BESIDE = ", the paper's beside it included,"
"""What LPIPS_STUDENT_NOTE adds where the paper's value stands beside it."""

UNKNOWN_METRICS_NOTE = (
    "{metrics}: it is not known whether higher or lower is better, so it is in tables.csv only and not "
    "compared."
)
LPIPS_ABSENT_NOTE = (
    "No row has LPIPS: it was not asked for, or its weights were not there when these rows were made. esrlab "
    "weights get alexnet and esrlab weights get lpips-alex fetch them (244 MB and 6 kB); finished runs then "
    "have to be scored anew in a new folder."
)
