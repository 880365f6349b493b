"""What score rows say over seeds: spreads, comparisons, verdicts on claims. No torch: rows alone.

How, and how well it was measured to work: docs/statistics.md.
"""

from esrlab.statistics.comparisons import Cell, Comparison, compare, contrast, gather, higher_is_better
from esrlab.statistics.spreads import Series, Spread, spreads
from esrlab.statistics.verdicts import Finding, Verdict, claimed_sign, judge

__all__ = [
    "Cell",
    "Comparison",
    "Finding",
    "Series",
    "Spread",
    "Verdict",
    "claimed_sign",
    "compare",
    "contrast",
    "gather",
    "higher_is_better",
    "judge",
    "spreads",
]
