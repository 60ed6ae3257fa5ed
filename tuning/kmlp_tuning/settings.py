"""`SearchSettings`: the question of a search, checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kmlp.checks import check_count
from kmlp.config import RunConfig
from kmlp.errors import ConfigError, gather, raise_problems, unknown_name
from kmlp_tuning.schedule import (
    Bracket,
    Rung,
    plan_hyperband,
    successive_halving_epochs,
)
from kmlp_tuning.space import Choice, SearchSpace

ALGORITHMS = ("hyperband", "asha", "random", "bayesian", "grid")
HALVING = ("hyperband", "asha")
"""Those that train only the best to the end."""

DIRECTIONS = {"val_accuracy": "max", "val_loss": "min", "accuracy": "max", "loss": "min"}
"""What a search can choose by, and whether more or less of it is better. Test data are
shown, and choose nothing."""

MAX_CONFIRM = 1000


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SearchSettings:
    """What a search is to do; see `tune`."""

    space: SearchSpace
    base: RunConfig
    max_trials: int
    algorithm: str
    objective: str
    max_epochs: int
    min_epochs: int
    factor: int
    confirm: int
    fused: bool

    @property
    def direction(self) -> str:
        """Of the objective: `"max"` or `"min"`."""
        return DIRECTIONS[self.objective]

    def plan(self) -> list[Bracket]:
        """The brackets and rungs; of ASHA, how many are promoted to each rung about."""
        if self.algorithm == "hyperband":
            return plan_hyperband(
                self.max_trials,
                self.max_epochs,
                factor=self.factor,
                min_epochs=self.min_epochs,
            )
        if self.algorithm == "asha":
            epochs = successive_halving_epochs(
                self.max_epochs, factor=self.factor, min_epochs=self.min_epochs
            )
            counts = [self.max_trials // self.factor**i for i in range(len(epochs))]
            pairs = zip(counts, epochs, strict=True)
            return [Bracket(tuple(Rung(n, it) for n, it in pairs if n))]
        return [Bracket((Rung(self.max_trials, self.max_epochs),))]

    def about(self) -> dict[str, Any]:
        """What stays the same when the search is extended."""
        fixed = {
            name: value
            for name, value in self.base.to_dict().items()
            if name not in self.space.fields
        }
        return {
            "space": self.space.to_dict(),
            "base": fixed,
            "algorithm": self.algorithm,
            "objective": self.objective,
            "max_epochs": self.max_epochs,
            **(
                {"min_epochs": self.min_epochs, "factor": self.factor}
                if self.algorithm in HALVING
                else {}
            ),
        }


def make_settings(
    space: SearchSpace,
    base: RunConfig,
    *,
    max_trials: int | None,
    algorithm: str,
    objective: str,
    max_epochs: int,
    min_epochs: int | None,
    factor: int | None,
    confirm: int,
    fused: bool,
) -> SearchSettings:
    """The settings, with what is None at its default.

    Raises:
        ConfigError: with every problem at once.
    """
    if algorithm not in ALGORITHMS:
        raise ConfigError([unknown_name("algorithm", algorithm, ALGORITHMS)])
    whole_grid = _grid_size(space) if algorithm == "grid" else None
    if max_trials is None:
        max_trials = 25 if whole_grid is None else whole_grid
    checks: list[Callable[[], Any]] = [
        lambda: check_count("max_trials", max_trials),
        lambda: check_count("max_epochs", max_epochs),
        lambda: space.check(base),
        lambda: _check_halving(algorithm, max_epochs, min_epochs, factor),
        lambda: _check_objective(objective, space),
        lambda: _check_confirm(confirm),
    ]
    gather(checks)
    size = whole_grid if whole_grid is not None else space.size
    if size is not None and max_trials > size:
        raise ConfigError(
            [
                f"The value of `max_trials` is {max_trials}, but the space has {size} "
                "configurations. Give at most that, or a larger space."
            ]
        )
    if not space.fields:
        raise ConfigError(["Every field is fixed: there is nothing to search."])
    return SearchSettings(
        space=space,
        base=base,
        max_trials=max_trials,
        algorithm=algorithm,
        objective=objective,
        max_epochs=max_epochs,
        min_epochs=min_epochs or 1,
        factor=factor or 3,
        confirm=confirm,
        fused=fused,
    )


def _grid_size(space: SearchSpace) -> int:
    """How many configurations a grid has: ten values of a range of real numbers."""
    ten = tuple(range(10))
    listed = {
        name: domain
        if isinstance(domain, Choice) or isinstance(domain.low, int)
        else Choice(ten)
        for name, domain in space.fields.items()
    }
    size = SearchSpace.of(listed).size
    assert size is not None
    return size


def _check_halving(
    algorithm: str, max_epochs: int, min_epochs: int | None, factor: int | None
) -> None:
    problems = []
    for name, given in (("min_epochs", min_epochs), ("factor", factor)):
        if algorithm not in HALVING and given is not None:
            problems.append(
                f"`{name}` would have no effect: {algorithm} trains every configuration to "
                "the end. Leave it out."
            )
    if min_epochs is not None:
        check_count("min_epochs", min_epochs)
        if isinstance(max_epochs, int) and min_epochs > max_epochs:
            problems.append(
                f"The value of `min_epochs` is {min_epochs}, but must be at most the "
                f"`max_epochs` of {max_epochs}."
            )
    if factor is not None and (not isinstance(factor, int) or not 2 <= factor <= 1000):
        problems.append(
            f"The value of `factor` is {factor!r}, but must be an integer, "
            "`2 <= factor <= 1000`."
        )
    raise_problems(problems)


def _check_objective(objective: str, space: SearchSpace) -> None:
    if objective.startswith("test_"):
        raise ConfigError(
            [
                f'The objective "{objective}" is of the test data, which are to choose '
                "nothing. Choose by val_accuracy."
            ]
        )
    if objective not in DIRECTIONS:
        raise ConfigError([unknown_name("objective", objective, DIRECTIONS)])
    if objective in ("val_loss", "loss") and "loss" in space.fields:
        raise ConfigError(
            [
                f'The objective "{objective}" cannot choose between the losses '
                f"{space.text('loss')}: each is measured in a unit of its own. Choose by "
                "val_accuracy, or fix the loss."
            ]
        )


def _check_confirm(confirm: int) -> None:
    if isinstance(confirm, bool) or not isinstance(confirm, int):
        confirm = -1
    if not 0 <= confirm <= MAX_CONFIRM:
        raise ConfigError(
            [
                "The value of `confirm` must be an integer, the seeds of each of the best: "
                f"`0 <= confirm <= {MAX_CONFIRM}`."
            ]
        )
