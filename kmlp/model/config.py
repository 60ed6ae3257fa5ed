"""`RunConfig`: every hyperparameter of a run, checked; and values given as text."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Self

from kmlp.errors import ConfigError, raise_problems, unknown_name
from kmlp.model._initializers import check_initializer
from kmlp.model._scaling import check_scaling
from kmlp.model.activations import ACTIVATIONS
from kmlp.model.fields import (
    ConfigField,
    Derived,
    Doc,
    Name,
    NoneWord,
    Rule,
    describe_fields,
    to_jsonable,
)
from kmlp.model.losses import LOSSES

if TYPE_CHECKING:
    from kmlp.data import Dataset


def _check_dataset(name: str) -> None:
    from kmlp.data import check_dataset  # brings NumPy, which `--help` need not wait for

    check_dataset(name)


def _at_least(field: str, least: int) -> Rule:
    return Rule(f"{field} >= {least}", lambda value: value >= least)


def _implied_depth(config: Any) -> int:
    return len(config.width) if isinstance(config.width, tuple) else 2


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class RunConfig:
    """Every hyperparameter of a run. A run has no epoch budget: see `train`.

    Whole numbers are accepted for a float field and are made floats. A `width` of
    several numbers, a list or an array as well, states every hidden layer, and is made
    a tuple; where they are all equal, it is made the number, which is the same network.

    Raises:
        ConfigError: with every problem of the values at once.

    Example:
    >>> RunConfig(width=32, momentum=0).momentum
    0.0
    >>> RunConfig(width=(300, 100, 50)).depth
    3
    >>> RunConfig(width=0, learning_rate=-1)
    Traceback (most recent call last):
    ...
    kmlp.errors.ConfigError: The value of `width` is 0, but must be `width >= 1`.
    The value of `learning_rate` is -1.0, but must be `0 < learning_rate < inf`.
    """

    dataset: Annotated[
        str,
        Doc(
            "Name of the dataset: mnist, fashion_mnist, an image set of TFDS or your own "
            "(see kmlp data)."
        ),
        Name(_check_dataset),
    ] = "mnist"
    width: Annotated[
        int | tuple[int, ...],
        Doc("Units in each hidden layer; 300x100: a number for each layer."),
        _at_least("width", 1),
    ] = 128
    depth: Annotated[
        int,
        Doc("Number of hidden layers; 0 is the linear model."),
        Rule("0 <= depth <= 1000", lambda value: 0 <= value <= 1000),
        Derived("2, or as many as width has", _implied_depth),
    ] = None  # type: ignore[assignment]  # it is an int once the configuration is made
    activation: Annotated[
        str,
        Doc("Activation of the hidden layers: a keras.activations name or your own."),
        Name(ACTIVATIONS.check),
    ] = "relu"
    loss: Annotated[
        str,
        Doc(
            "Loss: cross_entropy, nll, multi_margin, mse, mae, a keras.losses name "
            "or your own."
        ),
        Name(LOSSES.check),
    ] = "cross_entropy"
    output: Annotated[
        str | None,
        Doc("Activation of the output layer; none: the one that the loss needs."),
        Name(ACTIVATIONS.check),
    ] = None
    learning_rate: Annotated[
        float,
        Doc("Learning rate of SGD."),
        Rule("0 < learning_rate < inf", lambda value: 0 < value < math.inf),
    ] = 0.1
    momentum: Annotated[
        float,
        Doc("Momentum of SGD."),
        Rule("0 <= momentum < 1", lambda value: 0 <= value < 1),
    ] = 0.0
    nesterov: Annotated[bool, Doc("Nesterov's momentum; needs momentum > 0.")] = False
    weight_decay: Annotated[
        float,
        Doc(
            "Decoupled weight decay: each step first shrinks every weight and bias by the "
            "fraction learning_rate * weight_decay."
        ),
        Rule("0 <= weight_decay < inf", lambda value: 0 <= value < math.inf),
    ] = 0.0
    batch_size: Annotated[int, Doc("Images per step."), _at_least("batch_size", 1)] = 64
    initializer: Annotated[
        str,
        Doc(
            "Initial weights: glorot_, he_ or lecun_ with uniform or normal; pytorch; "
            "normal."
        ),
        Name(check_initializer),
    ] = "glorot_uniform"
    scaling: Annotated[
        str,
        Doc("Scaling of the pixels: unit, 0 to 1; symmetric, -1 to 1."),
        Name(check_scaling),
    ] = "unit"
    train_size: Annotated[
        int | None,
        Doc("Number of training images to use, a stratified subset."),
        _at_least("train_size", 1),
        NoneWord("all"),
    ] = None
    validation_fraction: Annotated[
        float | None,
        Doc(
            "Fraction of the training images used for validation, stratified; the same "
            "images for every seed. test: validate on the test images instead."
        ),
        Rule("0 < validation_fraction < 1", lambda value: 0 < value < 1),
        NoneWord("test"),
    ] = 1 / 6
    seed: Annotated[
        int,
        Doc("Seed of the initial weights and the order of the images; 0 is a seed, too."),
        _at_least("seed", 0),
    ] = 0

    def __post_init__(self) -> None:
        problems: list[str] = []
        right = set()
        for field in config_fields().values():
            try:
                given = field.derive(getattr(self, field.name), self)
                value = field.convert(given)
                object.__setattr__(self, field.name, value)
                right.add(field.name)
            except ConfigError as error:
                problems += error.problems
        raise_problems([*problems, *self._joint_problems(right)])
        if isinstance(self.width, tuple) and len(set(self.width)) == 1:
            object.__setattr__(self, "width", self.width[0])

    def _joint_problems(self, right: set[str]) -> list[str]:
        """What is wrong between fields that are right each by itself."""
        problems = []
        if right >= {"width", "depth"} and isinstance(self.width, tuple):
            layers = len(self.width)
            if layers != self.depth:
                problems.append(
                    f"The value of `width` is {self.width}, for {layers} hidden layers, "
                    f"but `depth` is {self.depth}. Give a `depth` of {layers}, or one "
                    "`width` for all layers."
                )
        if right >= {"nesterov", "momentum"} and self.nesterov and self.momentum == 0:
            problems.append(
                "The value of `nesterov` is True, but `momentum` is 0.0, with which it "
                "does nothing. Give a `momentum` above 0, or leave `nesterov` out."
            )
        if right >= {"output", "loss"} and self.output is not None:
            try:
                what = f'the loss "{self.loss}"'
                LOSSES.get(self.loss).resolve_output(self.output, what)
            except ConfigError as error:
                problems += error.problems
        return problems

    def __repr__(self) -> str:
        """The fields that differ from their defaults."""
        differing = (
            f"{name}={getattr(self, name)!r}"
            for name, field in config_fields().items()
            if getattr(self, name) != field.default
        )
        return f"RunConfig({', '.join(differing)})"

    @property
    def validates_on_test(self) -> bool:
        """Whether the test images choose, so that none are left to judge what is chosen."""
        return self.validation_fraction is None

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, which JSON can hold."""
        return {name: to_jsonable(getattr(self, name)) for name in config_fields()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The configuration of exactly these fields.

        Raises:
            ConfigError: if a field is unknown or missing, or a value is wrong.
        """
        names = config_fields()
        raise_problems(
            [
                *(unknown_name("field", key, names) for key in values if key not in names),
                *(f"The field `{key}` is missing." for key in names if key not in values),
            ]
        )
        return cls(**values)

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> Self:
        """The configuration of values that were checked when they were stored.

        Functions of the user's own, which it names, need not be at hand.
        """
        config = object.__new__(cls)
        for name, field in config_fields().items():
            value = field.derive(values.get(name, field.default), config)
            value = tuple(value) if isinstance(value, list) else value
            object.__setattr__(config, name, value)
        return config


def dataset_of(config: RunConfig) -> "Dataset":
    """The dataset that a configuration names, with all of its training images.

    Raises:
        DataError: if it cannot be read.
        ConfigError: if it cannot be split so.
    """
    from kmlp.data import load_dataset

    return load_dataset(config.dataset, validation_fraction=config.validation_fraction)


_NEUTRAL = {"scaling": "unit"}
"""Values of fields that add nothing to a run's identity, by field."""


def identity_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that identify a run, without those at their neutral value.

    The keys of runs and the names of studies are made of them, so a field that is added
    with a neutral value leaves the keys of stored runs as they are.

    Args:
        values: Fields of a `RunConfig` as JSON holds them.

    >>> identity_fields({"width": 32, "scaling": "unit"})
    {'width': 32}
    >>> identity_fields({"scaling": "symmetric"})
    {'scaling': 'symmetric'}
    """
    return {
        name: value
        for name, value in values.items()
        if name not in _NEUTRAL or value != _NEUTRAL[name]
    }


@cache
def config_fields() -> dict[str, ConfigField]:
    """Every field of `RunConfig` by name, in the order of their declaration."""
    return describe_fields(RunConfig)


def param_names() -> tuple[str, ...]:
    """The fields that an ablation can vary: all but `seed`, which replicates vary."""
    return tuple(name for name in config_fields() if name != "seed")


def param_field(name: str) -> ConfigField:
    """The field that an ablation varies.

    Raises:
        ConfigError: if there is no such field, with the nearest one.
    """
    if name == "seed":
        raise ConfigError(
            [
                "The seed is not a parameter to vary: replicates of every value vary it "
                "already. Give the number of seeds instead."
            ]
        )
    if name not in config_fields():
        raise ConfigError([unknown_name("parameter", name, param_names())])
    return config_fields()[name]


def parse_param_values(name: str, text: str) -> tuple[Any, ...]:
    """The values of a parameter given as text, separated by commas.

    Raises:
        ConfigError: with the problems of all values at once.

    Example:
    >>> parse_param_values("learning_rate", "1e-3,0.1")
    (0.001, 0.1)
    >>> parse_param_values("train_size", "1000,all")
    (1000, None)
    >>> parse_param_values("width", "32,300x100")
    (32, (300, 100))
    """
    field = param_field(name)
    words = text.split(",")
    values: list[Any] = []
    problems: list[str] = []
    for position, word in enumerate(words, start=1):
        if not word.strip():
            problems.append(
                f"Value {position} of `{name}` is empty in {text!r}. Separate values by "
                "single commas: 32,128,512."
            )
            continue
        try:
            values.append(field.parse(word))
        except ConfigError as error:
            problems += error.problems
    raise_problems(problems)
    return tuple(values)


def value_text(name: str, value: Any) -> str:
    """A field's value as text, as the command line reads it.

    >>> value_text("learning_rate", 0.1), value_text("train_size", None)
    ('0.1', 'all')
    """
    return config_fields()[name].text(value)


_LONG = 8
"""Characters of a number that is shortened."""


def short_text(name: str, value: Any) -> str:
    """A field's value as text: a long number with four digits.

    >>> short_text("learning_rate", 0.0123456789), short_text("width", (300, 100))
    ('0.01235', '300x100')
    """
    text = value_text(name, value)
    return f"{value:.4g}" if isinstance(value, float) and len(text) > _LONG else text


def parse_config(texts: Mapping[str, str], **values: Any) -> RunConfig:
    """The configuration of fields given as text, the others at their defaults.

    Args:
        texts: Values as text, by field.
        **values: Values that need no parsing, by field.

    Raises:
        ConfigError: with every problem at once.
    """
    problems: list[str] = []
    parsed = dict(values)
    for name, text in texts.items():
        try:
            parsed[name] = config_fields()[name].parse(text)
        except ConfigError as error:
            problems += error.problems
    try:
        config = RunConfig(**parsed)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from None
    raise_problems(problems)
    return config
