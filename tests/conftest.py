"""The backend of the test process, the one that KERAS_BACKEND names, and no runs folder."""

import atexit
import functools
import gc
import os
import shutil
import sys
import tempfile

import pytest
import torch  # noqa: F401  (before TensorFlow: the other order can crash)

from kmlp import backend

# No test sees the runs of another, unless it names a folder.
os.environ["KMLP_RUNS_DIR"] = ":memory:"

# Ray gives its workers so low a priority that they wait for minutes beside other tests.
os.environ.update(RAY_worker_niceness="0")

# What JAX compiles for one test is read by the others, and by the processes that they
# start. Those write nothing: they may be killed while they do, or two at a time.
PROGRAMS = tempfile.mkdtemp(prefix="kmlp-programs-")
atexit.register(shutil.rmtree, PROGRAMS, ignore_errors=True)
os.environ["JAX_COMPILATION_CACHE_DIR"] = PROGRAMS
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = str(10**9)
ON_JAX = backend.select() == "jax"
backend.load()
if ON_JAX:
    import jax

    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


def _untraced(function):
    """Return the function, during which nothing is measured for the coverage."""

    @functools.wraps(function)
    def wrapped(*arguments, **options):
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **options)
        finally:
            sys.settrace(tracer)

    return wrapped


if sys.gettrace():
    # To check and to convert charts takes Altair twice as long if it is traced, although
    # nothing of kmlp runs meanwhile.
    from altair.utils import schemapi
    from altair.vegalite.v6 import api

    schemapi.validate_jsonschema = _untraced(schemapi.validate_jsonschema)
    api.TopLevelMixin.to_dict = _untraced(api.TopLevelMixin.to_dict)
    api._EncodingMixin.encode = _untraced(api._EncodingMixin.encode)


# Folders whose tests train models or start processes, nearly all of them.
THAT_TRAIN = {"commands", "crashes", "executors", "fused", "search", "training"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        starts_a_browser = "chromium" in getattr(item, "fixturenames", ())
        if not THAT_TRAIN.isdisjoint(item.path.parts) or starts_a_browser:
            item.add_marker(pytest.mark.trains)
        if item.get_closest_marker("trains"):
            item.add_marker(pytest.mark.no_cover)  # libraries are slower when traced
        if item.get_closest_marker("jax_first") and not ON_JAX:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish():
    # Keras and kmlp collect garbage after they compile or train. They would look through
    # half a million objects of libraries each time, for longer than most tests train.
    gc.collect()
    gc.freeze()


@pytest.fixture
def compiled_anew(monkeypatch):
    """No program is read, neither here nor in processes that are started."""
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "false")
    if ON_JAX:
        _read_programs(False)
    yield
    if ON_JAX:
        _read_programs(True)


def _read_programs(whether):
    from jax.experimental.compilation_cache.compilation_cache import reset_cache

    jax.config.update("jax_enable_compilation_cache", whether)
    reset_cache()  # it looks once
