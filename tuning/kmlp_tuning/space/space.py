"""`SearchSpace`: the domains of the searched fields, also in the form of Keras Tuner."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, pairwise, product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from kmlp.errors import ConfigError, call_all, collect_errors, raise_problems
from kmlp.model.config import RunConfig, joint_fields
from kmlp.model.fields import to_jsonable
from kmlp.model.hyperparameters import config_fields
from kmlp.model.text import value_text
from kmlp_tuning.space.conditions import (
    PARENTS,
    Parameter,
    has_effect,
    parameters_of,
    resolved,
    value_of,
)
from kmlp_tuning.space.default import SEARCHED, default_fields, parse_space
from kmlp_tuning.space.domains import (
    Choice,
    Conditional,
    Domain,
    Range,
    Simple,
    count,
    ends,
    listed,
    steps_of,
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
        parents = self._parents
        sizes = []
        for values in self._combinations(parents, listed):
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

    @property
    def _parents(self) -> set[str]:
        """The searched fields on which others are conditional."""
        return {name for each in self.parameters for name in each.conditions}

    def has_value(self, name: str, config: RunConfig) -> bool:
        """Return True if a searched field has an effect in a configuration."""
        return self.domain_in(name, config) is not None

    def domain_in(self, name: str, config: RunConfig) -> Simple | None:
        """Return the domain of a field in a configuration; None without an effect."""
        for parameter in self.parameters:
            if parameter.field == name and parameter.holds_in(config):
                return parameter.domain
        return None

    def _domain(self, name: str, values: Mapping[str, Any]) -> Simple | None:
        for parameter in self.parameters:
            if parameter.field == name and parameter.active(values):
                return parameter.domain
        return None

    def _combinations(
        self, names: Iterable[str], values_of: Callable[[Simple], list[Any]] = ends
    ) -> list[dict[str, Any]]:
        """Return all combinations of the values of some fields and of their parents.

        Args:
            names: The fields.
            values_of: The values of a domain. Defaults to the values of choices, and the
                ends of ranges; for parents, with the values where other fields change.
        """
        wanted = set(names)
        for parameter in self.parameters:
            if parameter.field in wanted:
                wanted |= parameter.conditions.keys()
        combinations: list[dict[str, Any]] = [{}]
        for name in self.fields:  # parents come first
            if name in wanted:
                combinations = [
                    {**values, **chosen}
                    for values in combinations
                    for chosen in self._chosen(name, values, values_of)
                ]
        return combinations

    def _chosen(
        self, name: str, values: Mapping[str, Any], values_of: Callable[[Simple], list[Any]]
    ) -> list[dict[str, Any]]:
        domain = self._domain(name, values)
        if domain is None:
            return [{}]
        if values_of is ends and isinstance(domain, Range) and name in self._parents:
            return [{name: value} for value in self._turns(name, listed(domain))]
        return [{name: value} for value in values_of(domain)]

    def _turns(self, name: str, values: list[Any]) -> list[Any]:
        """Return the first and last of a parent's values with which the same fields go."""
        active = [
            [value in each.conditions.get(name, (value,)) for each in self.parameters]
            for value in values
        ]
        turns = {values[0], values[-1]}
        for (before, last), (after, first) in pairwise(zip(active, values, strict=True)):
            if before != after:
                turns |= {last, first}
        return sorted(turns)

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
        combinations = self._distinct(self._groups())
        call_all(partial(base.with_fields, **values) for values in combinations)

    def _groups(self) -> list[set[str]]:
        """Return groups of searched fields, whose values may only fit within the group."""
        groups: list[set[str]] = []
        for names in (*joint_fields(), *((name,) for name in self.fields)):
            group = self.fields.keys() & set(names)
            own = group - set(PARENTS.values())
            linked = [other for other in groups if other & own]
            groups = [other for other in groups if other not in linked]
            groups.append(group.union(*linked))
        return groups

    def _distinct(self, groups: Iterable[set[str]]) -> list[dict[str, Any]]:
        """Return the combinations of the extreme values of each group of fields."""
        combinations: list[dict[str, Any]] = []
        for names in groups:
            for values in self._combinations(names):
                if values not in combinations:
                    combinations.append(values)
        return combinations

    def corners(self, base: RunConfig) -> list[RunConfig]:
        """The extreme configurations: if these can be trained, all can.

        They are the base with each value of each field, with the largest batches of the
        fewest images, and with the largest model.
        """
        groups = [*self._groups(), {"batch_size", "train_size"}, {"width", "depth"}]
        return [base.with_fields(**values) for values in self._distinct(groups)]

    def to_dict(self) -> dict[str, Any]:
        """The space as plain values, which JSON can hold and `SearchSpace` takes."""
        return {name: _plain(domain) for name, domain in self.fields.items()}

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> Self:
        """Restore the space of `to_dict`. Custom functions need not be available."""
        return cls._of({name: _restored(domain) for name, domain in values.items()})


def default_space(base: RunConfig | None = None) -> SearchSpace:
    """Return the default space, which `kmlp tune --help` shows.

    Args:
        base: The configuration with the fixed fields. The optimizers of the space are
            those that take its fields. Defaults to None: `RunConfig()`.
    """
    domains = default_fields({}, base)
    return SearchSpace(
        {
            name: domain
            for name, domain in domains.items()
            if not isinstance(domain, Choice) or len(domain.values) > 1
        }
    )


def space_and_base(
    fields: Mapping[str, Any],
    *,
    searched: Mapping[str, Any] = SEARCHED,
    base: RunConfig | None = None,
) -> tuple[SearchSpace, RunConfig]:
    """Divide fields into searched and fixed ones.

    Args:
        fields: One value, several or a range for each field; the seed has one value.
        searched: The fields of the space that `fields` overrides. Defaults to the default
            space.
        base: The configuration that has the other fields. Defaults to None: their defaults.

    Returns:
        The space, and a configuration that has the fixed fields.

    Raises:
        ConfigError: with every problem at once.

    Example:
    >>> fields = {"width": [64, 128], "learning_rate": "1e-4:1e-1:log", "momentum": 0.9}
    >>> space, base = space_and_base(fields, searched={})
    >>> list(space.fields), base.momentum
    (['width', 'learning_rate'], 0.9)
    """
    width = fields.get("width")
    if isinstance(width, tuple) and len(width) > 1:
        raise ConfigError(
            [
                f"The value of `width` is {width}, which can be one network or several "
                f"widths. Give [{width}] or {list(width)}."
            ]
        )
    seed = config_fields()["seed"]
    own_seed: dict[str, Any] = {}
    with collect_errors() as step:
        with step():
            parsed = parse_space(
                {name: value for name, value in fields.items() if name != seed.name},
                searched=searched,
                base=base,
            )
        with step():
            if seed.name in fields:
                value = fields[seed.name]
                convert = seed.parse if isinstance(value, str) else seed.convert
                own_seed[seed.name] = convert(value)
    space = SearchSpace(parsed.searched)
    fixed = {**parsed.fixed, **own_seed}
    return space, space.base(fixed) if base is None else base.with_fields(**fixed)


def _plain(domain: Domain) -> Any:
    if isinstance(domain, Conditional):
        by_text = {
            value_text(domain.parent, value): _plain(each)
            for value, each in domain.domains.items()
        }
        return {domain.parent: by_text}
    if isinstance(domain, Choice):
        return [to_jsonable(value) for value in domain.values]
    return {"low": domain.low, "high": domain.high, "sampling": domain.sampling}


def _restored(given: Any) -> Any:
    if not isinstance(given, Mapping):
        values = (tuple(value) if isinstance(value, list) else value for value in given)
        return Choice(tuple(values))
    if "low" in given:
        return Range(**given)
    [(parent, domains)] = given.items()
    return Conditional(
        parent, {value_of(parent, key): _restored(each) for key, each in domains.items()}
    )
