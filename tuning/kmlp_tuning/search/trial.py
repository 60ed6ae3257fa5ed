"""A trial: one configuration of a search, as far as it has come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, Self

from kmlp.engine import RunRequest
from kmlp.model.config import RunConfig
from kmlp.training.run import Run
from kmlp_tuning.search.settings import DIRECTIONS, SearchSettings

REPLICATION = "the best with other seeds"
"""The stage in which they are trained again, in the place of a Keras Tuner trial."""

Status = Literal["finished", "stopped", "waiting", "diverged", "failed"]
"""Stopped: others of its rung were better. Waiting: it may yet be promoted, or is not
trained to the end of its rung. The others are as for a run."""


def stage_name(bracket: int, rung: int) -> str:
    """What a rung is called."""
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
    """What the oracle wants of a configuration."""

    trial_id: str
    """Keras Tuner's: of the configuration on this rung; or `REPLICATION`."""
    number: int
    """Of our trial."""
    bracket: int
    rung: int

    @property
    def label(self) -> str:
        """See `RunRequest`."""
        return f"trial {self.number}"

    @property
    def stage(self) -> str:
        """See `RunRequest`."""
        again = self.trial_id == REPLICATION
        return REPLICATION if again else stage_name(self.bracket, self.rung)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A configuration that was chosen."""

    number: int
    """In the order in which they were chosen, from 1."""
    config: RunConfig
    bracket: int
    """From 1; always 1 where an algorithm has no brackets."""
    rung: int
    """The last one that it has been promoted to, from 1."""
    epochs: int
    """The epochs of that rung."""
    run: Run | None
    """After these epochs, or after those of an earlier rung while it is being trained;
    None: nothing is known yet."""

    @classmethod
    def begun(cls, number: int, config: RunConfig) -> Self:
        """A configuration that was just chosen."""
        return cls(number, config, 1, 1, 0, None)

    def score(self, objective: str) -> float | None:
        """The objective after its last epoch; None if it diverged or failed."""
        if self.run is None or self.run.status != "finished":
            return None
        return float(getattr(self.run.history[-1], objective))


@dataclass(frozen=True, slots=True, eq=False)
class Replication:
    """A trial's configuration, trained with other seeds."""

    number: int
    """The trial's."""
    selected_at_epoch: int
    """The epochs that it had when it was selected."""
    configs: tuple[RunConfig, ...]
    runs: tuple[Run, ...]

    def with_run(self, run: Run) -> Replication:
        """The same with one run more, if it is one of its own."""
        if run.config not in self.configs:
            return self
        runs = sorted([*self.runs, run], key=lambda it: it.config.seed)
        return replace(self, runs=tuple(runs))


def rank(trials: Iterable[Trial], objective: str) -> list[Trial]:
    """Those with a score, the best first; of equal ones the one with more epochs, then
    the one that was chosen first.
    """
    sign = -1 if DIRECTIONS[objective] == "max" else 1
    scored = [(it, it.score(objective)) for it in trials]
    return [
        it
        for it, _ in sorted(
            ((it, score) for it, score in scored if score is not None),
            key=lambda pair: (sign * pair[1], -pair[0].epochs, pair[0].number),
        )
    ]
