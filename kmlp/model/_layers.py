"""Put the layers of a model together, give them their weights, and compile the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmlp import backend
from kmlp.model._initializers import keras_initializers
from kmlp.model._normalization import normalization_layers
from kmlp.model.activations import Activation
from kmlp.model.config import RunConfig
from kmlp.model.initial_weights import draw_dense
from kmlp.model.keras_metrics import keras_metrics
from kmlp.model.layer_sizes import layer_sizes
from kmlp.model.losses import Loss
from kmlp.model.optimizers import make_optimizer
from kmlp.model.random_layers import keras_layer
from kmlp.model.regression import TARGET_LAYER
from kmlp.model.scaling import ColumnScaling, PixelScaling

if TYPE_CHECKING:
    import keras


def compiled_model(
    config: RunConfig,
    input_shape: tuple[int, ...],
    num_classes: int | None,
    scaling: PixelScaling | ColumnScaling,
    hidden: Activation,
    last: Activation,
    loss: Loss,
    targets: tuple[float, float] | None,
) -> keras.Sequential:
    keras = backend.load()
    sizes = layer_sizes(input_shape, num_classes or 1, config.width, config.depth)
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
    layers.append(_dense("output", sizes[-1][1], last, config))
    if targets is not None:
        mean, sd = map(float, targets)
        layers.append(keras.layers.Rescaling(sd, offset=mean, name=TARGET_LAYER))
    model = keras.Sequential(
        [
            keras.Input(input_shape),
            *_scaling_layers(scaling),
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
        metrics=keras_metrics("regression" if num_classes is None else "classification"),
    )
    return model


def _scaling_layers(scaling: PixelScaling | ColumnScaling) -> list[keras.layers.Layer]:
    """Return the layers that scale raw examples, and make each of them a vector."""
    layers = backend.load().layers
    if isinstance(scaling, ColumnScaling):
        variances = [divisor**2 for divisor in scaling.divisor]
        return [
            layers.Normalization(
                mean=list(scaling.shift), variance=variances, name="normalization"
            )
        ]
    return [
        layers.Rescaling(scaling.scale, offset=scaling.offset, name="rescaling"),
        # Independent of Keras' configuration: images are (rows, columns, channels).
        layers.Flatten(data_format="channels_last", name="flatten"),
    ]


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
