"""Schedules of searches: the number of configurations and the epochs of each rung."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Rung:
    """A number of configurations that reach a number of epochs."""

    configurations: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Bracket:
    """Configurations that begin together; each rung's best are promoted to the next."""

    rungs: tuple[Rung, ...]

    @property
    def configurations(self) -> int:
        """The number of configurations that begin."""
        return self.rungs[0].configurations

    @property
    def epochs(self) -> int:
        """The epochs to train in all, where a promoted configuration continues its run."""
        first, *_ = self.rungs
        return first.configurations * first.epochs + sum(
            after.configurations * (after.epochs - before.epochs)
            for before, after in pairwise(self.rungs)
        )


def hyperband(max_epochs: int, *, factor: int = 3, min_epochs: int = 1) -> list[Bracket]:
    """Plan one sweep of Hyperband.

    Args:
        max_epochs: The epochs of the best configurations, the paper's `R`.
        factor: The best `1 / factor` of a rung are promoted to the next one, with
            `factor` times the epochs, the paper's `eta`. Defaults to 3.
        min_epochs: The epochs that every configuration gets at least. Defaults to 1.

    Returns:
        The brackets, from the one that begins with the most configurations to the
        one in which every configuration is trained to the end.

    Formula: with `s_max` the largest `s` where `min_epochs * eta^s <= R`, for `s =
    s_max, ..., 0`: `n = ceil((s_max + 1) / (s + 1) * eta^s)` configurations begin, and
    rung `i = 0, ..., s` has `floor(n * eta^-i)` of them at `R * eta^(i - s)` epochs,
    rounded.

    Example:
    >>> for bracket in hyperband(81):
    ...     print([(rung.configurations, rung.epochs) for rung in bracket.rungs])
    [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)]
    [(34, 3), (11, 9), (3, 27), (1, 81)]
    [(15, 9), (5, 27), (1, 81)]
    [(8, 27), (2, 81)]
    [(5, 81)]

    Reference: L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar (2018),
    Hyperband: a novel bandit-based approach to hyperparameter optimization, Journal of
    Machine Learning Research 18(185), Algorithm 1.
    """
    top = 0
    while min_epochs * factor ** (top + 1) <= max_epochs:
        top += 1
    return [
        _bracket(-(-(top + 1) * factor**s // (s + 1)), s, max_epochs, factor)
        for s in range(top, -1, -1)
    ]


def plan_hyperband(
    max_trials: int, max_epochs: int, *, factor: int = 3, min_epochs: int = 1
) -> list[Bracket]:
    """Plan Hyperband for a number of configurations: whole sweeps, then a part of one.

    Args:
        max_trials: The number of configurations that begin, over all brackets.
        max_epochs: See `hyperband`.
        factor: See `hyperband`.
        min_epochs: See `hyperband`.

    Returns:
        The brackets. Those of the last sweep share the remaining configurations by the
        method of the largest remainder. Each of them trains at least one to the end.

    Example:
    >>> for bracket in plan_hyperband(25, max_epochs=10):
    ...     print([(rung.configurations, rung.epochs) for rung in bracket.rungs])
    [(9, 1), (3, 3), (1, 10)]
    [(5, 3), (1, 10)]
    [(3, 10)]
    [(4, 1), (1, 3), (1, 10)]
    [(2, 3), (1, 10)]
    [(2, 10)]
    """
    sweep = hyperband(max_epochs, factor=factor, min_epochs=min_epochs)
    whole, rest = divmod(max_trials, sum(bracket.configurations for bracket in sweep))
    shares = _largest_remainder(rest, [bracket.configurations for bracket in sweep])
    part = [
        _bracket(share, len(bracket.rungs) - 1, max_epochs, factor)
        for bracket, share in zip(sweep, shares, strict=True)
        if share
    ]
    return sweep * whole + part


def successive_halving_epochs(
    max_epochs: int, *, factor: int = 3, min_epochs: int = 1
) -> list[int]:
    """Return the epochs of the rungs of asynchronous successive halving (ASHA).

    Args:
        max_epochs: The epochs of the last rung.
        factor: The ratio of the epochs of two rungs. Defaults to 3.
        min_epochs: The epochs of the first rung. Defaults to 1.

    Example:
    >>> successive_halving_epochs(10, min_epochs=3, factor=2)
    [3, 6, 10]

    Reference: L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, M. Hardt, B. Recht, A.
    Talwalkar (2018), A system for massively parallel hyperparameter tuning,
    arXiv:1810.05934, Algorithm 2; its last rung is the highest power below `R`, and
    here there is one more, at `R`.
    """
    epochs = [min_epochs]
    while epochs[-1] * factor <= max_epochs:
        epochs.append(epochs[-1] * factor)
    return epochs if epochs[-1] == max_epochs else [*epochs, max_epochs]


def total_epochs(brackets: Iterable[Bracket]) -> int:
    """The maximum number of epochs of a plan; fewer if configurations diverge."""
    return sum(bracket.epochs for bracket in brackets)


def _bracket(configurations: int, halvings: int, max_epochs: int, factor: int) -> Bracket:
    return Bracket(
        tuple(
            Rung(
                max(1, configurations // factor**i),
                round(max_epochs / factor ** (halvings - i)),
            )
            for i in range(halvings + 1)
        )
    )


def _largest_remainder(seats: int, votes: list[int]) -> list[int]:
    """Divide seats in proportion to votes; of equal remainders the first one wins."""
    total = sum(votes)
    shares = [seats * vote // total for vote in votes]
    order = sorted(range(len(votes)), key=lambda index: -(seats * votes[index] % total))
    for index in order[: seats - sum(shares)]:
        shares[index] += 1
    return shares
