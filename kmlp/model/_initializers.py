"""Draw initial weights with NumPy, which gives the same bytes on every backend.

The names are those of Keras, and have the same meaning, except `pytorch` and `normal`.
`fan_in` and `fan_out` are the numbers of a layer's inputs and units.

| name | kernel | bias |
|---|---|---|
| glorot_uniform | U(-l, l), l = sqrt(6 / (fan_in + fan_out)) | 0 |
| glorot_normal | truncated N, variance 2 / (fan_in + fan_out) | 0 |
| he_uniform | U(-l, l), l = sqrt(6 / fan_in) | 0 |
| he_normal | truncated N, variance 2 / fan_in | 0 |
| lecun_uniform | U(-l, l), l = sqrt(3 / fan_in) | 0 |
| lecun_normal | truncated N, variance 1 / fan_in | 0 |
| orthogonal | orthonormal rows or columns, whichever are fewer | 0 |
| zeros | 0 | 0 |
| ones | 1 | 0 |
| normal:SD | N, mean 0, standard deviation SD | 0 |
| uniform:BOUND | U(-BOUND, BOUND) | 0 |
| pytorch | U(-l, l), l = sqrt(1 / fan_in) | as the kernel |
| normal | N(0, 1) | as the kernel |

References: `keras.initializers`; `torch.nn.Linear`; for `normal`, M. Nielsen, Neural
Networks and Deep Learning, chapter 1. `normal:SD` and `uniform:BOUND` are Keras'
`RandomNormal(stddev=SD)` and `RandomUniform(-BOUND, BOUND)`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kmlp import backend
from kmlp.model._terms import Form, Term, read_term
from kmlp.model.fields import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FAMILIES = {"glorot": 2.0, "he": 2.0, "lecun": 1.0}

INITIALIZERS = (
    *(f"{family}_{shape}" for family in _FAMILIES for shape in ("uniform", "normal")),
    *("orthogonal", "zeros", "ones", "pytorch", "normal"),
)
"""The names of the initializers without a number."""

_FORMS = (
    *map(Form, INITIALIZERS),
    Form("normal:SD", (Rule("0 < SD < inf", lambda sd: 0 < sd < math.inf),)),
    Form("uniform:BOUND", (Rule("0 < BOUND < inf", lambda bound: 0 < bound < math.inf),)),
)

# The standard deviation of a standard normal distribution truncated at +-2. Keras, too,
# divides by it, so that the truncated distribution has the intended variance.
_TRUNCATED_STDDEV = 0.87962566103423978


def check_initializer(text: str) -> str:
    """Return an initializer's name with its number in one spelling.

    Raises:
        UnknownNameError: if there is no initializer of that name.

    Example:
    >>> check_initializer("normal:5e-2")
    'normal:0.05'
    """
    return str(_read(text))


def draw_weights(
    name: str, fan_in: int, fan_out: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw the kernel and the bias of a dense layer.

    Args:
        name: An initializer of the table above.
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

    shape = (fan_in, fan_out)
    bias = np.zeros(fan_out)
    match _read(name):
        case Term("pytorch"):
            limit = math.sqrt(1.0 / fan_in)
            kernel = rng.uniform(-limit, limit, shape)
            bias = rng.uniform(-limit, limit, fan_out)
        case Term("normal", ()):
            kernel = rng.standard_normal(shape)
            bias = rng.standard_normal(fan_out)
        case Term("normal", (stddev,)):
            kernel = stddev * rng.standard_normal(shape)
        case Term("uniform", (bound,)):
            kernel = rng.uniform(-bound, bound, shape)
        case Term("zeros" | "ones" as word):
            kernel = np.full(shape, float(word == "ones"))
        case Term("orthogonal"):
            kernel = _orthogonal(shape, rng)
        case Term(word):
            kernel = _scaled(word, shape, rng)
    return kernel.astype("float32"), bias.astype("float32")


def keras_initializers(name: str, fan_in: int) -> dict[str, Any]:
    """Return Keras' initializers of the same distribution, by attribute of a dense layer.

    The weights of a run are drawn by `draw_weights`. Keras' initializers serve copies of
    the model that are built from its Keras configuration.
    """
    initializers = backend.load().initializers
    kernel, bias = "kernel_initializer", "bias_initializer"
    match _read(name):
        case Term("pytorch"):
            limit = math.sqrt(1.0 / fan_in)
            uniform = initializers.RandomUniform(-limit, limit)
            return {kernel: uniform, bias: uniform.clone()}
        case Term("normal", ()):
            normal = initializers.RandomNormal(stddev=1.0)
            return {kernel: normal, bias: normal.clone()}
        case Term("normal", (stddev,)):
            return {kernel: initializers.RandomNormal(stddev=stddev)}
        case Term("uniform", (bound,)):
            return {kernel: initializers.RandomUniform(-bound, bound)}
    return {kernel: initializers.get(name)}


def _read(text: str) -> Term:
    return read_term("initializer", text, _FORMS)


def _scaled(
    name: str, shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw a kernel whose variance is scaled by the numbers of inputs and units."""
    family, _, distribution = name.partition("_")
    variance = _FAMILIES[family] / (sum(shape) if family == "glorot" else shape[0])
    if distribution == "uniform":
        limit = math.sqrt(3.0 * variance)
        return rng.uniform(-limit, limit, shape)
    return math.sqrt(variance) / _TRUNCATED_STDDEV * _truncated_normal(shape, rng)


def _orthogonal(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a kernel whose rows or columns, whichever are fewer, are orthonormal.

    The columns of normal numbers, made orthonormal one after the other, are the factor Q
    of the QR decomposition with a positive diagonal of R. The sums are NumPy's own: those
    of a linear algebra library depend on the processor and the number of threads.
    """
    vectors = rng.standard_normal((max(shape), min(shape))).T.copy()
    for index, vector in enumerate(vectors):
        vector /= math.sqrt((vector * vector).sum())
        later = vectors[index + 1 :]
        later -= (later * vector).sum(axis=1)[:, None] * vector
    return vectors if shape[0] < shape[1] else vectors.T


def _truncated_normal(
    shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw standard normal numbers, and draw those beyond +-2 again."""
    numbers = rng.standard_normal(shape)
    while (beyond := abs(numbers) > 2).any():
        numbers[beyond] = rng.standard_normal(int(beyond.sum()))
    return numbers
