"""The configurations that an ablation trains, from what is asked, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from kmlp.errors import ConfigError, call_all, raise_problems, shown
from kmlp.model.config import RunConfig, param_field
from kmlp.training.checks import check_count, check_trainable


def plan(
    param: str,
    values: Sequence[Any],
    *,
    base: RunConfig,
    seeds: int | Sequence[int] = 3,
    epochs: int = 10,
    fused: bool = True,
) -> list[list[RunConfig]]:
    """The configurations that `ablate` trains: a row a value, a column a seed.

    Takes and raises what `ablate` does; trains nothing.

    Example:
    >>> rows = plan("width", [32, 64], base=RunConfig(), seeds=2)
    >>> [[(config.width, config.seed) for config in row] for row in rows]
    [[(32, 0), (32, 1)], [(64, 0), (64, 1)]]
    """
    field = param_field(param)
    try:
        given = list(values)
    except TypeError:
        given = []
    if not given or isinstance(values, str):
        raise ConfigError(
            [f"The values of `{param}` are {values!r}, but must be a list of at least one."]
        )
    replicates, _, *converted = call_all(
        [
            partial(seed_list, seeds, base.seed),
            partial(check_count, "epochs", epochs),
            *(partial(field.convert, value) for value in given),
        ]
    )
    if base.depth == 0 and param in ("width", "activation"):
        raise ConfigError(
            [
                f"`{param}` does nothing where `depth` is 0, which has no hidden layers. "
                "Give a `depth` of at least 1."
            ]
        )
    rows = call_all(partial(_row, base, param, value, replicates) for value in converted)
    made = [getattr(row[0], param) for row in rows]
    raise_problems(
        f"The value {shown(value)} of `{param}` is given {made.count(value)} times. "
        "Give it once; more seeds repeat runs."
        for value in made
        if made.count(value) > 1
    )
    check_trainable([row[0] for row in rows], epochs=epochs, fused=fused)
    return rows


def _row(base: RunConfig, param: str, value: Any, seeds: list[int]) -> list[RunConfig]:
    return [replace(base, **{param: value, "seed": seed}) for seed in seeds]


def seed_list(seeds: int | Sequence[int], first: int = 0) -> list[int]:
    """The seeds that `ablate` takes `seeds` for.

    Raises:
        ConfigError: if there is none, or one twice.
    """
    try:
        given = list(seeds)  # type: ignore[arg-type]  # a number is not, and says so
    except TypeError:
        count = check_count("seeds", seeds)
        return list(range(first, first + count))
    found = [
        config.seed for config in call_all(partial(RunConfig, seed=it) for it in given)
    ]
    if not found or len(set(found)) < len(found):
        raise ConfigError([f"The seeds are {found}, but must be at least one, none twice."])
    return found


def check_baseline(param: str, values: Sequence[Any], baseline: Any) -> int:
    """The place among the values of the one that the others are compared with.

    Raises:
        ConfigError: if it is none of them.

    Example:
    >>> check_baseline("width", [32, 128], 128)
    1
    """
    field = param_field(param)
    converted = field.convert(baseline)
    if converted not in values:
        raise ConfigError(
            [
                f"The baseline is {field.text(converted)}, but must be one of the values "
                f"of `{param}`: {', '.join(map(field.text, values))}."
            ]
        )
    return list(values).index(converted)
