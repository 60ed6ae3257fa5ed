"""The default space, and the division of given fields into searched and fixed ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kmlp.model.config import RunConfig
from kmlp.model.domains import (
    Choice,
    Conditional,
    Domain,
    Range,
    Simple,
    domain_text,
    ends,
)
from kmlp.model.hyperparameters import config_fields
from kmlp.model.optimizers import OPTIMIZER_FIELDS, optimizer_defaults
from kmlp.model.rates import rates_of
from kmlp_tuning.space.conditions import PARENTS, has_effect
from kmlp_tuning.space.notation import ByValue, domain_of


def _rates(optimizers: Iterable[str]) -> Domain:
    """Return the learning rates of one optimizer, or of each of several."""
    ranges: dict[str, Simple] = {name: rates_of(name) for name in optimizers}
    return (
        Conditional("optimizer", ranges) if len(ranges) > 1 else next(iter(ranges.values()))
    )


_OPTIMIZERS = ("sgd", "adam", "rmsprop")

SEARCHED = {
    "width": "32,64,128,256,512",
    "depth": "1,2,3",
    "activation": "relu,tanh,gelu",
    "optimizer": ",".join(_OPTIMIZERS),
    "learning_rate": domain_text("learning_rate", _rates(_OPTIMIZERS)),
    "dropout": "0:0.5",
    "batch_size": "16,32,64,128",
}
"""The default space, in the notation of the command line."""


def default_fields(
    given: Mapping[str, Domain | ByValue], base: RunConfig | None = None
) -> dict[str, Domain]:
    """Return the fields of the default space that do not contradict given ones.

    - Fields that have no effect with the given `depth` are left out, and `depth` itself if
      the given widths state the number of layers.
    - The optimizers are those that take all fields with one given value, such as
      `momentum`. A given `learning_rate` is that of one optimizer, sgd if possible.
    - Each optimizer has a range of learning rates of its own.

    Args:
        given: The domains that replace those of the default space.
        base: The configuration with the other fields. If its optimizer is not the default
            one, it is the only optimizer. Defaults to None: their defaults.
    """
    others: dict[str, Any] = {
        name: domain_of(name, text)
        for name, text in SEARCHED.items()
        if name not in given and not _is_idle(name, given)
    }
    if any(isinstance(width, tuple) for width in values_of(given.get("width"))):
        others.pop("depth", None)
    base = RunConfig() if base is None else base
    optimizers = values_of(given.get("optimizer")) or _optimizers(given, base)
    if "optimizer" in others:
        others["optimizer"] = Choice(tuple(optimizers))
        if optimizers == [base.optimizer]:
            del others["optimizer"]
    if "learning_rate" in others:
        others["learning_rate"] = _rates(optimizers)
    return others


def _optimizers(given: Mapping[str, Domain | ByValue], base: RunConfig) -> list[str]:
    """Return the optimizers of the default space that take all fixed fields."""
    default = config_fields()["optimizer"].default
    if base.optimizer != default:
        return [base.optimizer]
    fixed = {name: getattr(base, name) for name in OPTIMIZER_FIELDS if name in base.given}
    for name, domain in given.items():
        fixed.pop(name, None)
        if isinstance(domain, Choice) and len(domain.values) == 1:
            [fixed[name]] = domain.values
    fixed.pop("learning_rate", None)
    optimizers = [
        optimizer
        for optimizer in _OPTIMIZERS
        if all(
            value == OPTIMIZER_FIELDS[name] or name in optimizer_defaults(optimizer)
            for name, value in fixed.items()
            if name in OPTIMIZER_FIELDS
        )
    ]
    if isinstance(given.get("learning_rate"), Choice | Range):
        optimizers = optimizers[:1]
    return optimizers or [default]


def _is_idle(name: str, given: Mapping[str, Domain | ByValue]) -> bool:
    """Return True if a field has no effect with any given value of its parent."""
    values = values_of(given.get(PARENTS.get(name, "")))
    return bool(values) and not any(has_effect(name, value) for value in values)


def values_of(domain: Domain | ByValue | None) -> list[Any]:
    """Return the values of choices, and the ends of ranges; none without a domain."""
    if domain is None:
        return []
    return ends(Conditional("", domain.domains) if isinstance(domain, ByValue) else domain)
