"""Keras Tuner oracles: they draw the next hyperparameters and the epochs to train.

They are those of Keras Tuner 1.4.8, where it has them, with three bugs fixed: seed 0 is a
seed, values are tried once, and a number of trials is a number of configurations. A trial
carries the same values as in Keras Tuner's Hyperband: `tuner/epochs`, the epoch to train
to; `tuner/initial_epoch`, the epoch to continue from; `tuner/trial_id`, the trial to
continue; `tuner/bracket` and `tuner/round`, counted from 0.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial, TrialStatus
from threadpoolctl import threadpool_limits

from kmlp_tuning.oracles.schedule import (
    Bracket,
    plan_hyperband,
    successive_halving_epochs,
)

BATCH = 4
"""The number of configurations that Bayesian optimization draws before it sees their
results. It is constant, so that draws do not depend on how many are trained at a time."""

MIN_COLLISIONS = 10_000
"""The number of repeated draws after which a space counts as exhausted."""

_ENDED = (TrialStatus.COMPLETED, TrialStatus.FAILED)
_PREFIX = "tuner/"


class _Sound:
    """Mixin that fixes Keras Tuner's oracles; it stands before one of them.

    Without a project folder, which a `Tuner` sets, an oracle writes no files.
    """

    def __init__(self, *, seed: int | None = None, size: int | None = None, **options: Any):
        # Keras Tuner would replace a seed of 0, draw the same numbers again for nearby
        # seeds, and stop the search after three failures in a row.
        if seed is not None:
            seed = int(np.random.SeedSequence(seed).generate_state(1)[0]) or 1
        options.setdefault("max_consecutive_failed_trials", math.inf)
        super().__init__(seed=seed, **options)  # type: ignore[call-arg]
        # Keras Tuner would take the space for exhausted after 20 repeated draws.
        self._max_collisions = max(MIN_COLLISIONS, 100 * (size or 0))

    def save(self) -> None:
        if hasattr(self, "_directory"):
            super().save()  # type: ignore[misc]

    def _save_trial(self, trial: Trial) -> None:
        if hasattr(self, "_directory"):
            super()._save_trial(trial)  # type: ignore[misc]

    def _compute_values_hash(self, values: dict[str, Any]) -> Any:
        own = {k: value for k, value in values.items() if not k.startswith(_PREFIX)}
        return super()._compute_values_hash(own)  # type: ignore[misc]


class RandomOracle(_Sound, keras_tuner.oracles.RandomSearchOracle):
    """Keras Tuner's random search."""


class GridOracle(_Sound, keras_tuner.oracles.GridSearchOracle):
    """Keras Tuner's grid search, without waiting for trials to end."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.start_order:  # Keras Tuner waits for a trial to end for the next values
            self._populate_next = [self.start_order[-1]]
        drawn: dict[str, Any] = super().populate_space(trial_id)
        return drawn


class BayesianOracle(_Sound, keras_tuner.oracles.BayesianOptimizationOracle):
    """Keras Tuner's Bayesian optimization, in batches, and without repeated values."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._before = 0

    def _get_hp_bounds(self) -> Any:
        # Keras Tuner would turn 1 itself into an integer one above its range.
        return np.minimum(super()._get_hp_bounds(), 1 - 1e-9)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if not self.ongoing_trials:
            self._before = len(self.trials)
        elif len(self.trials) - self._before >= BATCH:
            return {"status": TrialStatus.IDLE}
        # With several threads the draw would depend on their number; and users cannot
        # help it if the Gaussian process does not converge.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            drawn: dict[str, Any] = super().populate_space(trial_id)
        if drawn["values"] and self._duplicate(drawn["values"]):
            return dict(self._random_populate_space())
        return drawn


class _Halving(_Sound, keras_tuner.Oracle):
    """Base of Hyperband and ASHA: rungs of trials, of which the best are promoted."""

    def __init__(
        self,
        objective: Any = None,
        max_trials: int = 25,
        max_epochs: int = 10,
        factor: int = 3,
        min_epochs: int = 1,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        numbers = (max_trials, max_epochs, factor, min_epochs)
        if (
            not all(isinstance(number, int) for number in numbers)
            or max_trials < 1
            or factor < 2
            or not 1 <= min_epochs <= max_epochs
        ):
            raise ValueError(
                f"max_trials={max_trials}, factor={factor}, min_epochs={min_epochs} and "
                f"max_epochs={max_epochs} must be integers, `max_trials >= 1`, `factor >= "
                "2` and `1 <= min_epochs <= max_epochs`."
            )
        super().__init__(objective=objective, seed=seed, **options)
        self._numbers = list(numbers)
        self._exhausted = False
        lengths = self._make_plan(*numbers)
        self._rungs: list[list[list[str]]] = [[[] for _ in range(it)] for it in lengths]

    def _make_plan(
        self, max_trials: int, max_epochs: int, factor: int, min_epochs: int
    ) -> list[int]:
        """Plan the search, and return the number of rungs of each bracket."""
        raise NotImplementedError

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        own = {"numbers": self._numbers, "rungs": self._rungs}
        return state | own | {"exhausted": self._exhausted}

    def set_state(self, state: dict[str, Any]) -> None:
        if state["numbers"] != self._numbers:
            raise ValueError(
                "The project was begun with other numbers of trials or epochs. Give those, "
                "or choose another `project_name`."
            )
        super().set_state(state)
        self._rungs = state["rungs"]
        self._exhausted = state["exhausted"]

    def remaining_trials(self) -> None:
        """Return None, unknown: Keras Tuner counts promotions as trials."""

    def _begin(self, trial_id: str, bracket: int, epochs: int) -> dict[str, Any] | None:
        """Draw a new configuration; None if the space is exhausted."""
        values = None if self._exhausted else self._random_values()
        if values is None:
            self._exhausted = True
            return None
        self._rungs[bracket][0].append(trial_id)
        return _running(values, bracket=bracket, level=0, epochs=epochs)

    def _promote(
        self, trial_id: str, past_id: str, bracket: int, level: int, epochs: int
    ) -> dict[str, Any]:
        past = self.trials[past_id].hyperparameters.values
        self._rungs[bracket][level].append(trial_id)
        values = {k: value for k, value in past.items() if not k.startswith(_PREFIX)}
        values["tuner/trial_id"] = past_id
        initial = past["tuner/epochs"]
        return _running(
            values, bracket=bracket, level=level, epochs=epochs, initial=initial
        )

    def _ranked(self, trial_ids: Iterable[str]) -> list[str]:
        """The trials with a score, the best first; of equals, the one that began first."""
        done = [
            id_ for id_ in trial_ids if self.trials[id_].status == TrialStatus.COMPLETED
        ]
        sign = -1 if self.objective.direction == "max" else 1
        return sorted(done, key=lambda id_: (sign * self.trials[id_].score, int(id_)))

    def _ended(self, trial_ids: Iterable[str]) -> list[str]:
        return [id_ for id_ in trial_ids if self.trials[id_].status in _ENDED]

    def _wait_or_stop(self) -> dict[str, Any]:
        going = self.ongoing_trials or self._retry_queue
        return {"status": TrialStatus.IDLE if going else TrialStatus.STOPPED}


class HyperbandOracle(_Halving):
    """Hyperband, for any `keras_tuner.Tuner`.

    Promotions wait until their rung is complete; the brackets run side by side. A trial
    that failed ranks last and blocks nothing. Of equal scores, the trial that began first
    ranks first. The hypermodel has to train for the epochs that a trial asks for, as
    `MLPHyperModel` does. The tuner has to continue with the weights of a promoted trial: a
    plain `keras_tuner.Tuner` trains it from the beginning.

    Args:
        objective: The objective, as any oracle takes it.
        max_trials: The number of configurations that begin, without promotions. Defaults
            to 25.
        max_epochs: Epochs of the trials that are promoted to the end. Defaults to 10.
        factor: At each rung, the best `1 / factor` of the trials go on. Defaults to 3.
        min_epochs: Epochs of every configuration at least. Defaults to 1.
        seed: The seed of the draws, 0 included. Defaults to None: a different one each
            time.
        **options: Other arguments of any oracle, such as `hyperparameters`.

    Raises:
        ValueError: if a number is outside of its range.

    Example:
    >>> import keras_tuner
    >>> hp = keras_tuner.HyperParameters()
    >>> rate = hp.Float("learning_rate", 1e-3, 1, sampling="log")
    >>> oracle = HyperbandOracle("val_accuracy", 9, seed=0, hyperparameters=hp)
    >>> [[rung.configurations for rung in it.rungs] for it in oracle.plan]
    [[5, 1, 1], [3, 1], [1]]
    """

    plan: list[Bracket]
    """The brackets, before any configuration is drawn."""

    def _make_plan(
        self, max_trials: int, max_epochs: int, factor: int, min_epochs: int
    ) -> list[int]:
        self.plan = plan_hyperband(
            max_trials, max_epochs, factor=factor, min_epochs=min_epochs
        )
        return [len(bracket.rungs) for bracket in self.plan]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        for number, bracket in enumerate(self.plan):
            values = self._next(trial_id, number, bracket)
            if values is not None:
                return values
        return self._wait_or_stop()

    def _next(self, trial_id: str, number: int, bracket: Bracket) -> dict[str, Any] | None:
        """The next trial of a bracket; None if it has to wait or is complete."""
        first, *later = bracket.rungs
        members = self._rungs[number]
        wanted = first.configurations
        if len(members[0]) < wanted:
            values = self._begin(trial_id, number, first.epochs)
            if values is not None:
                return values
            wanted = len(members[0])
        for level, rung in enumerate(later, start=1):
            before = members[level - 1]
            if len(before) < wanted or len(self._ended(before)) < len(before):
                return None
            promoted = self._ranked(before)[: rung.configurations]
            wanted = len(promoted)
            if len(members[level]) < wanted:
                past_id = promoted[len(members[level])]
                return self._promote(trial_id, past_id, number, level, rung.epochs)
        return None


class AshaOracle(_Halving):
    """Asynchronous successive halving (ASHA), for any `keras_tuner.Tuner`.

    A trial is promoted as soon as it is among the best `1 / factor` of the trials that
    have reached its rung so far: no trial waits, and promotions depend on timing.

    Args:
        objective: See `HyperbandOracle`.
        max_trials: See `HyperbandOracle`.
        max_epochs: See `HyperbandOracle`.
        factor: The reduction factor. Defaults to 3.
        min_epochs: The grace period: epochs of the first rung. Defaults to 1.
        seed: See `HyperbandOracle`.
        **options: See `HyperbandOracle`.

    Raises:
        ValueError: if a number is not what it must be.

    Reference: see `kmlp_tuning.oracles.schedule.successive_halving_epochs`.
    """

    epochs: list[int]
    """The epochs of each rung."""

    def _make_plan(
        self, max_trials: int, max_epochs: int, factor: int, min_epochs: int
    ) -> list[int]:
        self.configurations, self.factor = max_trials, factor
        self._promoted: set[str] = set()
        self.epochs = successive_halving_epochs(
            max_epochs, factor=factor, min_epochs=min_epochs
        )
        return [len(self.epochs)]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        [members] = self._rungs
        for level in range(len(self.epochs) - 1, 0, -1):
            before = members[level - 1]
            best = self._ranked(before)[: len(self._ended(before)) // self.factor]
            past_id = next((id_ for id_ in best if id_ not in self._promoted), None)
            if past_id is not None:
                self._promoted.add(past_id)
                return self._promote(trial_id, past_id, 0, level, self.epochs[level])
        if len(members[0]) < self.configurations:
            values = self._begin(trial_id, 0, self.epochs[0])
            if values is not None:
                return values
        return self._wait_or_stop()

    def get_state(self) -> dict[str, Any]:
        return super().get_state() | {"promoted": sorted(self._promoted)}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self._promoted = set(state["promoted"])


def _running(
    values: dict[str, Any], *, bracket: int, level: int, epochs: int, initial: int = 0
) -> dict[str, Any]:
    values |= {
        "tuner/epochs": epochs,
        "tuner/initial_epoch": initial,
        "tuner/bracket": bracket,
        "tuner/round": level,
    }
    return {"status": TrialStatus.RUNNING, "values": values}
