"""Random numbers that depend on nothing but a key, the step and the element.

They are counter-based: an integer hash of their position, without a state. A step can
therefore be drawn again at any time, and the same integers result on every backend, in a
compiled program and without one. All operations are on int32, whose products and sums
wrap around; a right shift is masked, so that it moves zeros in.

Formula, modulo 2**32, with `>>` moving zeros in:

    mix(x):        x ^= x >> 16;  x *= 0x7feb352d;  x ^= x >> 15;  x *= 0x846ca68b
                   x ^= x >> 16
    stream:        a = mix(key[0] + step);  b = mix(key[1] + a)
    bits(element): x = element ^ a;  x ^= x >> 16;  x *= 0x7feb352d;  x += b
                   x ^= x >> 15;  x *= 0x846ca68b;  x ^= x >> 16

`bits` is `mix` with a second number of the stream added in the middle. With the first one
alone, the draws of two steps would be the same sequence from different places.

Reference: C. Wellons, "Prospecting for Hash Functions" (2018), `lowbias32`: every bit of
the input changes every bit of the output with a probability of 0.5, to within 0.2 %. The
idea of counters: J. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (2011).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from kmlp._util.seeds import Purpose, generator


def draw_key(seed: int, index: int) -> NDArray[np.int32]:
    """Return the key of a layer's draws, of shape `(2,)`.

    Args:
        seed: The seed of the run.
        index: The number of the layer among those that draw.
    """
    draws = generator(seed, Purpose.DRAWS, index)
    return draws.integers(-(2**31), 2**31, 2, dtype="int32")


def streams(keys: Any, step: Any) -> Any:
    """Return the stream of each key in a step, of shape `(keys, 2)`.

    Args:
        keys: Keys of `draw_key`, of shape `(keys, 2)`.
        step: The number of the step, an int32.
    """
    first = _mix(keys[:, 0] + step)
    return ops.stack([first, _mix(keys[:, 1] + first)], axis=1)


def bits(stream: Any, shape: tuple[Any, ...]) -> Any:
    """Return uniform integers of all int32, one for each element of an array.

    Args:
        stream: The stream, of shape `(2,)`.
        shape: The shape of the array, the result's shape. Only the first size may be
            unknown while a program is traced.
    """
    elements = ops.arange(shape[0] * math.prod(shape[1:]), dtype="int32")
    x = ops.bitwise_xor(elements, stream[0])
    x = _scramble(x, 16, _FIRST) + stream[1]
    x = _shifted_xor(_scramble(x, 15, _SECOND), 16)
    return ops.reshape(x, shape)


def uniform(draws: Any) -> Any:
    """Return uniform integers as float32 numbers between -1 and 1, exclusive.

    They are the centres of 2**24 intervals of equal size.
    """
    return (ops.cast(ops.right_shift(draws, 8), "float32") + 0.5) * 2.0**-23


_FIRST = 0x7FEB352D
_SECOND = 0x846CA68B - 2**32


def _mix(x: Any) -> Any:
    return _shifted_xor(_scramble(_scramble(x, 16, _FIRST), 15, _SECOND), 16)


def _scramble(x: Any, shift: int, factor: int) -> Any:
    return _shifted_xor(x, shift) * factor


def _shifted_xor(x: Any, shift: int) -> Any:
    zeros_moved_in = ops.bitwise_and(ops.right_shift(x, shift), 2 ** (32 - shift) - 1)
    return ops.bitwise_xor(x, zeros_moved_in)
