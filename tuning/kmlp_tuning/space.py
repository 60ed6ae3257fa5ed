"""`SearchSpace`: what a search may choose from, and what it is to Keras Tuner."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from kmlp.config import RunConfig, config_fields, parse_axis_values, value_text
from kmlp.errors import ConfigError, gather, raise_problems, unknown_name
from kmlp.fields import ConfigField, plain

if TYPE_CHECKING:
    import keras_tuner

SEARCHED = {
    "width": "32,64,128,256,512",
    "depth": "1,2,3",
    "activation": "relu,tanh,gelu",
    "learning_rate": "1e-3:1:log",
    "batch_size": "16,32,64,128",
}
"""The default space, as the command line takes it."""

WITHOUT_HIDDEN_LAYERS = ("width", "activation")
"""The fields that do nothing where `depth` is 0, and are not chosen there."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values of a field."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Any number from `low` to `high`, both included."""

    low: float
    high: float
    sampling: Literal["linear", "log"] = "linear"
    """Whether all numbers are as probable, or all of their logarithms. Defaults to
    "linear"."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchSpace:
    """What each field of `RunConfig` may be; the fields that it does not name are fixed.

    Args:
        fields: For each field that is searched: a `Choice`, a `Range`, or a text as the
            command line takes it; a list stands for a choice.

    Raises:
        ConfigError: with every problem at once.

    Example:
    >>> space = SearchSpace({"width": [64, 128], "learning_rate": "1e-4:1e-1:log"})
    >>> space.fields["learning_rate"]
    Range(low=0.0001, high=0.1, sampling='log')
    >>> space.size is None  # it has no end
    True
    """

    fields: Mapping[str, Choice | Range]

    def __init__(self, fields: Mapping[str, Any]) -> None:
        makers = [partial(_domain, name, given) for name, given in fields.items()]
        made = dict(zip(fields, gather(makers), strict=True))
        names = [name for name in config_fields() if name in made]  # depth comes first
        names.sort(key=lambda name: name != "depth")
        object.__setattr__(self, "fields", {name: made[name] for name in names})

    @classmethod
    def of(cls, fields: Mapping[str, Choice | Range]) -> Self:
        """The space of fields that were checked, in their order."""
        space = object.__new__(cls)
        object.__setattr__(space, "fields", dict(fields))
        return space

    @property
    def size(self) -> int | None:
        """How many configurations there are; None if there is no end of them."""
        sizes = {name: _size(domain) for name, domain in self.fields.items()}
        if any(size is None for size in sizes.values()):
            return None
        depths, linear = sizes.pop("depth", 1) or 1, self._linear_model()
        inner = [sizes.pop(name, 1) or 1 for name in WITHOUT_HIDDEN_LAYERS]
        outer = math.prod(size or 1 for size in sizes.values())
        return outer * ((depths - linear) * math.prod(inner) + linear)

    def declare(self, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Declares the fields as hyperparameters, and returns their values there.

        Where `depth` can be 0, `width` and `activation` are conditional on it.
        """
        values = {}
        for name, domain in self.fields.items():
            condition: dict[str, Any] = {}
            if name in WITHOUT_HIDDEN_LAYERS and self._linear_model():
                deep = [value for value in _listed(self.fields["depth"]) if value > 0]
                condition = {"parent_name": "depth", "parent_values": deep}
            values[name] = _declare(hp, name, domain, condition)
        return {name: it for name, it in values.items() if it is not None}

    def to_hyperparameters(self) -> keras_tuner.HyperParameters:
        """The space as Keras Tuner has it."""
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        self.declare(hp)
        return hp

    @classmethod
    def from_hyperparameters(cls, hp: keras_tuner.HyperParameters) -> Self:
        """The space of Keras Tuner's hyperparameters, named as the fields are.

        Raises:
            ConfigError: if one is no field, or has steps.
        """
        return cls({it.name: _domain_of(it) for it in hp.space})

    def config(self, values: Mapping[str, Any], base: RunConfig) -> RunConfig:
        """The configuration of values that `declare` has declared.

        Args:
            values: By field, as Keras Tuner has them; others are ignored.
            base: The fields that are not searched, and `width` and `activation` where
                `depth` is 0.
        """
        found = {
            name: _from_tuner(name, domain, values[name])
            for name, domain in self.fields.items()
            if name in values
        }
        return replace(base, **found)

    def check(self, base: RunConfig) -> None:
        """Checks that the space and the fixed fields fit together.

        Raises:
            ConfigError: if a combination of choices does not, if two values of a field
                come to the same, or if a field does nothing.
        """
        domains = {name: _listed(it) for name, it in self.fields.items()}
        if base.depth == 0 and "depth" not in domains:
            raise_problems(
                f"`{name}` does nothing where `depth` is 0, so it cannot be searched."
                for name in WITHOUT_HIDDEN_LAYERS
                if name in domains
            )
        groups = [names for names in _COUPLED if set(names) <= set(domains)]
        groups += [(it,) for it in domains if not any(it in names for names in groups)]
        made = gather(
            partial(replace, base, **dict(zip(names, values, strict=True)))
            for names in groups
            for values in product(*(domains[name] for name in names))
        )
        raise_problems(
            f"Two values of `{names[0]}` come to the same network. Leave one out."
            for names in groups
            if len(names) == 1
            and len({getattr(it, names[0]) for it in made}) < len(domains[names[0]])
        )

    def corners(self, base: RunConfig) -> list[RunConfig]:
        """Configurations with each value of each field, the other fields at the base's;
        of a range, its ends.
        """
        return [
            replace(base, **{name: value})
            for name, domain in self.fields.items()
            for value in (
                domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
            )
        ]

    def to_dict(self) -> dict[str, Any]:
        """The space as plain values, which JSON can hold; `from_dict` takes them."""
        return {
            name: [plain(value) for value in domain.values]
            if isinstance(domain, Choice)
            else {"low": domain.low, "high": domain.high, "sampling": domain.sampling}
            for name, domain in self.fields.items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The space of `to_dict`."""
        return cls(
            {
                name: Range(**it) if isinstance(it, dict) else it
                for name, it in values.items()
            }
        )

    def text(self, name: str) -> str:
        """What a field may be, as the command line takes it."""
        domain = self.fields[name]
        if isinstance(domain, Choice):
            return ",".join(value_text(name, value) for value in domain.values)
        ends = [f"{end:g}" for end in (domain.low, domain.high)]
        return ":".join([*ends, *(["log"] if domain.sampling == "log" else [])])

    def _linear_model(self) -> bool:
        return "depth" in self.fields and 0 in _listed(self.fields["depth"])


_COUPLED: list[tuple[str, ...]] = [
    ("nesterov", "momentum"),
    ("output", "loss"),
    ("width", "depth"),
]
"""Fields that do not go together in every combination."""


def default_space() -> SearchSpace:
    """Width, depth, activation, learning rate and batch size, as most labs vary them."""
    return SearchSpace(SEARCHED)


@dataclass(frozen=True, slots=True)
class Parsed:
    """Fields given as text."""

    searched: dict[str, Choice | Range]
    """Those with several values."""
    fixed: dict[str, Any]
    """Those with one."""


def parse_space(
    texts: Mapping[str, str], *, searched: Mapping[str, Any] = SEARCHED
) -> Parsed:
    """Fields given as text: those with several values are searched, the others fixed.

    Args:
        texts: By field.
        searched: What the fields are that are not given: texts, lists or values. Defaults
            to `SEARCHED`, of which what a given `depth` or `width` makes useless is left
            out.

    Raises:
        ConfigError: with every problem at once.

    Example:
    >>> found = parse_space({"width": "64,128", "depth": "0:6", "momentum": "0.9"})
    >>> found.searched["width"], found.searched["depth"]
    (Choice(values=(64, 128)), Range(low=0, high=6, sampling='linear'))
    >>> found.fixed
    {'momentum': 0.9}
    """
    others = dict(searched)
    if searched is SEARCHED:
        if texts.get("depth", "").strip() == "0":
            others = {k: it for k, it in others.items() if k not in WITHOUT_HIDDEN_LAYERS}
        if "x" in texts.get("width", ""):  # the widths state it
            others.pop("depth")
    given = {**others, **texts}
    domains = gather(partial(_domain, name, it, single=True) for name, it in given.items())
    found = Parsed({}, {})
    for name, domain in zip(given, domains, strict=True):
        if isinstance(domain, Choice) and len(domain.values) == 1:
            [found.fixed[name]] = domain.values
        else:
            found.searched[name] = domain
    return found


def read_space(path: Path) -> dict[str, Any]:
    """The fields of a TOML file, for `parse_space` and `SearchSpace`.

    A value is as on the command line, a list of values, or a value that is fixed.

    Raises:
        ConfigError: if it cannot be read.
    """
    import tomllib

    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise ConfigError([f"{path} of `--space`: {error.strerror}."]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path} of `--space` is no TOML: {error}"]) from error
    if not found:
        raise ConfigError([f'{path} of `--space` has no field, as width = "64,128" is.'])
    return found


def _domain(name: str, given: Any, *, single: bool = False) -> Choice | Range:
    """What a field may be, checked."""
    if name == "seed" or name not in config_fields():
        raise ConfigError([_no_field(name)])
    field = config_fields()[name]
    if isinstance(given, str):
        numeric = field.type in (int, float)
        given = (
            _parse_range(field, given)
            if numeric and ":" in given
            else Choice(parse_axis_values(name, given))
        )
    if isinstance(given, Range):
        return _check_range(field, given)
    values = given.values if isinstance(given, Choice) else given
    if not isinstance(values, list | tuple):
        values = [values]
    converted = gather(partial(field.convert, value) for value in values)
    problems = [
        f"The value {value_text(name, value)} of `{name}` is given "
        f"{converted.count(value)} times. Give it once."
        for value in converted
        if converted.count(value) > 1
    ]
    if len(converted) < 2 and not single:
        problems.append(
            f"`{name}` is to be searched, but has {len(converted)} value. Give several, or "
            "fix it in the configuration."
        )
    raise_problems(problems)
    return Choice(tuple(converted))


def _no_field(name: str) -> str:
    names = [field for field in config_fields() if field != "seed"]
    if name == "seed":
        return (
            "The seed is not searched: the best seed is luck. The runs have the seed of "
            "--seed, and so has the choice of configurations."
        )
    return unknown_name("field", name, names)


def _parse_range(field: ConfigField, text: str) -> Range:
    low, high, *sampling = (part.strip() for part in text.split(":"))
    if sampling not in ([], ["log"], ["linear"]):
        raise ConfigError(
            [
                f'"{text}" of `{field.name}` is no range. Give LOW:HIGH or LOW:HIGH:log: '
                "1e-4:1e-1:log."
            ]
        )
    first, last = gather([partial(field.parse, low), partial(field.parse, high)])
    if any(end is None or isinstance(end, tuple) for end in (first, last)):
        raise ConfigError([f'"{text}" of `{field.name}` is no range of two numbers.'])
    return Range(first, last, "log" if sampling == ["log"] else "linear")


def _check_range(field: ConfigField, given: Range) -> Range:
    if field.type not in (int, float):
        raise ConfigError(
            [f"`{field.name}` is no number, so it has no range. Give a list of values."]
        )
    low, high = gather([partial(field.convert, it) for it in (given.low, given.high)])
    problems = []
    text = f"The range of `{field.name}` is {low:g} to {high:g}, but must be"
    if not low < high:
        problems.append(f"{text} `low < high`.")
    if given.sampling == "log" and low <= 0:
        problems.append(f"{text} `low > 0` to be sampled by its logarithm.")
    raise_problems(problems)
    return Range(low, high, given.sampling)


def _size(domain: Choice | Range) -> int | None:
    if isinstance(domain, Choice):
        return len(domain.values)
    return domain.high - domain.low + 1 if isinstance(domain.low, int) else None  # type: ignore[return-value]


def _listed(domain: Choice | Range) -> list[Any]:
    """All values, of real numbers both ends."""
    if isinstance(domain, Choice):
        return list(domain.values)
    if isinstance(domain.low, int):
        return list(range(domain.low, int(domain.high) + 1))
    return [domain.low, domain.high]


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
    """Whether Keras Tuner gets a choice's values as texts: it takes one plain type."""
    kinds = {type(value) for value in domain.values}
    return len(kinds) > 1 or not kinds <= {int, float, str, bool}


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
        field = config_fields().get(hp.name)
        read = field is not None and field.type is not str
        values = [
            field.parse(it) if read and isinstance(it, str) else it  # type: ignore[union-attr]
            for it in hp.values
        ]
        return Choice(tuple(values))
    plain_steps = hp.step in (None, 1) and getattr(hp, "sampling", "") in ("linear", "log")
    if not isinstance(hp, kinds.Int | kinds.Float) or not plain_steps:
        raise ConfigError(
            [f"The hyperparameter {hp.name} is neither a choice nor a range without steps."]
        )
    return Range(hp.min_value, hp.max_value, hp.sampling)
