"""`SearchOptions`: the options of a search and their defaults, written once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """The options of `kmlp_tuning.tune`, as they are given; None: derived from others."""

    max_trials: int | None = None
    """Number of configurations to try, all different; None: 25, for a grid all."""
    algorithm: str = "hyperband"
    objective: str = "val_accuracy"
    """The figure of the last epoch by which trials are ranked."""
    max_epochs: int = 10
    """Epochs of the trials that are promoted to the end."""
    min_epochs: int | None = None
    """Epochs of every trial at least; None: 1."""
    factor: int | None = None
    """At each rung, the best `1 / factor` of the trials go on; None: 3."""
    replicates: int = 3
    """Number of other seeds with which the best three are trained again."""


DEFAULTS = SearchOptions()
