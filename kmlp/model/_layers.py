"""Put the layers of a model together, give them their weights, and compile the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmlp import backend
from kmlp.model._initializers import keras_initializers
from kmlp.model._normalization import normalization_layers
from kmlp.model.activations import Activation
from kmlp.model.config import RunConfig
from kmlp.model.initial_weights import draw_dense
from kmlp.model.layer_sizes import layer_sizes
from kmlp.model.losses import Loss
from kmlp.model.optimizers import make_optimizer
from kmlp.model.random_layers import keras_layer

if TYPE_CHECKING:
    import keras


def compiled_model(
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
    for layer, size, weights in zip(dense, sizes, draw_dense(config, sizes), strict=True):
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
