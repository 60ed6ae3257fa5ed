"""The axis of an ablation: the run that each value of the parameter reads, and its epoch.

Most values are configurations, each with runs of its own. The values of `epochs` and of
`patience` are read from the same runs, which are trained once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kmlp.errors import ConfigError
from kmlp.model.config import RunConfig
from kmlp.training.checks import check_patience
from kmlp.training.run import At, Run

EPOCHS = 10
"""The default number of epochs."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The axis of a field of `RunConfig`: each value has runs of its own."""

    name: str
    """The parameter."""
    at: At | None = None
    """The epoch at which the axis judges every run. None: the study chooses it."""
    on_test: bool = False
    """True if the values are compared by test accuracy, because they choose an epoch by
    validation accuracy."""
    of_config: bool = True
    """True if the parameter is a field of `RunConfig`."""

    def config(self, base: RunConfig, value: Any, seed: int) -> RunConfig:
        """Return the configuration of the run that a value reads."""
        return base.with_fields(**{self.name: value}, seed=seed)

    def value(self, config: RunConfig, value: Any) -> Any:
        """Return a value as levels have it, for its configuration."""
        return getattr(config, self.name)

    def longest(self, values: Sequence[Any], epochs: int | None) -> int:
        """Return the epochs of the longest run.

        Args:
            values: The values, which are valid.
            epochs: The epochs that were asked for. None: not given.

        Raises:
            ConfigError: if they differ from those that the values need.
        """
        return EPOCHS if epochs is None else epochs

    def patience(self, patience: int | None, longest: int) -> int | None:
        """Return the patience of early stopping of all runs.

        Args:
            patience: The patience that was asked for. None: no early stopping.
            longest: The epochs of the longest run.

        Raises:
            ConfigError: if the values leave no room for it, or no run could stop.
        """
        return check_patience(patience, longest)

    def epochs(self, value: Any, longest: int) -> int:
        """Return the epochs that a value needs, of those of the longest run."""
        return longest

    def read(self, run: Run, value: Any) -> Run:
        """Return the run as a value judges it."""
        return run

    def moment_text(self, epochs: str) -> str | None:
        """Return the epoch at which the levels are compared. None: that of `at`.

        Args:
            epochs: The epochs of the study as text.
        """
        return None


@dataclass(frozen=True, slots=True)
class _Reading(Axis):
    """An axis whose values read the same runs."""

    of_config: bool = False

    def config(self, base: RunConfig, value: Any, seed: int) -> RunConfig:
        return base.with_fields(seed=seed)

    def value(self, config: RunConfig, value: Any) -> Any:
        return value


class _Epochs(_Reading):
    """The axis of the number of epochs: each value is judged after its last epoch."""

    def longest(self, values: Sequence[Any], epochs: int | None) -> int:
        longest = int(max(values))
        if epochs not in (None, longest):
            raise ConfigError(
                [
                    f"`epochs` is the parameter that varies, up to {longest}, so "
                    f"{epochs} epochs have no effect. Leave the number of epochs out."
                ]
            )
        return longest

    def patience(self, patience: int | None, longest: int) -> None:
        if patience is not None:
            raise ConfigError(
                [
                    "The values of `epochs` are compared after that epoch, but with "
                    f"`patience` {patience} runs end before. Leave `patience` out, or vary "
                    "another parameter."
                ]
            )

    def epochs(self, value: Any, longest: int) -> int:
        return int(value)

    def read(self, run: Run, value: Any) -> Run:
        return run.truncated(value)

    def moment_text(self, epochs: str) -> str | None:
        return "after the last epoch"


class _Patience(_Reading):
    """The axis of early stopping: each value is judged at the epoch that it keeps."""

    def patience(self, patience: int | None, longest: int) -> None:
        if patience is not None:
            raise ConfigError(
                [
                    "`patience` is the parameter that varies, so a single value has no "
                    "effect. Leave `patience` out."
                ]
            )

    def read(self, run: Run, value: Any) -> Run:
        return run.stopped(value)

    def moment_text(self, epochs: str) -> str | None:
        return f"at the epoch that each keeps of {epochs}"


_READING = {
    "epochs": _Epochs("epochs", at="last"),
    "patience": _Patience("patience", at="best", on_test=True),
}


def axis_of(param: str) -> Axis:
    """Return the axis of a parameter."""
    return _READING.get(param) or Axis(param)
