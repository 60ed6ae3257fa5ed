"""Draw initial weights with NumPy, which gives the same bytes on every backend.

The names with an underscore are Keras' own, and have the same meaning. `fan_in` and
`fan_out` are the numbers of a layer's inputs and units.

| name | kernel | bias |
|---|---|---|
| glorot_uniform | U(-l, l), l = sqrt(6 / (fan_in + fan_out)) | 0 |
| glorot_normal | truncated N, variance 2 / (fan_in + fan_out) | 0 |
| he_uniform | U(-l, l), l = sqrt(6 / fan_in) | 0 |
| he_normal | truncated N, variance 2 / fan_in | 0 |
| lecun_uniform | U(-l, l), l = sqrt(3 / fan_in) | 0 |
| lecun_normal | truncated N, variance 1 / fan_in | 0 |
| pytorch | U(-l, l), l = sqrt(1 / fan_in) | as the kernel |
| normal | N(0, 1) | as the kernel |

References: `keras.initializers.VarianceScaling`; `torch.nn.Linear`; for
`normal`, M. Nielsen, Neural Networks and Deep Learning, chapter 1. Keras'
`random_normal` differs: its standard deviation is 0.05.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kmlp import backend
from kmlp.errors import UnknownNameError, unknown_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FAMILIES = {"glorot": 2.0, "he": 2.0, "lecun": 1.0}

INITIALIZERS = (
    *(f"{family}_{shape}" for family in _FAMILIES for shape in ("uniform", "normal")),
    "pytorch",
    "normal",
)
"""The names of all initializers."""

# The standard deviation of a standard normal distribution truncated at +-2. Keras, too,
# divides by it, so that the truncated distribution has the intended variance.
_TRUNCATED_STDDEV = 0.87962566103423978


def check_initializer(name: str) -> None:
    """Check the name of an initializer.

    Raises:
        UnknownNameError: if there is no initializer of that name.
    """
    if name not in INITIALIZERS:
        raise UnknownNameError(unknown_name("initializer", name, INITIALIZERS))


def draw_weights(
    name: str, fan_in: int, fan_out: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw the kernel and the bias of a dense layer.

    Args:
        name: One of `INITIALIZERS`.
        fan_in: Number of the layer's inputs, `fan_in >= 1`.
        fan_out: Number of the layer's units, `fan_out >= 1`.
        rng: Generator of the random numbers. The kernel is drawn first.

    Returns:
        The kernel, of shape `(fan_in, fan_out)`, and the bias, of shape
        `(fan_out,)`, both float32.

    Raises:
        UnknownNameError: if there is no initializer of that name.

    Example:
    >>> import numpy as np
    >>> kernel, bias = draw_weights("pytorch", 4, 3, np.random.default_rng(0))
    >>> kernel.shape, bias.shape, bool(abs(kernel).max() < 0.5)
    ((4, 3), (3,), True)
    """
    import numpy as np

    check_initializer(name)
    if name == "pytorch":
        limit = math.sqrt(1.0 / fan_in)
        kernel = rng.uniform(-limit, limit, (fan_in, fan_out))
        bias = rng.uniform(-limit, limit, fan_out)
    elif name == "normal":
        kernel = rng.standard_normal((fan_in, fan_out))
        bias = rng.standard_normal(fan_out)
    else:
        family, _, shape = name.partition("_")
        fan = fan_in + fan_out if family == "glorot" else fan_in
        variance = _FAMILIES[family] / fan
        if shape == "uniform":
            limit = math.sqrt(3.0 * variance)
            kernel = rng.uniform(-limit, limit, (fan_in, fan_out))
        else:
            stddev = math.sqrt(variance) / _TRUNCATED_STDDEV
            kernel = stddev * _truncated_normal((fan_in, fan_out), rng)
        bias = np.zeros(fan_out)
    return kernel.astype("float32"), bias.astype("float32")


def keras_initializers(name: str, fan_in: int) -> dict[str, Any]:
    """Return Keras' initializers of the same distribution, by attribute of a dense layer.

    The weights of a run are drawn by `draw_weights`. Keras' initializers serve copies of
    the model that are built from its Keras configuration.
    """
    keras = backend.load()
    check_initializer(name)
    if name == "pytorch":
        limit = math.sqrt(1.0 / fan_in)
        uniform = keras.initializers.RandomUniform(-limit, limit)
        return {"kernel_initializer": uniform, "bias_initializer": uniform.clone()}
    if name == "normal":
        normal = keras.initializers.RandomNormal(stddev=1.0)
        return {"kernel_initializer": normal, "bias_initializer": normal.clone()}
    return {"kernel_initializer": keras.initializers.get(name)}


def _truncated_normal(
    shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw standard normal numbers, and draw those beyond +-2 again."""
    numbers = rng.standard_normal(shape)
    while (beyond := abs(numbers) > 2).any():
        numbers[beyond] = rng.standard_normal(int(beyond.sum()))
    return numbers
