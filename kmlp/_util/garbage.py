"""Collect garbage once, where much is created that stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected_once() -> Iterator[None]:
    """Collect garbage once, at the end of the block, and only among the block's objects.

    While much is created that stays, Python looks through all that there is time and again.
    That is a tenth or more of the time that it takes to import Keras. Tracing leaves
    cycles, which keep the sample in memory. With TensorFlow there are half a million older
    objects; to look through them takes as long as tracing.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.collect(0)
        if enabled:
            gc.enable()
