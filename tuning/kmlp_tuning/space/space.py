"""`SearchSpace`: the domains of the searched fields, also in the form of Keras Tuner."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from kmlp.errors import ConfigError, call_all, collect_errors, raise_problems
from kmlp.model.config import RunConfig
from kmlp.model.fields import to_jsonable
from kmlp.model.hyperparameters import config_fields
from kmlp.model.optimizers import OPTIMIZER_FIELDS
from kmlp.model.text import value_text
from kmlp_tuning.space.domains import (
    SEARCHED,
    WITHOUT_HIDDEN_LAYERS,
    Choice,
    Range,
    count,
    ends,
    listed,
    parse_space,
    searched_domain,
    steps_of,
)

if TYPE_CHECKING:
    import keras_tuner

GRID_STEPS = 10
"""The largest number of values of a range in a grid."""

_COUPLED = (
    *(("nesterov", "momentum"), ("output", "loss"), ("width", "depth")),
    *((name, "optimizer") for name in OPTIMIZER_FIELDS),
)
"""Fields that do not go together in every combination."""


@dataclass(frozen=True, slots=True, init=False)
class SearchSpace:
    """The domain of each field of `RunConfig` that is searched; the others are fixed.

    Args:
        fields: The domain of each field: a `Choice`, a `Range`, a list of values, or a
            text in the notation of the command line.

    Raises:
        ConfigError: with every problem at once.

    Example:
    >>> space = SearchSpace({"width": [64, 128], "learning_rate": "1e-4:1e-1:log"})
    >>> space.fields["learning_rate"]
    Range(low=0.0001, high=0.1, sampling='log')
    >>> space.size is None  # it is infinite
    True
    """

    fields: Mapping[str, Choice | Range]

    def __init__(self, fields: Mapping[str, Any]) -> None:
        if not isinstance(fields, Mapping):
            raise ConfigError(
                [
                    f"The space is {fields!r}, but must be fields with their domains: "
                    '{"width": [64, 128]}.'
                ]
            )
        makers = [partial(searched_domain, name, given) for name, given in fields.items()]
        self._set(dict(zip(fields, call_all(makers), strict=True)))

    def _set(self, fields: dict[str, Choice | Range]) -> None:
        names = [name for name in config_fields() if name in fields]
        names.sort(key=lambda name: name != "depth")  # others may be conditional on it
        ordered = MappingProxyType({name: fields[name] for name in names})
        object.__setattr__(self, "fields", ordered)

    @classmethod
    def _of(cls, fields: dict[str, Choice | Range]) -> Self:
        """Make a space of domains that were checked."""
        space = object.__new__(cls)
        space._set(fields)
        return space

    @property
    def size(self) -> int | None:
        """The number of configurations; None if it is infinite."""
        sizes = {name: count(domain) for name, domain in self.fields.items()}
        if any(size is None for size in sizes.values()):
            return None
        depths, linear = sizes.pop("depth", 1) or 1, self._linear_model()
        inner = [sizes.pop(name, 1) or 1 for name in WITHOUT_HIDDEN_LAYERS]
        outer = math.prod(size or 1 for size in sizes.values())
        return outer * ((depths - linear) * math.prod(inner) + linear)

    @property
    def coupled(self) -> set[str]:
        """The searched fields whose values do not go with every value of another field."""
        return {name for pair in _COUPLED[:2] for name in pair if name in self.fields}

    def grid(self) -> SearchSpace:
        """The space with at most `GRID_STEPS` values of each range, with both ends."""
        return self._of(
            {name: steps_of(domain, GRID_STEPS) for name, domain in self.fields.items()}
        )

    def declare(self, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Declare the fields as hyperparameters, and return their values.

        Where `depth` can be 0, `width` and `activation` are conditional on it.
        """
        values = {}
        for name, domain in self.fields.items():
            condition: dict[str, Any] = {}
            if name in WITHOUT_HIDDEN_LAYERS and self._linear_model():
                deep = [value for value in listed(self.fields["depth"]) if value > 0]
                condition = {"parent_name": "depth", "parent_values": deep}
            values[name] = _declare(hp, name, domain, condition)
        return {name: value for name, value in values.items() if value is not None}

    def to_hyperparameters(self) -> keras_tuner.HyperParameters:
        """The space as hyperparameters of Keras Tuner."""
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        self.declare(hp)
        return hp

    @classmethod
    def from_hyperparameters(cls, hp: keras_tuner.HyperParameters) -> Self:
        """Make a space of hyperparameters of Keras Tuner that are named as the fields are.

        Raises:
            ConfigError: if a hyperparameter is not a field, or has steps.
        """
        return cls({parameter.name: _domain_of(parameter) for parameter in hp.space})

    def config(self, values: Mapping[str, Any], base: RunConfig) -> RunConfig:
        """The configuration of hyperparameters that `declare` declared.

        Args:
            values: The values of Keras Tuner by field; other names are ignored.
            base: The configuration that has the fixed fields, and `width` and `activation`
                where `depth` is 0.
        """
        searched = {
            name: _from_tuner(name, domain, values[name])
            for name, domain in self.fields.items()
            if name in values
        }
        return base.with_fields(**searched)

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
        names = sorted(self.coupled)
        for values in product(*(ends(self.fields[name]) for name in names)):
            try:
                return RunConfig(**{**fields, **dict(zip(names, values, strict=True))})
            except ConfigError as error:
                problem = problem or error
        assert problem is not None
        raise problem

    def check(self, base: RunConfig) -> None:
        """Check that the space and the fixed fields fit together.

        Raises:
            ConfigError: if a combination of values does not fit, or a field has no effect.
        """
        domains = {name: ends(domain) for name, domain in self.fields.items()}
        if base.depth == 0 and "depth" not in domains:
            raise_problems(
                f"`{name}` has no effect if `depth` is 0, so it cannot be searched."
                for name in WITHOUT_HIDDEN_LAYERS
                if name in domains
            )
        groups: list[tuple[str, ...]] = [
            names for names in _COUPLED if set(names) <= set(domains)
        ]
        groups += [
            (name,) for name in domains if not any(name in group for group in groups)
        ]
        call_all(
            partial(base.with_fields, **dict(zip(names, values, strict=True)))
            for names in groups
            for values in product(*(domains[name] for name in names))
        )

    def corners(self, base: RunConfig) -> list[RunConfig]:
        """The extreme configurations: if these can be trained, all can.

        They are the base with each value of each field, with the largest batches of the
        fewest images, and with the largest model.
        """
        singles = [
            base.with_fields(**{name: value})
            for name, domain in self.fields.items()
            for value in ends(domain)
        ]

        def extreme(name: str, *, most: bool) -> Any:
            domain = self.fields.get(name)
            values = ends(domain) if domain is not None else [getattr(base, name)]
            sized = [value for value in values if value is not None] or values
            choose = max if most else min
            return choose(
                sized, key=lambda value: sum(value) if isinstance(value, tuple) else value
            )

        width = extreme("width", most=True)
        depth = len(width) if isinstance(width, tuple) else extreme("depth", most=True)
        images = {
            "batch_size": extreme("batch_size", most=True),
            "train_size": extreme("train_size", most=False),
        }
        return [
            *singles,
            base.with_fields(**images),
            base.with_fields(width=width, depth=depth),
        ]

    def to_dict(self) -> dict[str, Any]:
        """The space as plain values, which JSON can hold and `SearchSpace` takes."""
        return {
            name: [to_jsonable(value) for value in domain.values]
            if isinstance(domain, Choice)
            else {"low": domain.low, "high": domain.high, "sampling": domain.sampling}
            for name, domain in self.fields.items()
        }

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> Self:
        """Restore the space of `to_dict`. Custom functions need not be available."""

        def domain(given: Any) -> Choice | Range:
            if isinstance(given, Mapping):
                return Range(**given)
            return Choice(
                tuple(tuple(value) if isinstance(value, list) else value for value in given)
            )

        return cls._of({name: domain(value) for name, value in values.items()})

    def _linear_model(self) -> bool:
        return "depth" in self.fields and 0 in ends(self.fields["depth"])


def default_space() -> SearchSpace:
    """The default space: width, depth, activation, learning rate and batch size."""
    return SearchSpace(SEARCHED)


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
            )
        with step():
            if seed.name in fields:
                value = fields[seed.name]
                convert = seed.parse if isinstance(value, str) else seed.convert
                own_seed[seed.name] = convert(value)
    space = SearchSpace(parsed.searched)
    fixed = {**parsed.fixed, **own_seed}
    return space, space.base(fixed) if base is None else base.with_fields(**fixed)


def _declare(
    hp: keras_tuner.HyperParameters,
    name: str,
    domain: Choice | Range,
    condition: dict[str, Any],
) -> Any:
    if isinstance(domain, Choice):
        values = [_to_tuner(name, domain, value) for value in domain.values]
        return hp.Choice(name, values, **condition)
    make: Callable[..., Any] = hp.Int if isinstance(domain.low, int) else hp.Float
    return make(name, domain.low, domain.high, sampling=domain.sampling, **condition)


def _texts(domain: Choice) -> bool:
    """Return True if Keras Tuner gets the values of a choice as texts.

    Its choices have one plain type, and turn truth values into numbers.
    """
    kinds = {type(value) for value in domain.values}
    return len(kinds) > 1 or not kinds <= {int, float, str}


def _to_tuner(name: str, domain: Choice, value: Any) -> Any:
    return value_text(name, value) if _texts(domain) else value


def _from_tuner(name: str, domain: Choice | Range, value: Any) -> Any:
    if isinstance(domain, Choice) and _texts(domain):
        return config_fields()[name].parse(value)
    return value


def _domain_of(hp: Any) -> Choice | Range:
    import keras_tuner

    kinds = keras_tuner.engine.hyperparameters
    if isinstance(hp, kinds.Boolean):
        return Choice((False, True))
    if isinstance(hp, kinds.Choice):
        return Choice(tuple(hp.values))
    if not isinstance(hp, kinds.Int | kinds.Float) or hp.step not in (None, 1):
        raise ConfigError(
            [f"The hyperparameter {hp.name} is neither a choice nor a range without steps."]
        )
    return Range(hp.min_value, hp.max_value, hp.sampling)
