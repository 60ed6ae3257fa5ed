"""The combinations of the values of fields that go together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from kmlp.model.config import joint_fields
from kmlp.model.domains import Range, Simple, ends, listed
from kmlp_tuning.space.conditions import PARENTS, Parameter


def parents_of(parameters: Sequence[Parameter]) -> set[str]:
    """Return the fields on which others are conditional."""
    return {name for parameter in parameters for name in parameter.conditions}


def joint_groups(fields: Iterable[str]) -> list[set[str]]:
    """Return groups of fields, whose values may only fit together within a group."""
    groups: list[set[str]] = []
    searched = set(fields)
    for names in (*joint_fields(), *((name,) for name in fields)):
        group = searched & set(names)
        own = group - set(PARENTS.values())
        linked = [other for other in groups if other & own]
        groups = [other for other in groups if other not in linked]
        groups.append(group.union(*linked))
    return groups


def extremes(
    parameters: Sequence[Parameter], groups: Iterable[set[str]]
) -> list[dict[str, Any]]:
    """Return the combinations of the extreme values of each group of fields."""
    distinct: list[dict[str, Any]] = []
    for names in groups:
        for values in combinations(parameters, names, ends):
            if values not in distinct:
                distinct.append(values)
    return distinct


def combinations(
    parameters: Sequence[Parameter],
    names: Iterable[str],
    values_of: Callable[[Simple], list[Any]],
) -> list[dict[str, Any]]:
    """Return all combinations of the values of some fields and of their parents.

    Args:
        parameters: The hyperparameters of a space, parents first.
        names: The fields.
        values_of: Function that returns the values of a domain. With `ends`, a range on
            which others are conditional has the values where these change, too.
    """
    wanted = set(names)
    for parameter in parameters:
        if parameter.field in wanted:
            wanted |= parameter.conditions.keys()
    found: list[dict[str, Any]] = [{}]
    for name in dict.fromkeys(parameter.field for parameter in parameters):
        if name in wanted:
            found = [
                values | chosen
                for values in found
                for chosen in _chosen(parameters, name, values, values_of)
            ]
    return found


def _chosen(
    parameters: Sequence[Parameter],
    name: str,
    before: Mapping[str, Any],
    values_of: Callable[[Simple], list[Any]],
) -> list[dict[str, Any]]:
    """Return the values of a field; an empty one if it has no effect with those before."""
    for parameter in parameters:
        if parameter.field == name and parameter.active(before):
            domain = parameter.domain
            values = values_of(domain)
            if (
                values_of is ends
                and isinstance(domain, Range)
                and name in parents_of(parameters)
            ):
                values = _turns(parameters, name, listed(domain))
            return [{name: value} for value in values]
    return [{}]


def _turns(parameters: Sequence[Parameter], name: str, values: list[Any]) -> list[Any]:
    """Return the first and the last of neighbouring values with the same active fields."""
    active = [
        [value in parameter.conditions.get(name, (value,)) for parameter in parameters]
        for value in values
    ]
    turns = {values[0], values[-1]}
    for (before, last), (after, first) in pairwise(zip(active, values, strict=True)):
        if before != after:
            turns |= {last, first}
    return sorted(turns)
