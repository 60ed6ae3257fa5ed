"""The hyperparameters of a run, each declared once: type, default, rule and description.

Checks, options, help texts and reference pages follow from these declarations.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from kmlp.model._initializers import check_initializer
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
    at_least,
    describe_fields,
)
from kmlp.model.losses import DEFAULT_LOSSES, LOSSES
from kmlp.model.optimizers import OPTIMIZERS, default_of, default_text
from kmlp.model.scaling import DEFAULT_SCALINGS, check_scaling
from kmlp.model.schedules import check_schedule

if TYPE_CHECKING:
    from kmlp.data import Facts


def _check_dataset(name: str) -> str:
    from kmlp.data import check_dataset  # imports NumPy, which would delay `--help`

    return check_dataset(name)


def _implied_depth(config: Any) -> int:
    return len(config.width) if isinstance(config.width, tuple) else 2


def _default_loss(config: Any) -> str:
    return DEFAULT_LOSSES[_facts(config).task]


def _default_scaling(config: Any) -> str:
    return DEFAULT_SCALINGS[_facts(config).kind]


def _facts(config: Any) -> "Facts":
    from kmlp.data import facts_of  # imports NumPy

    return facts_of(config.dataset)


def _of_optimizer(field: str) -> Derived:
    return Derived(default_text(field), default_of(field), source="optimizer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hyperparameters:
    """Every hyperparameter of a run, with its type, group, description and rule."""

    dataset: Annotated[
        str,
        Group.DATA,
        Doc(
            "Name of the dataset: mnist, fashion_mnist, an image dataset of TFDS, a table "
            "such as wine, diabetes or moons:ROWS:NOISE:SEED, or an imported dataset."
        ),
        Name(_check_dataset),
    ] = "mnist"
    width: Annotated[
        int | tuple[int, ...],
        Group.NETWORK,
        Doc("Units in each hidden layer; 300x100: a number for each layer."),
        at_least("width", 1),
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
            "or a custom one. Of a regression: mse, mae, huber, log_cosh or a custom one."
        ),
        Name(LOSSES.check),
        Derived("cross_entropy; mse for a regression", _default_loss, source="dataset"),
    ] = None  # type: ignore[assignment]  # `__post_init__` sets a name
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
        Doc("Fraction of the scaled inputs that each training step sets to 0."),
        Rule("0 <= input_dropout < 1", lambda value: 0 <= value < 1),
    ] = 0.0
    gaussian_noise: Annotated[
        float,
        Group.REGULARIZATION,
        Doc(
            "Standard deviation of the noise that each training step adds to the scaled "
            "input, before input_dropout."
        ),
        Rule("0 <= gaussian_noise <= 1", lambda value: 0 <= value <= 1),  # Keras' limit
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
        int, Group.TRAINING, Doc("Images per step."), at_least("batch_size", 1)
    ] = 64
    schedule: Annotated[
        str,
        Group.TRAINING,
        Doc(
            "Schedule of the learning rate, which changes with every step: constant; "
            "cosine:EPOCHS or linear:EPOCHS, down to 0 within EPOCHS; the same with "
            ":FINAL, down to FINAL times the rate; exponential:FACTOR, times FACTOR an "
            "epoch; step:EPOCHS:FACTOR, times FACTOR after every EPOCHS. cosine and linear "
            "stay at their end: at 0, nothing more is learned."
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
            "Scaling of the pixels, or of each column of a table: unit, 0 to 1; symmetric, "
            "-1 to 1; standard, mean 0 and standard deviation 1 over the training examples "
            "of the run; none."
        ),
        Name(check_scaling),
        Derived("unit; standard for tables", _default_scaling, source="dataset"),
    ] = None  # type: ignore[assignment]  # as for `loss`
    train_size: Annotated[
        int | None,
        Group.DATA,
        Doc("Number of training examples to use, a stratified subset."),
        at_least("train_size", 1),
        NoneWord("all"),
    ] = None
    validation_fraction: Annotated[
        float | None,
        Group.DATA,
        Doc(
            "Fraction of the training examples used for validation, stratified; the same "
            "examples for every seed unless resplit is set. test: validate on the test "
            "examples instead."
        ),
        Rule("0 < validation_fraction < 1", lambda value: 0 < value < 1),
        NoneWord("test"),
    ] = 1 / 6
    label_noise: Annotated[
        float,
        Group.DATA,
        Doc(
            "Share of the training examples whose label is replaced by another class, "
            "drawn uniformly, by the seed. Validation and test examples keep their labels."
        ),
        Rule("0 <= label_noise <= 1", lambda value: 0 <= value <= 1),
    ] = 0.0
    resplit: Annotated[
        bool,
        Group.DATA,
        Doc(
            "Give each seed a validation split of its own, so that intervals over seeds "
            "cover the choice of the examples."
        ),
    ] = False
    folds: Annotated[
        int | None,
        Group.DATA,
        Doc(
            "Number of folds of a cross-validation, for few examples: each validates the "
            "runs that are trained on the others. In the place of the validation fraction."
        ),
        at_least("folds", 2),
    ] = None
    seed: Annotated[
        int,
        Group.TRAINING,
        Doc(
            "Seed of all that is drawn: the initial weights, the order of the examples, "
            "masks, noise, wrong labels and, with resplit or folds, the split; 0 is a "
            "seed, too."
        ),
        at_least("seed", 0),
    ] = 0


@cache
def config_fields() -> dict[str, ConfigField]:
    """Return every field of `Hyperparameters` by name, in the order of declaration."""
    return describe_fields(Hyperparameters)
