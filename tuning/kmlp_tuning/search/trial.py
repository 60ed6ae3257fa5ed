"""`Trial`: one configuration of a search, with its run so far.

Keras Tuner calls a configuration *on one rung* a trial. This is an oracle's trial here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, Self

from kmlp.engine import RunRequest
from kmlp.model.config import RunConfig
from kmlp.training.run import Run
from kmlp_tuning.search.settings import DIRECTIONS, SearchSettings

REPLICATION = "the best with other seeds"
"""The name of the stage in which the best trials are trained again."""

Status = Literal["finished", "stopped", "waiting", "diverged", "failed"]
"""The status of a trial. stopped: other trials of its rung were better. waiting: it may
still be promoted, or is not trained to the end of its rung. The other statuses are those of
a run.
"""


def stage_name(bracket: int, rung: int) -> str:
    """The name of a rung, as a stage of the search."""
    return f"bracket {bracket}, rung {rung}"


def stages_of(settings: SearchSettings) -> dict[str, int]:
    """The number of runs of each rung, and of the replication, by their names."""
    return {
        stage_name(number, level): rung.configurations
        for number, bracket in enumerate(settings.plan(), start=1)
        for level, rung in enumerate(bracket.rungs, start=1)
    } | {REPLICATION: settings.replicated * settings.replicates}


@dataclass(frozen=True, slots=True)
class TrialRequest(RunRequest):
    """A request to train a configuration to the end of a rung, or for the replication."""

    oracle_trial_id: str | None
    """The id of the oracle's trial, one for each rung. None for the replication."""
    number: int
    """The number of the `Trial`, the same on all rungs."""
    bracket: int
    rung: int

    @property
    def label(self) -> str:
        """See `RunRequest`."""
        return f"trial {self.number}"

    @property
    def stage(self) -> str:
        """See `RunRequest`."""
        if self.oracle_trial_id is None:
            return REPLICATION
        return stage_name(self.bracket, self.rung)


def score_of(run: Run, objective: str) -> float:
    """Return the objective of a run: its best so far, or its last, as `run.at` says.

    Args:
        run: A run that finished.
        objective: One of `DIRECTIONS`.
    """
    values = [record.figure(objective) for record in run.history]
    if run.at == "last":
        return values[-1]
    return max(values) if DIRECTIONS[objective] == "max" else min(values)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A configuration of a search."""

    number: int
    """The number of the trial in the order in which configurations were drawn, from 1."""
    config: RunConfig
    bracket: int
    """The bracket, from 1. Always 1 if the algorithm has no brackets."""
    rung: int
    """The last rung that the trial was promoted to, from 1."""
    epochs: int
    """The epochs of this rung."""
    run: Run | None
    """The run after these epochs, or after those of an earlier rung while it is being
    trained. None before it has begun.
    """

    @classmethod
    def begun(cls, number: int, config: RunConfig) -> Self:
        """Make the trial of a configuration that was just drawn."""
        return cls(number, config, 1, 1, 0, None)

    def score(self, objective: str) -> float | None:
        """The score of the run (see `score_of`). None if the run diverged or failed."""
        if self.run is None or self.run.status != "finished":
            return None
        return score_of(self.run, objective)


@dataclass(frozen=True, slots=True, eq=False)
class Replication:
    """A trial's configuration, trained with other seeds."""

    number: int
    """The number of the trial."""
    selected_at_epoch: int
    """The epochs that the trial had when it was selected."""
    configs: tuple[RunConfig, ...]
    runs: tuple[Run, ...]

    def with_run(self, run: Run) -> Replication:
        """Add a run, if it is one of this replication."""
        if run.config not in self.configs:
            return self
        runs = sorted([*self.runs, run], key=lambda run: run.config.seed)
        return replace(self, runs=tuple(runs))


def rank(trials: Iterable[Trial], objective: str) -> list[Trial]:
    """Return the trials with a score, the best first.

    Of trials with equal scores, the one with more epochs comes first, then the one that
    was drawn first.
    """
    sign = -1 if DIRECTIONS[objective] == "max" else 1
    keys = {
        trial: (sign * score, -trial.epochs, trial.number)
        for trial in trials
        if (score := trial.score(objective)) is not None
    }
    return sorted(keys, key=keys.__getitem__)
