"""Rules between the fields of a configuration, each stated once.

A rule is a function that takes a configuration and returns the problem as text, with the
remedy, or None. `joint_rule` names the fields that it reads:

    @joint_rule("dropout", "depth")
    def _dropout_needs_layers(config: Any) -> str | None:
        if config.dropout and config.depth == 0:
            return idle(config, "dropout", "`depth` is 0", "Give a `depth` of at least 1")
        return None
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from kmlp.errors import ConfigError
from kmlp.model.hyperparameters import config_fields
from kmlp.model.label_smoothing import SMOOTHED_LOSSES
from kmlp.model.losses import LOSSES, task_problem
from kmlp.model.optimizers import OPTIMIZER_FIELDS, optimizer_defaults, takers
from kmlp.model.regression import no_classes, output_problem

if TYPE_CHECKING:
    from kmlp.data import Facts, Task

Check = Callable[[Any], str | None]


class JointRule(NamedTuple):
    """A rule between fields."""

    fields: tuple[str, ...]
    """The fields, each of which must be valid by itself before the rule is checked."""
    check: Check
    """Function that returns the problem of a configuration, or None."""


JOINT_RULES: list[JointRule] = []
"""All rules, in the order in which their problems are reported."""


def joint_problems(config: Any, valid: set[str]) -> Iterator[str]:
    """Yield the problems between fields.

    Args:
        config: The configuration.
        valid: The fields whose values are valid by themselves.
    """
    for rule in JOINT_RULES:
        if valid.issuperset(rule.fields) and (problem := rule.check(config)) is not None:
            yield problem


def joint_rule(*fields: str) -> Callable[[Check], Check]:
    """Return a decorator that adds a rule between these fields to `JOINT_RULES`."""

    def add(check: Check) -> Check:
        JOINT_RULES.append(JointRule(fields, check))
        return check

    return add


def idle(config: Any, field: str, reason: str, remedy: str) -> str:
    """Return the problem of a value that does nothing.

    Args:
        config: The configuration.
        field: The field.
        reason: The reason as a clause, such as "`momentum` is 0.0".
        remedy: The other remedy, in the imperative, besides leaving the field out.
    """
    return (
        f"The value of `{field}` is {getattr(config, field)}, but does nothing because "
        f"{reason}. {remedy}, or leave `{field}` out."
    )


@joint_rule("width", "depth")
def _layers_are_counted_once(config: Any) -> str | None:
    layers = len(config.width) if isinstance(config.width, tuple) else config.depth
    if layers == config.depth:
        return None
    return (
        f"The value of `width` is {config.width}, for {layers} hidden layers, but `depth` "
        f"is {config.depth}. Give a `depth` of {layers}, or one `width` for all layers."
    )


@joint_rule("nesterov", "momentum", "optimizer")
def _nesterov_needs_momentum(config: Any) -> str | None:
    default = optimizer_defaults(config.optimizer).get("nesterov")
    if default is None or not config.nesterov or config.momentum != 0:
        return None
    if default:
        return (
            f"The value of `momentum` is 0.0, but `nesterov`, which {config.optimizer} has "
            "by default, needs momentum. Give a `momentum` above 0, or `nesterov` false."
        )
    return idle(config, "nesterov", "`momentum` is 0.0", "Give a `momentum` above 0")


@joint_rule("dropout", "depth")
def _dropout_needs_hidden_layers(config: Any) -> str | None:
    if config.dropout and config.depth == 0:
        return idle(
            config,
            "dropout",
            "`depth` is 0, without a hidden layer",
            "Give a `depth` of at least 1, or an `input_dropout`",
        )
    return None


def _takes(field: str) -> Check:
    """Return the rule that refuses a field which the optimizer does not have."""

    def check(config: Any) -> str | None:
        value, name = getattr(config, field), config.optimizer
        if value == OPTIMIZER_FIELDS[field] or field in optimizer_defaults(name):
            return None
        return (
            f"The value of `{field}` is {value}, but the optimizer {name} has no "
            f"`{field}`. Leave `{field}` out, or choose an `optimizer` that has one: "
            f"{', '.join(takers(field))}."
        )

    return check


for _field in OPTIMIZER_FIELDS:
    joint_rule(_field, "optimizer")(_takes(_field))


@joint_rule("beta_1", "optimizer")
def _some_need_beta_1(config: Any) -> str | None:
    if config.optimizer not in ("lion", "schedulefreeadamw") or config.beta_1 != 0:
        return None
    return (
        "The value of `beta_1` is 0.0, but must be above 0 for the optimizer "
        f"{config.optimizer}. Give such a `beta_1`, or leave `beta_1` out."
    )


@joint_rule("resplit", "validation_fraction")
def _resplit_needs_a_split(config: Any) -> str | None:
    if config.resplit and config.validates_on_test:
        return idle(
            config,
            "resplit",
            "`validation_fraction` is test, without a split",
            "Give a `validation_fraction` from 0 to 1",
        )
    return None


@joint_rule("folds", "resplit")
def _folds_are_splits(config: Any) -> str | None:
    if config.folds is None or not config.resplit:
        return None
    return (
        f"The value of `folds` is {config.folds}, but `resplit` is set, too. Folds are "
        "divided anew for further seeds already: leave `resplit` out."
    )


@joint_rule("folds", "validation_fraction")
def _folds_take_the_place_of_the_split(config: Any) -> str | None:
    default = config_fields()["validation_fraction"].default
    if config.folds is None or config.validation_fraction == default:
        return None
    return (
        f"The value of `folds` is {config.folds}, but `validation_fraction` is given, too: "
        "a fold validates in the place of that split. Leave one of them out."
    )


@joint_rule("loss", "dataset")
def _loss_fits_the_task(config: Any) -> str | None:
    problem = task_problem(config.loss, _task(config))
    return problem and f"{problem} The dataset is {config.dataset}."


@joint_rule("label_smoothing", "dataset")
def _smoothing_needs_classes(config: Any) -> str | None:
    return _needs_classes(config, "label_smoothing")


@joint_rule("label_noise", "dataset")
def _noise_needs_classes(config: Any) -> str | None:
    return _needs_classes(config, "label_noise")


def _needs_classes(config: Any, field: str) -> str | None:
    value = getattr(config, field)
    if not value or _task(config) == "classification":
        return None
    return no_classes(field, value, config.dataset)


@joint_rule("augmentation", "dataset")
def _augmentation_needs_images(config: Any) -> str | None:
    if config.augmentation == "none" or _facts(config).kind == "images":
        return None
    return (
        f'The value of `augmentation` is "{config.augmentation}", but {config.dataset} is '
        "a table, without images to change. Leave `augmentation` out, or give "
        "`gaussian_noise`."
    )


@joint_rule("output", "dataset")
def _output_fits_the_task(config: Any) -> str | None:
    if config.output in (None, "linear") or _task(config) == "classification":
        return None
    return output_problem(config.output)


def _task(config: Any) -> Task:
    return _facts(config).task


def _facts(config: Any) -> Facts:
    from kmlp.data import facts_of  # imports NumPy

    return facts_of(config.dataset)


@joint_rule("output", "loss", "dataset")
def _output_fits_the_loss(config: Any) -> str | None:
    if config.output is not None and _task(config) == "classification":
        try:
            LOSSES.get(config.loss).resolve_output(
                config.output, f'the loss "{config.loss}"'
            )
        except ConfigError as error:
            return str(error)
    return None


@joint_rule("label_smoothing", "loss", "dataset")
def _smoothing_fits_the_loss(config: Any) -> str | None:
    if not config.label_smoothing or config.loss in SMOOTHED_LOSSES:
        return None
    if _task(config) == "regression":
        return None  # refused by itself
    return (
        f"The value of `label_smoothing` is {config.label_smoothing}, but the loss "
        f'"{config.loss}" does not have it. Give a `loss` of '
        f"{', '.join(SMOOTHED_LOSSES)}, or leave `label_smoothing` out."
    )


@joint_rule("normalization", "depth")
def _normalization_needs_layers(config: Any) -> str | None:
    if config.normalization != "none" and config.depth == 0:
        return idle(config, "normalization", "`depth` is 0", "Give a `depth` of at least 1")
    return None


@joint_rule("normalization", "batch_size")
def _batch_normalization_needs_a_batch(config: Any) -> str | None:
    if config.normalization != "batch" or config.batch_size > 1:
        return None
    return (
        "The value of `normalization` is batch, but `batch_size` is 1: the output of a "
        "unit minus its mean over one example is always 0, so nothing is learned. Give a "
        "`batch_size` of at least 2, or layer as `normalization`."
    )
