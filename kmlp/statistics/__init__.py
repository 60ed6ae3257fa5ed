"""Statistics over seeds: means with intervals, and differences paired by seed."""

from kmlp.statistics._class_averages import balanced_accuracy, macro_f1
from kmlp.statistics._constants import CONFIDENCE, POWER, ROUNDING
from kmlp.statistics._differences import (
    BETTER,
    SAME,
    UNDECIDED,
    VERDICTS,
    WORSE,
    Difference,
    Differences,
    compare_differences,
)
from kmlp.statistics._estimates import (
    Estimate,
    estimate,
    prediction_interval,
    shared_of,
)
from kmlp.statistics._holm import holm
from kmlp.statistics._levels import Comparison, Pairs, compare_levels
from kmlp.statistics._looks import constant, looks
from kmlp.statistics._planning import seeds_range, seeds_to_resolve
from kmlp.statistics._proportions import chance_limit, proportion_error, wilson_interval
from kmlp.statistics._sequential import (
    REASONS,
    Reason,
    SequentialComparison,
    compare_sequentially,
)

__all__ = [
    "BETTER",
    "CONFIDENCE",
    "POWER",
    "REASONS",
    "ROUNDING",
    "SAME",
    "UNDECIDED",
    "VERDICTS",
    "WORSE",
    "Comparison",
    "Difference",
    "Differences",
    "Estimate",
    "Pairs",
    "Reason",
    "SequentialComparison",
    "balanced_accuracy",
    "chance_limit",
    "compare_differences",
    "compare_levels",
    "compare_sequentially",
    "constant",
    "estimate",
    "holm",
    "looks",
    "macro_f1",
    "prediction_interval",
    "proportion_error",
    "seeds_range",
    "seeds_to_resolve",
    "shared_of",
    "wilson_interval",
]
