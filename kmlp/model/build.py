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
from kmlp.model._scaling import SCALINGS
from kmlp.model.activations import Activation, get_activation
from kmlp.model.config import RunConfig, config_fields
from kmlp.model.losses import Loss, get_loss
from kmlp.model.random_layers import keras_layer

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
) -> int:
    """Return the number of weights and biases of a model, without building the model.

    Args:
        input_shape: Shape of one image.
        num_classes: Number of classes.
        width: The field `width` of a `RunConfig`.
        depth: The field `depth` of a `RunConfig`.

    Formula: `sum((fan_in + 1) * units)` over the dense layers.

    Example:
    >>> count_parameters((28, 28), 10, width=128, depth=0)
    7850
    >>> count_parameters((28, 28), 10, width=128, depth=1)
    101770
    """
    sizes = layer_sizes(input_shape, num_classes, width, depth)
    return sum((fan_in + 1) * units for fan_in, units in sizes)


def build_mlp(
    *,
    input_shape: tuple[int, ...] = (28, 28),
    num_classes: int = 10,
    width: int | Sequence[int] = 128,
    depth: int | None = None,
    activation: str | Activation = "relu",
    loss: str | Loss = "cross_entropy",
    output: str | None = None,
    learning_rate: float = 0.1,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    gaussian_noise: float = 0.0,
    initializer: str = "glorot_uniform",
    scaling: str = "unit",
    seed: int = 0,
) -> keras.Sequential:
    """Build and compile a multilayer perceptron for raw images.

    The model is a plain `keras.Sequential` of Keras' own layers. Its input is images of
    shape `(batch_size, *input_shape)` with pixels from 0 to 255, which it scales and
    flattens. Its output is of shape `(batch_size, num_classes)`. The model is compiled
    with SGD, the loss, and accuracy. The initial weights depend only on `seed`, the
    initializer and the sizes of the layers, and are the same on every backend.

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
        learning_rate: Learning rate of SGD. Defaults to 0.1.
        momentum: Momentum of SGD. Defaults to 0.0.
        nesterov: True for Nesterov's momentum. Defaults to False.
        weight_decay: Decoupled weight decay of SGD. Defaults to 0.0.
        dropout: Fraction of the outputs of every hidden layer that are set to 0 while
            training, `0 <= dropout < 1`. The others are divided by `1 - dropout`. Defaults
            to 0.0, without such layers.
        input_dropout: The same for the scaled pixels. Defaults to 0.0.
        gaussian_noise: Standard deviation of the noise that is added to the scaled
            pixels while training, before `input_dropout`. Defaults to 0.0.
        initializer: Distribution of the initial weights: "glorot_", "he_" or "lecun_",
            each with "uniform" or "normal"; "orthogonal"; "zeros"; "ones"; "normal:SD",
            as "normal:0.05"; "uniform:BOUND"; "pytorch"; "normal". Defaults to
            "glorot_uniform".
        scaling: Scaling of the pixels: "unit", to 0 to 1, or "symmetric", to -1 to 1.
            Defaults to "unit".
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
    config, *_ = call_all(
        [
            lambda: RunConfig(
                learning_rate=learning_rate,
                momentum=momentum,
                nesterov=nesterov,
                weight_decay=weight_decay,
                dropout=dropout,
                input_dropout=input_dropout,
                gaussian_noise=gaussian_noise,
                initializer=initializer,
                scaling=scaling,
                seed=seed,
                **named,
            ),
            lambda: _check_shapes(input_shape, num_classes),
            lambda: _check_functions(activation, loss, output),
        ]
    )
    hidden = get_activation(activation) if isinstance(activation, str) else activation
    resolved = get_loss(loss) if isinstance(loss, str) else loss
    last = get_activation(resolved.resolve_output(output))
    return _build(config, tuple(input_shape), num_classes, hidden, last, resolved)


def build_for(config: RunConfig, dataset: Dataset) -> keras.Sequential:
    """Build the compiled model of a run, with its initial weights."""
    return build_from(
        config, input_shape=dataset.input_shape, num_classes=dataset.num_classes
    )


def build_from(
    config: RunConfig, *, input_shape: tuple[int, ...], num_classes: int
) -> keras.Sequential:
    """Build the compiled model of a configuration, for images of any dataset.

    Args:
        config: The configuration, of which the arguments of `build_mlp` are used.
        input_shape: Shape of one image.
        num_classes: Number of classes.
    """
    shared = inspect.signature(build_mlp).parameters.keys() & config.to_dict().keys()
    return build_mlp(
        input_shape=input_shape,
        num_classes=num_classes,
        **{name: getattr(config, name) for name in shared},
    )


def initial_weights(config: RunConfig, dataset: Dataset) -> list[NDArray[np.float32]]:
    """Return the initial weights of a run, in the order of `model.get_weights()`.

    They depend only on the seed, the initializer and the sizes of the layers.
    """
    sizes = layer_sizes(
        dataset.input_shape, dataset.num_classes, config.width, config.depth
    )
    return list(itertools.chain(*_draw(config, sizes)))


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

    A loss that is not Keras' own could not be loaded. A model with such a loss is
    therefore saved without its loss, optimizer and metrics: the loaded model predicts,
    and can be compiled again. The file is written under another name and renamed.

    Args:
        model: A compiled model of `build_mlp`.
        path: A file name that ends in `.keras`.

    Returns:
        True if the model was saved with its loss, optimizer and metrics.
    """
    keras = backend.load()
    loss = model.loss
    definition = type(loss) if isinstance(loss, keras.losses.Loss) else loss
    compiled = definition.__module__.partition(".")[0] == "keras"
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


def _check_functions(activation: Any, loss: Any, output: Any) -> None:
    problems = []
    if not isinstance(activation, str) and not callable(activation):
        problems.append(f"The activation {activation!r} is neither a name nor a function.")
    if not isinstance(loss, str | Loss):
        problems.append(
            f"The loss {loss!r} is neither a name nor a `kmlp.Loss`. Wrap a function as "
            'Loss(function=..., output="linear", targets="index").'
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
    hidden: Activation,
    last: Activation,
    loss: Loss,
) -> keras.Sequential:
    keras = backend.load()
    scale, offset = SCALINGS[config.scaling]
    sizes = layer_sizes(input_shape, num_classes, config.width, config.depth)
    dense = [
        keras.layers.Dense(
            units,
            activation=hidden if index <= config.depth else last,
            kernel_initializer="zeros",  # on JAX, each new shape compiles for 0.7 s
            name=f"hidden_{index}" if index <= config.depth else "output",
        )
        for index, (_, units) in enumerate(sizes, start=1)
    ]
    layers: list[Any] = []
    for index, layer in enumerate(dense, start=1):
        layers += [layer, *keras_layer(config, f"dropout_{index}")]
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
    for layer, size, weights in zip(dense, sizes, _draw(config, sizes), strict=True):
        layer.set_weights(weights)
        initializers = keras_initializers(config.initializer, size[0])
        for attribute, initializer in initializers.items():
            setattr(layer, attribute, initializer)
    model.compile(
        optimizer=keras.optimizers.SGD(
            config.learning_rate,
            momentum=config.momentum,
            nesterov=config.nesterov,
            weight_decay=config.weight_decay or None,
        ),
        loss=loss.function,
        metrics=["accuracy"],
    )
    return model
