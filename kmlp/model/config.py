"""The checked configuration of a run, `RunConfig`, and its values as text."""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Self

from kmlp.errors import ConfigError, raise_problems, unknown_name
from kmlp.model._initializers import check_initializer
from kmlp.model._joint_rules import joint_problems
from kmlp.model._normalization import check_normalization
from kmlp.model.activations import ACTIVATIONS
from kmlp.model.augmentation import check_augmentation
from kmlp.model.fields import (
    ConfigField,
    Derived,
    Doc,
    Group,
    Name,
    NoneWord,
    Rule,
    describe_fields,
    to_jsonable,
)
from kmlp.model.losses import LOSSES
from kmlp.model.optimizers import OPTIMIZERS, default_of, default_text
from kmlp.model.scaling import check_scaling
from kmlp.model.schedules import check_schedule

if TYPE_CHECKING:
    from kmlp.data import Dataset


def _check_dataset(name: str) -> None:
    from kmlp.data import check_dataset  # imports NumPy, which would delay `--help`

    check_dataset(name)


def _at_least(field: str, least: int) -> Rule:
    return Rule(f"{field} >= {least}", lambda value: value >= least)


def _implied_depth(config: Any) -> int:
    return len(config.width) if isinstance(config.width, tuple) else 2


def _of_optimizer(field: str) -> Derived:
    return Derived(default_text(field), default_of(field), source="optimizer")


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class RunConfig:
    """All hyperparameters of a run. The number of epochs is an argument of `train`.

    A float field accepts an integer and converts it. A `width` of several numbers (a
    tuple, list or array) has one number for each hidden layer, and becomes a tuple. If
    the numbers are equal, `width` becomes that number, since the model is the same.

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
        Group.DATA,
        Doc(
            "Name of the dataset: mnist, fashion_mnist, an image dataset of TFDS, or the "
            "name of an imported dataset."
        ),
        Name(_check_dataset),
    ] = "mnist"
    width: Annotated[
        int | tuple[int, ...],
        Group.NETWORK,
        Doc("Units in each hidden layer; 300x100: a number for each layer."),
        _at_least("width", 1),
    ] = 128
    depth: Annotated[
        int,
        Group.NETWORK,
        Doc("Number of hidden layers; 0 is the linear model."),
        Rule("0 <= depth <= 1000", lambda value: 0 <= value <= 1000),
        Derived("2, or the number of layers in width", _implied_depth),
    ] = None  # type: ignore[assignment]  # `__post_init__` sets an int
    activation: Annotated[
        str,
        Group.NETWORK,
        Doc("Activation of the hidden layers: a keras.activations name or a custom one."),
        Name(ACTIVATIONS.check),
    ] = "relu"
    loss: Annotated[
        str,
        Group.TRAINING,
        Doc(
            "Loss: cross_entropy, nll, multi_margin, mse, mae, a keras.losses name "
            "or a custom one."
        ),
        Name(LOSSES.check),
    ] = "cross_entropy"
    output: Annotated[
        str | None,
        Group.NETWORK,
        Doc("Activation of the output layer; none: the one that the loss needs."),
        Name(ACTIVATIONS.check),
    ] = None
    optimizer: Annotated[
        str,
        Group.TRAINING,
        Doc(
            "Optimizer: sgd, adam, adamw, nadam, rmsprop, adagrad, adadelta, adamax, lion, "
            "muon, another of keras.optimizers or a custom one."
        ),
        Name(OPTIMIZERS.check),
    ] = "sgd"
    learning_rate: Annotated[
        float,
        Group.TRAINING,
        Doc("Learning rate."),
        Rule("0 < learning_rate < inf", lambda value: 0 < value < math.inf),
        _of_optimizer("learning_rate"),
    ] = None  # type: ignore[assignment]  # `__post_init__` sets a float
    momentum: Annotated[
        float,
        Group.TRAINING,
        Doc("Momentum of sgd, rmsprop and muon."),
        Rule("0 <= momentum < 1", lambda value: 0 <= value < 1),
        _of_optimizer("momentum"),
    ] = None  # type: ignore[assignment]  # as for `depth`
    nesterov: Annotated[
        bool,
        Group.TRAINING,
        Doc("Nesterov's momentum, of sgd and muon; needs momentum > 0."),
        _of_optimizer("nesterov"),
    ] = None  # type: ignore[assignment]  # as for `depth`
    beta_1: Annotated[
        float | None,
        Group.TRAINING,
        Doc("Decay of the mean of gradients, of the optimizers that are based on Adam."),
        Rule("0 <= beta_1 < 1", lambda value: 0 <= value < 1),
        _of_optimizer("beta_1"),
    ] = None
    beta_2: Annotated[
        float | None,
        Group.TRAINING,
        Doc("Decay of the mean of squared gradients; for lion, of gradients."),
        Rule("0 <= beta_2 < 1", lambda value: 0 <= value < 1),
        _of_optimizer("beta_2"),
    ] = None
    rho: Annotated[
        float | None,
        Group.TRAINING,
        Doc("Decay of the mean of squared gradients of rmsprop and adadelta."),
        Rule("0 <= rho < 1", lambda value: 0 <= value < 1),
        _of_optimizer("rho"),
    ] = None
    epsilon: Annotated[
        float | None,
        Group.TRAINING,
        Doc("Number that keeps the optimizer from dividing by 0."),
        Rule("0 < epsilon < inf", lambda value: 0 < value < math.inf),
        _of_optimizer("epsilon"),
    ] = None
    clipnorm: Annotated[
        float | None,
        Group.TRAINING,
        Doc(
            "Largest norm of the gradient of each kernel and each bias; a longer gradient "
            "is scaled down to it."
        ),
        Rule("0 < clipnorm < inf", lambda value: 0 < value < math.inf),
    ] = None
    weight_decay: Annotated[
        float,
        Group.REGULARIZATION,
        Doc(
            "Decoupled weight decay: each step first shrinks every weight and bias by the "
            "fraction learning_rate * weight_decay."
        ),
        Rule("0 <= weight_decay < inf", lambda value: 0 <= value < math.inf),
        _of_optimizer("weight_decay"),
    ] = None  # type: ignore[assignment]  # as for `depth`
    dropout: Annotated[
        float,
        Group.REGULARIZATION,
        Doc("Fraction of the units of every hidden layer that each training step drops."),
        Rule("0 <= dropout < 1", lambda value: 0 <= value < 1),
    ] = 0.0
    input_dropout: Annotated[
        float,
        Group.REGULARIZATION,
        Doc("Fraction of the scaled pixels that each training step sets to 0."),
        Rule("0 <= input_dropout < 1", lambda value: 0 <= value < 1),
    ] = 0.0
    gaussian_noise: Annotated[
        float,
        Group.REGULARIZATION,
        Doc(
            "Standard deviation of the noise that each training step adds to the scaled "
            "pixels, before input_dropout."
        ),
        Rule("0 <= gaussian_noise < inf", lambda value: 0 <= value < math.inf),
    ] = 0.0
    l1: Annotated[
        float,
        Group.REGULARIZATION,
        Doc(
            "L1 penalty: l1 times the sum of the absolute values of all kernels is added "
            "to the training loss."
        ),
        Rule("0 <= l1 < inf", lambda value: 0 <= value < math.inf),
    ] = 0.0
    l2: Annotated[
        float,
        Group.REGULARIZATION,
        Doc(
            "L2 penalty: l2 times the sum of the squares of all kernels is added to the "
            "training loss. Biases have no penalty."
        ),
        Rule("0 <= l2 < inf", lambda value: 0 <= value < math.inf),
    ] = 0.0
    label_smoothing: Annotated[
        float,
        Group.REGULARIZATION,
        Doc(
            "Part of each training target that is moved to all classes alike; of the "
            "cross-entropy losses only."
        ),
        Rule("0 <= label_smoothing < 1", lambda value: 0 <= value < 1),
    ] = 0.0
    normalization: Annotated[
        str,
        Group.NETWORK,
        Doc(
            "Normalization between each hidden layer and its activation: none, batch or "
            "layer."
        ),
        Name(check_normalization),
    ] = "none"
    augmentation: Annotated[
        str,
        Group.REGULARIZATION,
        Doc(
            "Random changes of the training images, new in each epoch: none; "
            "shift:PIXELS; rotate:DEGREES; flip (left to right); several joined by +."
        ),
        Name(check_augmentation),
    ] = "none"
    batch_size: Annotated[
        int, Group.TRAINING, Doc("Images per step."), _at_least("batch_size", 1)
    ] = 64
    schedule: Annotated[
        str,
        Group.TRAINING,
        Doc(
            "Schedule of the learning rate, step by step: constant; cosine:EPOCHS or "
            "linear:EPOCHS, down to 0, or to FINAL times the rate with :FINAL; "
            "exponential:FACTOR, in an epoch; step:EPOCHS:FACTOR, each time after EPOCHS. "
            "After EPOCHS, a rate that fell stays, so that 0 ends the learning."
        ),
        Name(check_schedule),
    ] = "constant"
    warmup: Annotated[
        float,
        Group.TRAINING,
        Doc(
            "Epochs in which the learning rate rises from 0, step by step; may be a "
            "fraction. The schedule runs meanwhile: the rate is the product of both."
        ),
        Rule("0 <= warmup < inf", lambda value: 0 <= value < math.inf),
    ] = 0.0
    initializer: Annotated[
        str,
        Group.NETWORK,
        Doc(
            "Initial weights: glorot_, he_ or lecun_, each with uniform or normal; "
            "orthogonal; zeros; ones; normal:SD; uniform:BOUND; pytorch; normal, which is "
            "N(0, 1) for biases, too."
        ),
        Name(check_initializer),
    ] = "glorot_uniform"
    scaling: Annotated[
        str,
        Group.DATA,
        Doc(
            "Scaling of the pixels: unit, 0 to 1; symmetric, -1 to 1; standard, mean 0 and "
            "standard deviation 1 over all training images of the run; none, 0 to 255."
        ),
        Name(check_scaling),
    ] = "unit"
    train_size: Annotated[
        int | None,
        Group.DATA,
        Doc("Number of training images to use, a stratified subset."),
        _at_least("train_size", 1),
        NoneWord("all"),
    ] = None
    validation_fraction: Annotated[
        float | None,
        Group.DATA,
        Doc(
            "Fraction of the training images used for validation, stratified; the same "
            "images for every seed unless resplit is set. test: validate on the test "
            "images instead."
        ),
        Rule("0 < validation_fraction < 1", lambda value: 0 < value < 1),
        NoneWord("test"),
    ] = 1 / 6
    label_noise: Annotated[
        float,
        Group.DATA,
        Doc(
            "Share of the training images whose label is replaced by another class, drawn "
            "uniformly, by the seed. Validation and test images keep their labels."
        ),
        Rule("0 <= label_noise <= 1", lambda value: 0 <= value <= 1),
    ] = 0.0
    resplit: Annotated[
        bool,
        Group.DATA,
        Doc(
            "Give each seed a validation split of its own, so that intervals over seeds "
            "cover the choice of the images."
        ),
    ] = False
    seed: Annotated[
        int,
        Group.TRAINING,
        Doc(
            "Seed of all that is drawn: the initial weights, the order of the images, "
            "masks, noise, wrong labels and, with resplit, the split; 0 is a seed, too."
        ),
        _at_least("seed", 0),
    ] = 0
    given: frozenset[str] = dataclass_field(init=False, repr=False, compare=False)
    """The fields with a derived default whose values were given, so that `with_fields`
    keeps them."""

    def __post_init__(self) -> None:
        problems: list[str] = []
        valid: set[str] = set()
        self._set_given({name: getattr(self, name) for name in config_fields()})
        for field in config_fields().values():
            given = getattr(self, field.name)
            if given is None and field.derived and field.derived.source not in {"", *valid}:
                continue  # the problem of its source is reported
            try:
                value = field.convert(field.derive(given, self))
                object.__setattr__(self, field.name, value)
                valid.add(field.name)
            except ConfigError as error:
                problems += error.problems
        raise_problems([*problems, *joint_problems(self, valid)])
        if isinstance(self.width, tuple) and len(set(self.width)) == 1:
            object.__setattr__(self, "width", self.width[0])

    def _set_given(self, values: Mapping[str, Any]) -> None:
        given = frozenset(
            name
            for name, field in config_fields().items()
            if field.derived and values.get(name) is not None
        )
        object.__setattr__(self, "given", given)

    def __repr__(self) -> str:
        """The fields that differ from their defaults."""
        differing = (
            f"{name}={getattr(self, name)!r}"
            for name, field in config_fields().items()
            if getattr(self, name) != field.derive(field.default, self)
        )
        return f"RunConfig({', '.join(differing)})"

    @property
    def validates_on_test(self) -> bool:
        """True if the test images are used for validation, so that no split is held out."""
        return self.validation_fraction is None

    def with_fields(self, **values: Any) -> Self:
        """Return the configuration with other values of some fields.

        A default that depends on one of these fields is derived anew, unless its value was
        given. `dataclasses.replace` would keep it.

        Raises:
            ConfigError: with every problem of the values at once.

        Example:
        >>> RunConfig().with_fields(optimizer="adam").learning_rate
        0.001
        >>> RunConfig(learning_rate=0.1).with_fields(optimizer="adam").learning_rate
        0.1
        """
        kept = {
            name: getattr(self, name)
            for name in config_fields()
            if name not in self._derived_from(values)
        }
        changed = type(self)(**{**kept, **values})
        given = self.given | (changed.given & values.keys())
        object.__setattr__(changed, "given", given)
        return changed

    def fixed_fields(self, varied: Container[str]) -> dict[str, Any]:
        """Return the fields that stay the same while others vary, as plain values for JSON.

        A default that is derived from a field that varies does not stay the same.

        Args:
            varied: The names of the fields that vary.

        Example:
        >>> "learning_rate" in RunConfig().fixed_fields(["optimizer"])
        False
        >>> RunConfig(learning_rate=0.1).fixed_fields(["optimizer"])["learning_rate"]
        0.1
        """
        derived = self._derived_from(varied)
        return {
            name: value
            for name, value in self.to_dict().items()
            if name not in varied and name not in derived
        }

    def _derived_from(self, sources: Container[str]) -> set[str]:
        """Return the fields whose values are derived from one of these fields."""
        return {
            name
            for name, field in config_fields().items()
            if field.derived and field.derived.source in sources and name not in self.given
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values for JSON."""
        return {name: to_jsonable(getattr(self, name)) for name in config_fields()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the configuration of these fields, which must be all fields.

        Raises:
            ConfigError: if a field is unknown or missing, or if a value is not allowed.
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
        """Return the configuration of stored values, which were checked earlier.

        Custom functions that the values name need not be available.
        """
        config = object.__new__(cls)
        config._set_given(values)
        for name, field in config_fields().items():
            value = field.derive(values.get(name, field.default), config)
            value = tuple(value) if isinstance(value, list) else value
            object.__setattr__(config, name, value)
        return config


def dataset_of(config: RunConfig) -> "Dataset":
    """Return the dataset that a configuration names, with all of its training images.

    Raises:
        DataError: if the dataset cannot be read.
        ConfigError: if the `validation_fraction` is not possible for the dataset.
    """
    from kmlp.data import load_dataset

    return load_dataset(config.dataset, validation_fraction=config.validation_fraction)


def split_for(config: RunConfig, dataset: "Dataset") -> "Dataset":
    """Return the dataset with the images and labels of one run.

    Args:
        config: The run's configuration.
        dataset: The result of `dataset_of`, which all seeds share.

    Raises:
        ConfigError: if the dataset has too few images for the `train_size` or the
            `label_noise`.
    """
    split = dataset.resplit(config.seed) if config.resplit else dataset
    sized = split.with_train_size(config.train_size)
    return sized.with_label_noise(config.label_noise, config.seed)


_ALWAYS_IDENTIFYING = frozenset(
    {
        *("dataset", "width", "depth", "activation", "loss", "output", "learning_rate"),
        *("momentum", "nesterov", "weight_decay", "batch_size", "initializer"),
        *("train_size", "validation_fraction", "seed"),
    }
)
"""The first fields, which identify a run at their defaults, too. The set is closed."""


def identity_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that identify a run.

    The keys of runs and the names of studies depend on the result. Every field that was
    added later is left out at its default, so that it does not change the keys of stored
    runs.

    Args:
        values: Fields of a `RunConfig`, as values for JSON.

    >>> identity_fields({"width": 128, "scaling": "unit"})
    {'width': 128}
    >>> identity_fields({"scaling": "symmetric"})
    {'scaling': 'symmetric'}
    """
    fields = config_fields()
    return {
        name: value
        for name, value in values.items()
        if name in _ALWAYS_IDENTIFYING or value != to_jsonable(fields[name].default)
    }


@cache
def config_fields() -> dict[str, ConfigField]:
    """Return every field of `RunConfig` by name, in the order of declaration."""
    return describe_fields(RunConfig)


def varied_fields(configs: Sequence[RunConfig]) -> list[str]:
    """Return the fields that tell configurations apart, without the seed.

    A default that follows from another field tells nothing more, unless it is the learning
    rate, which is needed to judge optimizers.

    Example:
    >>> varied_fields([RunConfig(), RunConfig(optimizer="rmsprop")])
    ['optimizer', 'learning_rate']
    """
    return [
        name
        for name, field in config_fields().items()
        if name != "seed"
        and len({getattr(config, name) for config in configs}) > 1
        and (
            name == "learning_rate"
            or not (field.derived and field.derived.source)
            or any(
                getattr(config, name) != field.derive(None, config) for config in configs
            )
        )
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    """Parameters that are not part of a run: their values are read from the same runs."""

    epochs: Annotated[
        int,
        Group.TRAINING,
        Doc("Epochs of the run, which is judged after the last one."),
        _at_least("epochs", 1),
    ] = 10
    patience: Annotated[
        int,
        Group.TRAINING,
        Doc(
            "Epochs without a better validation accuracy after which training would have "
            "stopped. The run is judged at the best epoch before that."
        ),
        _at_least("patience", 1),
    ] = 3


@cache
def all_fields() -> dict[str, ConfigField]:
    """Return the fields of `RunConfig`, and `epochs` and `patience`, by name."""
    return {**config_fields(), **describe_fields(_Read)}


def param_names() -> tuple[str, ...]:
    """Return the names that an ablation can vary.

    They are all fields but `seed` and `resplit`, and `epochs` and `patience`.
    """
    return tuple(name for name in all_fields() if name not in _NOT_VARIED)


_NOT_VARIED = {
    "seed": "The seed is not a parameter to vary: replicates of every value already vary "
    "the seed. Give the number of seeds instead.",
    "resplit": "`resplit` is not a parameter to vary: it does not change the model, but "
    "the images on which accuracies are measured. Give it to the whole study instead.",
}
"""The fields that an ablation cannot vary, with the reason and the remedy."""


def param_field(name: str) -> ConfigField:
    """Return the field of a parameter that an ablation varies.

    Raises:
        ConfigError: if there is no such parameter, with the nearest name.
    """
    if name in _NOT_VARIED:
        raise ConfigError([_NOT_VARIED[name]])
    if name not in all_fields():
        raise ConfigError([unknown_name("parameter", name, param_names())])
    return all_fields()[name]


def parse_param_values(name: str, text: str) -> tuple[Any, ...]:
    """Return the values of a parameter from a text, in which commas separate them.

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
                "single commas, as 32,128,512."
            )
            continue
        try:
            values.append(field.parse(word))
        except ConfigError as error:
            problems += error.problems
    raise_problems(problems)
    return tuple(values)


def value_text(name: str, value: Any) -> str:
    """Return a field's value as text, in the form that `ConfigField.parse` reads.

    >>> value_text("learning_rate", 0.1), value_text("train_size", None)
    ('0.1', 'all')
    """
    return all_fields()[name].text(value)


_LONG = 8
"""Numbers with more characters than this are shortened."""


def short_text(name: str, value: Any) -> str:
    """Return a field's value as text, with four digits for a long number.

    >>> short_text("learning_rate", 0.0123456789), short_text("width", (300, 100))
    ('0.01235', '300x100')
    """
    text = value_text(name, value)
    return f"{value:.4g}" if isinstance(value, float) and len(text) > _LONG else text


def parse_config(texts: Mapping[str, str], **values: Any) -> RunConfig:
    """Return the configuration of values given as text; other fields have their defaults.

    Args:
        texts: Values as text, by field.
        **values: Values that are not text, by field.

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
