"""Asynchronous successive halving (ASHA) as an oracle."""

from __future__ import annotations

from typing import Any

from kmlp_tuning.oracles._base import HalvingOracle
from kmlp_tuning.oracles.schedule import successive_halving_epochs


class AshaOracle(HalvingOracle):
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
        ValueError: if a number is outside of its range.

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
