"""Build a plain, compiled Keras model from hyperparameters."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kmlp import backend
from kmlp._util.files import atomic_write, undated
from kmlp._util.numbers import as_integer
from kmlp._util.seeds import Purpose, generator
from kmlp.errors import ConfigError, call_all, raise_problems, shown
from kmlp.model._initializers import draw_weights, keras_initializers
from kmlp.model._normalization import initial_values, normalization_layers
from kmlp.model.activations import Activation, get_activation
from kmlp.model.config import RunConfig, config_fields, split_for
from kmlp.model.label_smoothing import loss_for
from kmlp.model.losses import Loss
from kmlp.model.optimizers import make_optimizer
from kmlp.model.random_layers import keras_layer
from kmlp.model.scaling import SCALINGS, pixel_statistics, scale_and_offset

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from kmlp.data import Dataset


def layer_sizes(
    input_shape: tuple[int, ...],
    num_classes: int,
    width: int | tuple[int, ...],
    depth: int,
) -> list[tuple[int, int]]:
    """Return the numbers of inputs and units of every dense layer, the output layer last.

    Args:
        input_shape: Shape of one image.
        num_classes: Number of classes.
        width: The field `width` of a `RunConfig`.
        depth: The field `depth` of a `RunConfig`.

    Example:
    >>> layer_sizes((28, 28), 10, width=128, depth=1)
    [(784, 128), (128, 10)]
    >>> layer_sizes((28, 28), 10, width=(300, 100), depth=2)
    [(784, 300), (300, 100), (100, 10)]
    """
    hidden = width if isinstance(width, tuple) else (width,) * depth
    units = [math.prod(input_shape), *hidden, num_classes]
    return list(itertools.pairwise(units))


def count_parameters(
    input_shape: tuple[int, ...],
    num_classes: int,
    width: int | tuple[int, ...],
    depth: int,
    normalization: str = "none",
) -> int:
    """Return the number of parameters of a model, without building the model.

    They are weights and biases, and four or two numbers for each hidden unit with batch or
    layer normalization, of which batch normalization's two moving averages are not trained.

    Args:
        input_shape: Shape of one image.
        num_classes: Number of classes.
        width: The field `width` of a `RunConfig`.
        depth: The field `depth` of a `RunConfig`.
        normalization: The field `normalization` of a `RunConfig`. Defaults to "none".

    Formula: `sum((fan_in + 1) * units)` over the dense layers, and `4 * units` or
    `2 * units` over the normalizations.

    Example:
    >>> count_parameters((28, 28), 10, width=128, depth=0)
    7850
    >>> count_parameters((28, 28), 10, width=128, depth=1)
    101770
    """
    sizes = layer_sizes(input_shape, num_classes, width, depth)
    dense = sum((fan_in + 1) * units for fan_in, units in sizes)
    normalized = sum(units for _, units in sizes[:-1])
    return dense + len(initial_values(normalization)) * normalized


def build_mlp(
    *,
    input_shape: tuple[int, ...] = (28, 28),
    num_classes: int = 10,
    width: int | Sequence[int] = 128,
    depth: int | None = None,
    activation: str | Activation = "relu",
    loss: str | Loss = "cross_entropy",
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
    scaling: str = "unit",
    pixels: tuple[float, float] | None = None,
    seed: int = 0,
) -> keras.Sequential:
    """Build and compile a multilayer perceptron for raw images.

    The model is a plain `keras.Sequential` of Keras' own layers. Its input is images of
    shape `(batch_size, *input_shape)` with pixels from 0 to 255, which it scales and
    flattens. Its output is of shape `(batch_size, num_classes)`. The model is compiled
    with the optimizer, the loss, and accuracy. The initial weights depend only on `seed`,
    the initializer and the sizes of the layers, and are the same on every backend.

    Losses of one-hot targets (`mse`, `mae`, most of Keras' own) need `y` as
    `keras.utils.to_categorical(y, num_classes)`. The others need classes as integers.
    `get_loss(name).targets` is the form that a loss needs.

    Keras can load a saved model without kmlp. If loss and activation are Keras' own
    (`cross_entropy`, `mse` and `mae` are), `keras.saving.load_model(path)` is enough. If
    the loss is kmlp's or custom, add `compile=False`. If the activation is custom, pass
    it as `custom_objects`.

    Args:
        input_shape: Shape of one image. Defaults to `(28, 28)`.
        num_classes: Number of classes, `num_classes >= 2`. Defaults to 10.
        width: Units in each hidden layer: one number for all, or one for each
            layer, as in `(300, 100)`. Defaults to 128.
        depth: Number of hidden layers; `depth=0` is the linear model. Defaults
            to None: the number of layers in `width`, or 2 if `width` is one number.
        activation: Activation of the hidden layers: a name (see
            `get_activation`) or a function. Defaults to "relu".
        loss: A name (see `get_loss`) or a `Loss`. Defaults to "cross_entropy",
            on logits.
        output: Activation of the output layer. Defaults to None: the loss's own.
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
            "standard", to mean 0 and standard deviation 1; "none". Defaults to "unit".
        pixels: The mean and the standard deviation of the training images' pixels, for
            the scaling "standard" only, as `(images.mean(), images.std())`. Defaults to
            None.
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
    """
    named: dict[str, Any] = {"width": width, "depth": depth}
    if isinstance(activation, str):
        named["activation"] = activation
    if isinstance(loss, str):
        named |= {"loss": loss, "output": output}
    config, _, _, rescaling = call_all(
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
                scaling=scaling,
                seed=seed,
                **named,
            ),
            lambda: _check_shapes(input_shape, num_classes),
            lambda: _check_functions(activation, loss, output, label_smoothing),
            lambda: scale_and_offset(scaling, pixels) if scaling in SCALINGS else None,
        ]
    )
    hidden = get_activation(activation) if isinstance(activation, str) else activation
    resolved = loss_for(loss, config.label_smoothing) if isinstance(loss, str) else loss
    last = get_activation(resolved.resolve_output(output))
    return _build(
        config, tuple(input_shape), num_classes, rescaling, hidden, last, resolved
    )


def build_for(config: RunConfig, dataset: Dataset) -> keras.Sequential:
    """Build the compiled model of a run, with its initial weights.

    Args:
        config: The run's configuration.
        dataset: The whole dataset that the configuration names.
    """
    return build_from(
        config,
        input_shape=dataset.input_shape,
        num_classes=dataset.num_classes,
        pixels=pixels_of(config, dataset),
    )


def build_from(
    config: RunConfig,
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    pixels: tuple[float, float] | None = None,
) -> keras.Sequential:
    """Build the compiled model of a configuration, for images of any dataset.

    Args:
        config: The configuration, of which the arguments of `build_mlp` are used.
        input_shape: Shape of one image.
        num_classes: Number of classes.
        pixels: See `build_mlp`.
    """
    shared = inspect.signature(build_mlp).parameters.keys() & config.to_dict().keys()
    return build_mlp(
        input_shape=input_shape,
        num_classes=num_classes,
        pixels=pixels,
        **{name: getattr(config, name) for name in shared},
    )


def pixels_of(config: RunConfig, dataset: Dataset) -> tuple[float, float] | None:
    """Return the mean and the standard deviation of the pixels of a run's training images.

    Args:
        config: The run's configuration.
        dataset: The whole dataset that the configuration names.

    Returns:
        The two numbers; None if the scaling does not need them.

    Raises:
        ConfigError: if all pixels are equal.
    """
    if config.scaling != "standard":
        return None
    mean, sd = pixel_statistics(split_for(config, dataset).train.x)
    if sd == 0:
        raise ConfigError(
            [
                f"All pixels of the training images of {dataset.name} are {mean:g}, and "
                'cannot be scaled to a standard deviation of 1. Choose the scaling "unit".'
            ]
        )
    return mean, sd


def initial_weights(config: RunConfig, dataset: Dataset) -> list[NDArray[np.float32]]:
    """Return the initial weights of a run, in the order of `model.get_weights()`.

    They depend only on the seed, the initializer, the normalization and the sizes of the
    layers.
    """
    import numpy as np

    sizes = layer_sizes(
        dataset.input_shape, dataset.num_classes, config.width, config.depth
    )
    *hidden, last = _draw(config, sizes)
    weights = []
    for kernel, bias in hidden:
        values = initial_values(config.normalization)
        weights += [kernel, bias, *(np.full_like(bias, value) for value in values)]
    return [*weights, *last]


def _draw(
    config: RunConfig, sizes: list[tuple[int, int]]
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Draw the initial kernel and bias of every dense layer."""
    return [
        draw_weights(
            config.initializer, *size, generator(config.seed, Purpose.WEIGHTS, index)
        )
        for index, size in enumerate(sizes)
    ]


def save_portable(model: keras.Sequential, path: Path) -> bool:
    """Save a model in a file that Keras can load without kmlp.

    A loss or an optimizer that is not Keras' own could not be loaded. A model with such a
    one is therefore saved without its loss, optimizer and metrics: the loaded model
    predicts, and can be compiled again. The file is written under another name and renamed.

    Args:
        model: A compiled model of `build_mlp`.
        path: A file name that ends in `.keras`.

    Returns:
        True if the model was saved with its loss, optimizer and metrics.
    """
    keras = backend.load()
    loss = model.loss
    definition = type(loss) if isinstance(loss, keras.losses.Loss) else loss
    compiled = all(
        item.__module__.partition(".")[0] == "keras"
        for item in (definition, type(model.optimizer))
    )
    try:
        model.compiled = compiled
        # To save, Keras imports TensorFlow, which prints messages.
        with backend.quiet(), undated(), atomic_write(path) as temporary:
            model.save(temporary)
    finally:
        model.compiled = True
    return compiled


_TOO_LARGE = 2**31


def _check_shapes(input_shape: Any, num_classes: Any) -> None:
    problems = []
    sizes = input_shape if isinstance(input_shape, tuple | list) else ()
    if not sizes or not all(map(_is_size, sizes)):
        problems.append(
            f"The value of `input_shape` is {shown(input_shape)}, but must have at least "
            "one size, each at least 1 and less than 2**31, as (28, 28)."
        )
    if not (_is_size(num_classes) and num_classes >= 2):
        problems.append(
            f"The value of `num_classes` is {shown(num_classes)}, but must be "
            "`2 <= num_classes < 2**31`."
        )
    raise_problems(problems)


def _check_functions(activation: Any, loss: Any, output: Any, label_smoothing: Any) -> None:
    problems = []
    if not isinstance(activation, str) and not callable(activation):
        problems.append(f"The activation {activation!r} is neither a name nor a function.")
    if not isinstance(loss, str | Loss):
        problems.append(
            f"The loss {loss!r} is neither a name nor a `kmlp.Loss`. Wrap a function as "
            'Loss(function=..., output="linear", targets="index").'
        )
    if isinstance(loss, Loss) and label_smoothing != 0:
        problems.append(
            f"The value of `label_smoothing` is {shown(label_smoothing)}, but a loss of "
            "your own does not have it. Give the name of a loss, or leave "
            "`label_smoothing` out."
        )
    if isinstance(loss, Loss) and output is not None:
        try:
            config_fields()["output"].convert(output)
            loss.resolve_output(output)
        except ConfigError as error:
            problems += error.problems
    raise_problems(problems)


def _is_size(value: Any) -> bool:
    number = as_integer(value)
    return number is not None and 0 < number < _TOO_LARGE


def _build(
    config: RunConfig,
    input_shape: tuple[int, ...],
    num_classes: int,
    rescaling: tuple[float, float],
    hidden: Activation,
    last: Activation,
    loss: Loss,
) -> keras.Sequential:
    keras = backend.load()
    scale, offset = rescaling
    sizes = layer_sizes(input_shape, num_classes, config.width, config.depth)
    normalized = config.normalization != "none"
    layers: list[Any] = []
    for index, (_, units) in enumerate(sizes[:-1], start=1):
        layers.append(
            _dense(f"hidden_{index}", units, None if normalized else hidden, config)
        )
        if normalized:
            layers += [
                *normalization_layers(config.normalization, str(index)),
                keras.layers.Activation(hidden, name=f"activation_{index}"),
            ]
        layers += keras_layer(config, f"dropout_{index}")
    layers.append(_dense("output", num_classes, last, config))
    model = keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Rescaling(scale, offset=offset, name="rescaling"),
            # Independent of Keras' configuration: images are (rows, columns, channels).
            keras.layers.Flatten(data_format="channels_last", name="flatten"),
            *keras_layer(config, "gaussian_noise"),
            *keras_layer(config, "input_dropout"),
            *layers,
        ],
        name="mlp",
    )
    dense = [layer for layer in layers if isinstance(layer, keras.layers.Dense)]
    for layer, size, weights in zip(dense, sizes, _draw(config, sizes), strict=True):
        layer.set_weights(weights)
        initializers = keras_initializers(config.initializer, size[0])
        for attribute, initializer in initializers.items():
            setattr(layer, attribute, initializer)
    model.compile(
        optimizer=make_optimizer(config),
        loss=loss.function,
        metrics=["accuracy"],
    )
    return model


def _dense(
    name: str, units: int, activation: Activation | None, config: RunConfig
) -> keras.layers.Dense:
    """Return a dense layer without its weights."""
    keras = backend.load()
    return keras.layers.Dense(
        units,
        activation=activation,
        kernel_initializer="zeros",  # on JAX, each new shape compiles for 0.7 s
        kernel_regularizer=_regularizer(config),
        name=name,
    )


def _regularizer(config: RunConfig) -> keras.Regularizer | None:
    """Return Keras' regularizer of a kernel; None without a penalty."""
    regularizers = backend.load().regularizers
    if config.l1 and config.l2:
        return regularizers.L1L2(config.l1, config.l2)
    if config.l1:
        return regularizers.L1(config.l1)
    return regularizers.L2(config.l2) if config.l2 else None
