"""An activation that kills the worker process that calls it."""

import os
import signal

from kmlp.executors import _in_worker


def deadly(x):
    if _in_worker._worker is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return x
