"""Keras Tuner's random search, grid search and Bayesian optimization."""

from __future__ import annotations

import warnings
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import TrialStatus
from threadpoolctl import threadpool_limits

from kmlp_tuning.oracles._base import CorrectedOracle

BATCH = 4
"""The number of configurations that Bayesian optimization draws before it sees their
results. It is constant, so that draws do not depend on the number of parallel trials."""


class RandomOracle(CorrectedOracle, keras_tuner.oracles.RandomSearchOracle):
    """Keras Tuner's random search."""


class GridOracle(CorrectedOracle, keras_tuner.oracles.GridSearchOracle):
    """Keras Tuner's grid search, without waiting for trials to end."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.start_order:  # Keras Tuner waits for a trial to end for the next values
            self._populate_next = [self.start_order[-1]]
        drawn: dict[str, Any] = super().populate_space(trial_id)
        return drawn


class BayesianOracle(CorrectedOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Keras Tuner's Bayesian optimization, in batches, and without repeated values."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._before = 0

    def _get_hp_bounds(self) -> Any:
        # Keras Tuner would turn exactly 1 into an integer that is one above the range.
        return np.minimum(super()._get_hp_bounds(), 1 - 1e-9)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if not self.ongoing_trials:
            self._before = len(self.trials)
        elif len(self.trials) - self._before >= BATCH:
            return {"status": TrialStatus.IDLE}
        # With several threads, the draw would depend on their number. Users cannot
        # change that the Gaussian process does not converge.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            drawn: dict[str, Any] = super().populate_space(trial_id)
        if drawn["values"] and self._duplicate(drawn["values"]):
            return dict(self._random_populate_space())
        return drawn
