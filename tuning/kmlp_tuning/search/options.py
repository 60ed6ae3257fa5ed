"""`SearchOptions`: the options of a search and their defaults, written once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kmlp.model.metrics import Metric
    from kmlp.training.run import At


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """The options of `kmlp_tuning.tune`. None: the default depends on other options."""

    max_trials: int | None = None
    """The number of configurations to try, all different. None: 25, or all for a grid."""
    algorithm: str = "hyperband"
    objective: str | None = None
    """The figure by which trials are ranked. None: the validation value of the metric."""
    metric: Metric | str | None = None
    """The metric that compares the best trials over other seeds, and that early stopping
    watches. None: accuracy."""
    at: At = "best"
    """The epoch that ranks a trial: its best so far, or its last."""
    max_epochs: int = 10
    """Epochs of the trials that are promoted to the end."""
    patience: int | None = None
    """The epochs without a better validation value of the metric after which a run stops.
    None: no early stopping."""
    min_epochs: int | None = None
    """The smallest number of epochs of a trial. None: 1."""
    factor: int | None = None
    """At each rung, the best `1 / factor` of the trials are promoted. None: 3."""
    replicates: int = 5
    """The number of other seeds with which the best three are trained again."""


DEFAULTS = SearchOptions()
