"""The random layers of a configuration: their names, their places and their numbers.

| name | place | layer |
|---|---|---|
| `gaussian_noise` | after the scaling of the pixels | `keras.layers.GaussianNoise` |
| `input_dropout` | then | `keras.layers.Dropout` |
| `dropout_1`, ... | after each hidden layer's activation | `keras.layers.Dropout` |

A layer whose number is 0 is left out. The `augmentation` of the images comes first: it is
not a part of the saved model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kmlp import backend
from kmlp._util.seeds import Purpose, generator
from kmlp.model.config import RunConfig

if TYPE_CHECKING:
    import keras


class RandomLayer(NamedTuple):
    """A random layer of a model."""

    name: str
    """The name of the layer."""
    stream: int
    """The index of its stream of random numbers. Results depend on it."""
    class_name: str
    """The class of Keras: "Dropout" or "GaussianNoise"."""
    number: float
    """The rate of dropout, or the standard deviation of noise."""


AUGMENTATION_STREAMS = {"shift": 0, "rotate": 1, "flip": 2}
"""The index of the stream of each change of images. Results depend on it."""


def random_layers(config: RunConfig) -> dict[str, RandomLayer]:
    """Return the random layers of a configuration by name, in the order of the model."""
    layers = [
        RandomLayer("gaussian_noise", 3, "GaussianNoise", config.gaussian_noise),
        RandomLayer("input_dropout", 4, "Dropout", config.input_dropout),
    ]
    layers += [
        RandomLayer(f"dropout_{layer}", 4 + layer, "Dropout", config.dropout)
        for layer in range(1, config.depth + 1)
    ]
    return {layer.name: layer for layer in layers if layer.number}


def keras_layer(config: RunConfig, name: str) -> list[keras.layers.Layer]:
    """Return a random layer as a layer of Keras.

    Args:
        config: The configuration.
        name: The name of the layer.

    Returns:
        One layer, or none if the configuration has no such layer.
    """
    layer = random_layers(config).get(name)
    if layer is None:
        return []
    seed = generator(config.seed, Purpose.DRAWS, layer.stream).integers(2**31)
    make = getattr(backend.load().layers, layer.class_name)
    return [make(layer.number, seed=int(seed), name=layer.name)]
