"""The backend of the test process, the one that KERAS_BACKEND names, and no runs folder."""

import atexit
import gc
import os
import shutil
import tempfile

import torch  # noqa: F401  (before TensorFlow: the other order can crash)

from kmlp import backend

# No test sees the runs of another, unless it names a folder.
os.environ["KMLP_RUNS_DIR"] = ":memory:"

# What JAX compiles for one test is read by the others, and by the processes that they
# start. Those write nothing: they may be killed while they do, or two at a time.
PROGRAMS = tempfile.mkdtemp(prefix="kmlp-programs-")
atexit.register(shutil.rmtree, PROGRAMS, ignore_errors=True)
os.environ["JAX_COMPILATION_CACHE_DIR"] = PROGRAMS
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = str(10**9)

if backend.load().backend.backend() == "jax":
    import jax

    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)

gc.collect()
gc.freeze()  # or each collection looks through all that was imported
