"""The parts that the oracles share.

Oracles draw the next hyperparameters, and the number of epochs to train. The oracles of
Keras Tuner 1.4.8 have three bugs, which are fixed here: 0 is a seed like any other,
values are tried once, and the number of trials is the number of configurations. A trial
carries the same values as in Keras Tuner's Hyperband: `tuner/epochs`, the epoch to
train to; `tuner/initial_epoch`, the epoch to continue from; `tuner/trial_id`, the trial
to continue; `tuner/bracket` and `tuner/round`, counted from 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial, TrialStatus

MIN_COLLISIONS = 10_000
"""The number of repeated draws after which a space counts as exhausted."""

_ENDED = (TrialStatus.COMPLETED, TrialStatus.FAILED)
_PREFIX = "tuner/"


class CorrectedOracle:
    """Mixin that fixes Keras Tuner's oracles; a class lists it before the oracle.

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


class HalvingOracle(CorrectedOracle, keras_tuner.Oracle):
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
        self._rungs: list[list[list[str]]] = [
            [[] for _ in range(length)] for length in lengths
        ]

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
        """Return None for unknown: Keras Tuner counts promotions as trials."""

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
