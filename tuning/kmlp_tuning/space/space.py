"""`SearchSpace`: the domains of the searched fields, also in the form of Keras Tuner."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from kmlp.errors import ConfigError, call_all, raise_problems
from kmlp.model.config import RunConfig, joint_fields
from kmlp.model.domains import (
    Choice,
    Domain,
    Simple,
    count,
    ends,
    listed,
    steps_of,
)
from kmlp_tuning.space._combinations import (
    combinations,
    extremes,
    joint_groups,
    parents_of,
)
from kmlp_tuning.space._parents import resolved
from kmlp_tuning.space._plain import from_plain, to_plain
from kmlp_tuning.space.conditions import (
    PARENTS,
    Parameter,
    has_effect,
    parameters_of,
)
from kmlp_tuning.space.notation import check_several, domain_of

if TYPE_CHECKING:
    import keras_tuner

GRID_STEPS = 10
"""The largest number of values of a range in a grid."""


@dataclass(frozen=True, slots=True, init=False)
class SearchSpace:
    """The domain of each field of `RunConfig` that is searched; the others are fixed.

    Args:
        fields: The domain of each field: a `Choice`, a `Range`, a list of values, a text in
            the notation of the command line, or one of these for each value of another
            field, as a `Conditional` or a mapping.

    Raises:
        ConfigError: with every problem at once.

    Example:
    >>> space = SearchSpace({"width": [64, 128], "learning_rate": "1e-4:1e-1:log"})
    >>> space.fields["learning_rate"]
    Range(low=0.0001, high=0.1, sampling='log')
    >>> space.size is None  # it is infinite
    True
    >>> rates = {"sgd": [0.1, 1.0], "adam": [0.001, 0.01, 0.1]}
    >>> SearchSpace({"optimizer": ["sgd", "adam"], "learning_rate": rates}).size
    5
    """

    fields: Mapping[str, Domain]
    parameters: tuple[Parameter, ...] = field(repr=False, compare=False)
    """The hyperparameters of Keras Tuner: one for each field, or for each value of its
    parent. Parents come first."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        if not isinstance(fields, Mapping):
            raise ConfigError(
                [
                    f"The space is {fields!r}, but must be fields with their domains: "
                    '{"width": [64, 128]}.'
                ]
            )
        domains = call_all(
            partial(domain_of, name, given) for name, given in fields.items()
        )
        by_name = dict(zip(fields, domains, strict=True))
        call_all(partial(check_several, name, each) for name, each in by_name.items())
        self._set(resolved(by_name))

    def _set(self, domains: Mapping[str, Domain]) -> None:
        parameters = parameters_of(domains)
        names = dict.fromkeys(parameter.field for parameter in parameters)
        ordered = MappingProxyType({name: domains[name] for name in names})
        object.__setattr__(self, "fields", ordered)
        object.__setattr__(self, "parameters", parameters)

    @classmethod
    def _of(cls, domains: Mapping[str, Domain]) -> Self:
        """Make a space of domains that were checked."""
        space = object.__new__(cls)
        space._set(domains)
        return space

    @property
    def size(self) -> int | None:
        """The number of configurations; None if it is infinite."""
        parents = parents_of(self.parameters)
        sizes = []
        for values in combinations(self.parameters, parents, listed):
            counts = [
                count(parameter.domain)
                for parameter in self.parameters
                if parameter.field not in parents and parameter.active(values)
            ]
            finite = [each for each in counts if each is not None]
            if len(finite) < len(counts):
                return None
            sizes.append(math.prod(finite))
        return sum(sizes)

    @property
    def coupled(self) -> set[str]:
        """The searched fields whose values do not go with every value of another field.

        Without `width` and `depth`, whose values of the base are those of models without
        hidden layers.
        """
        names = {name for names in joint_fields() for name in names}
        return (names & self.fields.keys()) - {"width", "depth"}

    def has_value(self, name: str, config: RunConfig) -> bool:
        """Return True if a searched field has an effect in a configuration."""
        return self.domain_in(name, config) is not None

    def domain_in(self, name: str, config: RunConfig) -> Simple | None:
        """Return the domain of a field in a configuration; None without an effect."""
        for parameter in self.parameters:
            if parameter.field == name and parameter.holds_in(config):
                return parameter.domain
        return None

    def grid(self) -> SearchSpace:
        """The space with at most `GRID_STEPS` values of each range, with both ends."""
        return self._of(
            {name: steps_of(domain, GRID_STEPS) for name, domain in self.fields.items()}
        )

    def declare(self, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Declare the fields as hyperparameters, and return the values of active ones.

        A conditional field is a hyperparameter for each value of its parent, such as
        `learning_rate:adam`.
        """
        from kmlp_tuning.space._keras_tuner import declare

        values = {each.name: declare(hp, each) for each in self.parameters}
        return {name: value for name, value in values.items() if value is not None}

    def to_hyperparameters(self) -> keras_tuner.HyperParameters:
        """The space as hyperparameters of Keras Tuner."""
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        self.declare(hp)
        return hp

    @classmethod
    def from_hyperparameters(cls, hp: keras_tuner.HyperParameters) -> Self:
        """Make a space of hyperparameters of Keras Tuner that are named as `declare` does.

        Raises:
            ConfigError: if a hyperparameter is not a field, or has steps.
        """
        from kmlp_tuning.space._keras_tuner import domains_of

        return cls(domains_of(hp.space))

    def config(self, values: Mapping[str, Any], base: RunConfig) -> RunConfig:
        """The configuration of hyperparameters that `declare` declared.

        Args:
            values: The values of Keras Tuner by name; other names, and those whose
                conditions do not hold, are ignored.
            base: The configuration that has the fixed fields, and `width` and `activation`
                where `depth` is 0.
        """
        from kmlp_tuning.space._keras_tuner import from_tuner

        chosen: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.name in values and parameter.active(chosen):
                chosen[parameter.field] = from_tuner(parameter, values[parameter.name])
        return base.with_fields(**chosen)

    def base(self, fixed: Mapping[str, Any]) -> RunConfig:
        """The configuration of the fixed fields, with values of the space that fit them.

        Raises:
            ConfigError: if no values fit.
        """
        fields = dict(fixed)
        widths = self.fields.get("width")
        if isinstance(widths, Choice) and "depth" not in {*fixed, *self.fields}:
            states_depth = [width for width in widths.values if isinstance(width, tuple)]
            if states_depth:
                fields["width"] = states_depth[0]
        problem: ConfigError | None = None
        conditional = {each.field for each in self.parameters if each.conditions}
        names = sorted(self.coupled - conditional)
        several = product(*(ends(self.fields[name]) for name in names))
        for values in chain(
            [{}], (dict(zip(names, each, strict=True)) for each in several)
        ):
            try:
                return RunConfig(**{**fields, **values})
            except ConfigError as error:
                problem = problem or error
        assert problem is not None
        raise problem

    def fitted(self, base: RunConfig) -> RunConfig:
        """Return a configuration that has the fixed fields of the base.

        A default that follows from a searched field, such as a learning rate from the
        optimizer, is not fixed.

        Raises:
            ConfigError: if the space and the base do not fit together: see `check`.
        """
        kept = self.fields.keys() - self.coupled
        if isinstance(base.width, tuple):
            kept -= {"width"}
        fixed = base.fixed_fields(self.fields)
        fitted = self.base({**fixed, **{name: getattr(base, name) for name in kept}})
        self.check(fitted)
        return fitted

    def check(self, base: RunConfig) -> None:
        """Check that the space and the fixed fields fit together.

        Raises:
            ConfigError: if a combination of values does not fit, or a field has no effect.
        """
        raise_problems(
            f"`{name}` has no effect if `{parent}` is {getattr(base, parent)}, so it "
            "cannot be searched."
            for name in self.fields
            if (parent := PARENTS.get(name)) is not None
            and parent not in self.fields
            and not has_effect(name, getattr(base, parent))
        )
        values_together = extremes(self.parameters, joint_groups(self.fields))
        call_all(partial(base.with_fields, **values) for values in values_together)

    def corners(self, base: RunConfig) -> list[RunConfig]:
        """The extreme configurations: if these can be trained, all can.

        They are the base with each value of each field, with the largest batches of the
        fewest images, and with the largest model.
        """
        groups = [
            *joint_groups(self.fields),
            {"batch_size", "train_size"},
            {"width", "depth"},
        ]
        return [base.with_fields(**values) for values in extremes(self.parameters, groups)]

    def to_dict(self) -> dict[str, Any]:
        """The space as plain values, which JSON can hold and `SearchSpace` takes."""
        return {name: to_plain(domain) for name, domain in self.fields.items()}

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> Self:
        """Restore the space of `to_dict`. Custom functions need not be available."""
        return cls._of({name: from_plain(domain) for name, domain in values.items()})
