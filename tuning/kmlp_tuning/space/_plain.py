"""Domains as plain values, which the store holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kmlp.model.domains import Choice, Conditional, Domain, Range
from kmlp.model.fields import to_jsonable
from kmlp.model.text import value_text
from kmlp_tuning.space.conditions import value_of


def to_plain(domain: Domain) -> Any:
    """Return a domain as plain values, which JSON can hold."""
    if isinstance(domain, Conditional):
        by_text = {
            value_text(domain.parent, value): to_plain(each)
            for value, each in domain.domains.items()
        }
        return {domain.parent: by_text}
    if isinstance(domain, Choice):
        return [to_jsonable(value) for value in domain.values]
    return {"low": domain.low, "high": domain.high, "sampling": domain.sampling}


def from_plain(given: Any) -> Any:
    """Restore the domain of `to_plain`."""
    if not isinstance(given, Mapping):
        values = (tuple(value) if isinstance(value, list) else value for value in given)
        return Choice(tuple(values))
    if "low" in given:
        return Range(**given)
    [(parent, domains)] = given.items()
    return Conditional(
        parent, {value_of(parent, key): from_plain(each) for key, each in domains.items()}
    )
