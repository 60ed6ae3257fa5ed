"""Build a plain, compiled Keras model from hyperparameters."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kmlp.errors import call_all
from kmlp.model._argument_checks import (
    check_functions,
    check_scaling_arguments,
    check_shapes,
    check_targets,
)
from kmlp.model._layers import compiled_model
from kmlp.model.activations import Activation, get_activation
from kmlp.model.config import RunConfig
from kmlp.model.input_table import describe_input, input_table_of
from kmlp.model.label_smoothing import loss_for
from kmlp.model.losses import DEFAULT_LOSSES, Loss
from kmlp.model.run_data import split_for, statistics_of

if TYPE_CHECKING:
    import keras

    from kmlp.data import Dataset, Task


def build_mlp(
    *,
    input_shape: tuple[int, ...] = (28, 28),
    num_classes: int | None = 10,
    width: int | Sequence[int] = 128,
    depth: int | None = None,
    activation: str | Activation = "relu",
    loss: str | Loss | None = None,
    output: str | None = None,
    optimizer: str = "sgd",
    learning_rate: float | None = None,
    momentum: float | None = None,
    nesterov: bool | None = None,
    beta_1: float | None = None,
    beta_2: float | None = None,
    rho: float | None = None,
    epsilon: float | None = None,
    clipnorm: float | None = None,
    weight_decay: float | None = None,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    gaussian_noise: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    label_smoothing: float = 0.0,
    normalization: str = "none",
    initializer: str = "glorot_uniform",
    scaling: str | None = None,
    pixels: tuple[float, float] | None = None,
    columns: tuple[Sequence[float], Sequence[float]] | None = None,
    targets: tuple[float, float] | None = None,
    seed: int = 0,
) -> keras.Sequential:
    """Build and compile a multilayer perceptron for raw images, or raw rows of a table.

    The model is a plain `keras.Sequential` of Keras' own layers. Its input is images of
    shape `(batch_size, *input_shape)` with pixels from 0 to 255, which it scales and
    flattens. Its output is of shape `(batch_size, num_classes)`. The model is compiled
    with the optimizer, the loss, and accuracy. The initial weights depend only on `seed`,
    the initializer and the sizes of the layers, and are the same on every backend.

    For a table, give the `input_shape` `(columns,)`, and the numbers that scale its
    `columns`. For a regression, give `num_classes=None`: the output is one number, of shape
    `(batch_size, 1)`, and the metrics are RMSE and MAE. With the mean and the standard
    deviation of the `targets`, the model predicts in their unit, but its weights are those
    of standardized targets.

    Fields that are not part of a model, such as `schedule`, `augmentation` and
    `label_noise`, are arguments of `kmlp.train`.

    Losses of one-hot targets (`mse`, `mae`, most of Keras' own) need `y` as
    `keras.utils.to_categorical(y, num_classes)`. The others need classes as integers.
    `get_loss(name).targets` is the form that a loss needs.

    Keras can load a saved model without kmlp. If loss and activation are Keras' own
    (`cross_entropy`, `mse` and `mae` are), `keras.saving.load_model(path)` is enough. If
    the loss is kmlp's or custom, add `compile=False`. If the activation is custom, pass
    it as `custom_objects`.

    A schedule of the learning rate needs the number of steps in an epoch, and label noise
    and augmentation change the images or labels: `kmlp.train` has them. In `model.fit`,
    set a schedule of Keras: `model.optimizer.learning_rate = CosineDecay(0.1, steps)`.

    Args:
        input_shape: Shape of one image. Defaults to `(28, 28)`.
        num_classes: Number of classes, `num_classes >= 2`; None for a regression.
            Defaults to 10.
        width: Units in each hidden layer: one number for all, or one for each
            layer, as in `(300, 100)`. Defaults to 128.
        depth: Number of hidden layers; `depth=0` is the linear model. Defaults
            to None: the number of layers in `width`, or 2 if `width` is one number.
        activation: Activation of the hidden layers: a name (see
            `get_activation`) or a function. Defaults to "relu".
        loss: A name (see `get_loss`) or a `Loss`. Defaults to None: "cross_entropy", on
            logits; "mse" for a regression.
        output: Activation of the output layer, which is linear for a regression. Defaults
            to None: the loss's own.
        optimizer: The name of one of `keras.optimizers`, in lower case, of a registered
            one, or `package.module:name`; see `kmlp.register_optimizer`. Defaults to
            "sgd".
        learning_rate: Learning rate. Defaults to None: 0.1 for sgd, and that of the
            optimizer's class for the others.
        momentum: Momentum. Defaults to None: the optimizer's own, which is 0.0 for sgd.
        nesterov: True for Nesterov's momentum. Defaults to None: the optimizer's own,
            which is False for sgd.
        beta_1: Decay of the mean of gradients. Defaults to None: the optimizer's own.
        beta_2: Decay of the mean of squared gradients. Defaults to None: the optimizer's
            own.
        rho: Decay of the mean of squared gradients of rmsprop and adadelta. Defaults to
            None: the optimizer's own.
        epsilon: Number that keeps the optimizer from dividing by 0. Defaults to None: the
            optimizer's own.
        clipnorm: Largest norm of the gradient of each kernel and each bias. Defaults to
            None: gradients are not clipped.
        weight_decay: Decoupled weight decay. Defaults to None: the optimizer's own, which
            is 0.004 for adamw and muon, and 0.0 for the others.
        dropout: Fraction of the outputs of every hidden layer that are set to 0 while
            training, `0 <= dropout < 1`. The others are divided by `1 - dropout`. Defaults
            to 0.0, without such layers.
        input_dropout: The same for the scaled pixels. Defaults to 0.0.
        gaussian_noise: Standard deviation of the noise that is added to the scaled
            pixels while training, before `input_dropout`. Defaults to 0.0.
        l1: L1 penalty of the kernels, `keras.regularizers.L1`. Defaults to 0.0.
        l2: L2 penalty of the kernels, `keras.regularizers.L2`. Defaults to 0.0.
        label_smoothing: Part of each target that is moved to all classes alike. The
            targets are one-hot then. For the cross-entropy losses only. Defaults to 0.0.
        normalization: Layer between each hidden layer and its activation: "none",
            "batch" (`keras.layers.BatchNormalization`) or "layer"
            (`keras.layers.LayerNormalization`). Defaults to "none".
        initializer: Distribution of the initial weights: "glorot_", "he_" or "lecun_",
            each with "uniform" or "normal"; "orthogonal"; "zeros"; "ones"; "normal:SD",
            as "normal:0.05"; "uniform:BOUND"; "pytorch"; "normal". Defaults to
            "glorot_uniform".
        scaling: Scaling of the pixels: "unit", to 0 to 1; "symmetric", to -1 to 1;
            "standard", to mean 0 and standard deviation 1; "none". Defaults to None:
            "unit". With `columns`, these numbers are the scaling.
        pixels: The mean and the standard deviation of the training images' pixels, for
            the scaling "standard" only, as `(images.mean(), images.std())`. Defaults to
            None.
        columns: Two numbers for each column of a table: the one that is subtracted, and the
            one that is then divided by, as `(rows.mean(0), rows.std(0))` of the training
            rows. They are those of a `keras.layers.Normalization`. Defaults to None:
            images, or rows that are scaled already, with the scaling "none".
        targets: The mean and the standard deviation of the training targets of a
            regression, as `(y.mean(), y.std())`. The output layer is followed by a
            `keras.layers.Rescaling` with these numbers. Defaults to None: no such layer.
        seed: Seed of the initial weights and of random layers, `seed >= 0`. Defaults to
            0.

    Returns:
        A compiled `keras.Sequential`.

    Raises:
        ConfigError: with every problem of the arguments at once.

    Example:
    >>> build_mlp(depth=0).count_params()  # 784-10
    7850
    >>> build_mlp(depth=1).count_params()  # 784-128-10
    101770
    >>> build_mlp(depth=3).count_params()  # 784-128-128-128-10
    134794
    >>> build_mlp(width=(300, 100)).count_params()  # 784-300-100-10
    266610
    >>> build_mlp(input_shape=(13,), num_classes=None, width=8, depth=1,
    ...           scaling="none").output_shape
    (None, 1)
    """
    task: Task = "classification" if num_classes is not None else "regression"
    if loss is None:
        loss = DEFAULT_LOSSES[task]
    named: dict[str, Any] = {"width": width, "depth": depth}
    if isinstance(activation, str):
        named["activation"] = activation
    if isinstance(loss, str) and task == "classification":
        named |= {"loss": loss, "output": output}
    config, _, _, _, scaled = call_all(
        [
            lambda: RunConfig(
                optimizer=optimizer,
                learning_rate=learning_rate,  # type: ignore[arg-type]  # None: the default
                momentum=momentum,  # type: ignore[arg-type]
                nesterov=nesterov,  # type: ignore[arg-type]
                beta_1=beta_1,
                beta_2=beta_2,
                rho=rho,
                epsilon=epsilon,
                clipnorm=clipnorm,
                weight_decay=weight_decay,  # type: ignore[arg-type]
                dropout=dropout,
                input_dropout=input_dropout,
                gaussian_noise=gaussian_noise,
                l1=l1,
                l2=l2,
                label_smoothing=label_smoothing,
                normalization=normalization,
                initializer=initializer,
                scaling=scaling,  # type: ignore[arg-type]
                seed=seed,
                **named,
            ),
            lambda: check_shapes(input_shape, num_classes),
            lambda: check_functions(activation, loss, output, label_smoothing, task),
            lambda: check_targets(targets, task),
            lambda: check_scaling_arguments(scaling, pixels, columns, input_shape),
        ]
    )
    hidden = get_activation(activation) if isinstance(activation, str) else activation
    resolved = (
        loss_for(loss, config.label_smoothing, task) if isinstance(loss, str) else loss
    )
    last = get_activation(resolved.resolve_output(output))
    return compiled_model(
        config,
        tuple(input_shape),
        num_classes,
        scaled,
        hidden,
        last,
        resolved,
        targets,
    )


def build_for(config: RunConfig, dataset: Dataset) -> keras.Sequential:
    """Build the compiled model of a run, with its initial weights.

    The model of a table knows the table's columns: see `kmlp.model.input_table`.

    Args:
        config: The run's configuration.
        dataset: The whole dataset that the configuration names.

    Raises:
        ConfigError: if the training examples of the run cannot be scaled, or if their
            missing values cannot be filled in.
    """
    model = build_from(
        config,
        input_shape=dataset.input_shape,
        num_classes=dataset.num_classes or None,
        **statistics_of(config, split_for(config, dataset)),
    )
    if dataset.schema is not None:
        describe_input(model, input_table_of(config, dataset))
    return model


def build_from(
    config: RunConfig,
    *,
    input_shape: tuple[int, ...],
    num_classes: int | None,
    pixels: tuple[float, float] | None = None,
    columns: tuple[Sequence[float], Sequence[float]] | None = None,
    targets: tuple[float, float] | None = None,
) -> keras.Sequential:
    """Build the compiled model of a configuration, for examples of any dataset.

    Args:
        config: The configuration, of which the arguments of `build_mlp` are used.
        input_shape: Shape of one example.
        num_classes: Number of classes; None for a regression.
        pixels: See `build_mlp`.
        columns: See `build_mlp`.
        targets: See `build_mlp`.
    """
    shared = inspect.signature(build_mlp).parameters.keys() & config.to_dict().keys()
    return build_mlp(
        input_shape=input_shape,
        num_classes=num_classes,
        pixels=pixels,
        columns=columns,
        targets=targets,
        **{name: getattr(config, name) for name in shared},
    )
