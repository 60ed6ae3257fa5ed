"""The formulas of `kmlp.training._draws`, with NumPy's uint32."""

import numpy as np

from kmlp.training._draws import draw_key


def mix(x):
    x = x.astype("uint32")
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def by_numpy(seed, index, step, shape):
    """The integers of a layer in a step."""
    first, second = draw_key(seed, index).view("uint32")
    a = mix(np.array([first]) + np.uint32(step))
    b = mix(second + a)
    x = np.arange(np.prod(shape), dtype="uint32") ^ a
    x ^= x >> np.uint32(16)
    x = x * np.uint32(0x7FEB352D) + b
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    return (x ^ (x >> np.uint32(16))).view("int32").reshape(shape)
