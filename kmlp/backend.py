"""Choosing the Keras backend of this process, and loading it the way runs need.

Keras reads its backend once, when it is imported; so it is chosen before that
and cannot be changed after. Nothing here imports a backend but `load`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from kmlp._util.files import read_text
from kmlp._util.processes import check_threads, find_program, held
from kmlp.errors import BackendError, unknown_name

BACKENDS = ("tensorflow", "jax", "torch")
"""The supported backends; the first one that is installed is the default."""


def installed() -> tuple[str, ...]:
    """The supported backends that are installed, found without importing them."""
    return tuple(name for name in BACKENDS if importlib.util.find_spec(name))


def loaded() -> str | None:
    """The backend that Keras has loaded in this process, None if it has none."""
    keras = sys.modules.get("keras")
    config = getattr(keras, "config", None)
    return str(config.backend()) if config is not None else None


def select(name: str | None = None) -> str:
    """Chooses the backend of this process, and says which one it is.

    Args:
        name: `"tensorflow"`, `"jax"` or `"torch"`. None takes, in this order:
            the one that is loaded already, the environment variable
            `KERAS_BACKEND`, the one named in Keras' configuration file
            (`~/.keras/keras.json`), the first of the three that is installed.
            Defaults to None.

    Raises:
        BackendError: if the backend is unknown, is not installed, or if Keras
            runs on another one in this process already.
    """
    if name is not None and name not in BACKENDS:
        raise BackendError(unknown_name("backend", name, BACKENDS))
    current = loaded()
    if current is not None:
        if name not in (None, current):
            raise BackendError(
                f'Keras runs on "{current}" in this process already, and has one '
                f'backend per process. To use "{name}", start a new one with '
                f"KERAS_BACKEND={name}."
            )
        return current
    chosen = name or os.environ.get("KERAS_BACKEND") or _configured() or _default()
    if chosen not in BACKENDS:
        raise BackendError(unknown_name("backend", chosen, BACKENDS))
    if chosen not in installed():
        raise BackendError(
            f'The backend "{chosen}" is not installed. Installed: '
            f"{', '.join(installed()) or 'none'}. To fix it: `pip install {chosen}`, or "
            "name another backend."
        )
    os.environ["KERAS_BACKEND"] = chosen
    return chosen


def load(name: str | None = None) -> ModuleType:
    """Imports Keras on the chosen backend, without the noise of its start.

    The backend then computes with one thread on the CPU, in the whole process:
    XLA splits a product by the size of its thread pool, so that results depend
    on it, and small batches are faster with one. Cores are filled with runs
    side by side.

    Args:
        name: As `select` takes it.

    Returns:
        The module `keras`.

    Raises:
        BackendError: as `select` does, or if it cannot start.

    Warns:
        RuntimeWarning: if the backend has been computing with more threads
            already, so that results may differ from those of other processes.
    """
    global _variables_at_load
    chosen = select(name)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "keras" in sys.modules:
        import keras
    else:
        keras_file()  # Keras would say little of what is wrong with it
        with (
            _starting(chosen),
            held(),
            quiet(),
        ):  # while it is imported, it would ignore them
            import keras
    if not _compute_with_one_thread(chosen):
        _warn_of_threads(chosen)
    if _variables_at_load is None:
        _variables_at_load = dict(os.environ)
    module: ModuleType = keras
    return module


def start() -> None:
    """Loads the backend, and has it compute a first number, so that what keeps it from
    starting is known before anything is trained.

    Raises:
        BackendError: as `load` does.
        ResourceError: if there may be too few threads.
    """
    check_threads()
    ops = load().ops
    with _starting(select()):
        ops.convert_to_numpy(ops.ones(()))


@contextlib.contextmanager
def _starting(name: str) -> Iterator[None]:
    """Explains why a backend cannot start."""
    try:
        yield
    except Exception as error:  # a backend may fail in any way
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise BackendError(cannot_start(name, reason)) from error


_READ_AT_START = ("JAX_PLATFORMS", "XLA_FLAGS", "TF_XLA_FLAGS", "CUDA_VISIBLE_DEVICES")
"""Environment variables that keep backends from starting when they are wrong."""


def cannot_start(name: str, reason: str) -> str:
    """The text of the error of a backend that cannot start, with what may be wrong."""
    given = [f"{it}={os.environ[it]}" for it in _READ_AT_START if os.environ.get(it)]
    settings = f"; the environment has {', '.join(given)}" if given else ""
    return (
        f"The backend {name} cannot start ({' '.join(reason.split())[:500]}){settings}. "
        "Mend what it says, install it again, or name another backend."
    )


_variables_at_load: dict[str, str] | None = None


def variables_at_load() -> dict[str, str] | None:
    """The environment variables when the backend was loaded; None: it is not yet."""
    return _variables_at_load


def one_thread() -> bool:
    """Whether what is trained is computed with one thread, or will be once the backend is
    loaded.

    Raises:
        BackendError: if there is no backend.
    """
    name = select()
    return name not in sys.modules or _compute_with_one_thread(name)


def jax_cpu() -> Any | None:
    """A CPU device of JAX that computes with one thread, beside its own, which has more.

    JAX gives its CPU the threads of its first computation for good. A script that
    computed before kmlp was loaded gets another CPU for what kmlp trains: results are
    those of other processes then, and no step is handed from thread to thread, which
    takes as long as the step at batch size 1.

    Returns:
        The `jax.Device`; None where JAX's own has one thread or is no CPU, and on other
        backends.
    """
    load()
    name = select()
    return _another_jax_cpu() if name == "jax" and _started_before(name) else None


@contextlib.contextmanager
def on_jax_cpu() -> Iterator[None]:
    """Has JAX compute on `jax_cpu`, where there is one, what has no other device."""
    device = jax_cpu()
    if device is None:
        yield
        return
    import jax

    with jax.default_device(device):
        yield


def _compute_with_one_thread(name: str) -> bool:
    """Has the backend do so, if it is not too late; says whether it does."""
    if name == "torch":
        import torch

        torch.set_num_threads(1)  # it may be set at any time
        return True
    return not _started_before(name) or (name == "jax" and _another_jax_cpu() is not None)


@cache
def _started_before(name: str) -> bool:
    """Whether the backend had its threads before; sets their number if it had not."""
    before = _is_computing(name)
    # Read when the backend computes for the first time, not when it is imported.
    os.environ["NPROC"] = "1"  # JAX
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    return before


@cache
def _another_jax_cpu() -> Any | None:
    """A CPU with as many threads as NPROC says now; None if it would not be used."""
    import jax

    if jax.default_backend() != "cpu":
        return None
    try:
        from jaxlib.xla_client import make_cpu_client  # nothing public makes one
    except ImportError:  # a version without it costs the speed, not the run
        return None
    client: Any = make_cpu_client()
    return client.local_devices()[0]


@cache
def _warn_of_threads(name: str) -> None:
    warnings.warn(
        f"{name} was in use before kmlp loaded it, so it computes with as many "
        "threads as it likes, and results may differ from those of other processes. "
        "Do `from kmlp import backend; backend.load()` first.",
        RuntimeWarning,
        stacklevel=3,
    )


def _is_computing(name: str) -> bool:
    """Whether the backend has started its threads, so that it is too late to choose
    their number.
    """
    if name == "tensorflow":
        import tensorflow as tf

        try:
            tf.config.threading.set_intra_op_parallelism_threads(1)
        except RuntimeError:
            return True
        return False
    from jax._src import xla_bridge  # nothing public tells, so a test watches it

    # A version without it costs the warning, not the run.
    return bool(getattr(xla_bridge, "backends_are_initialized", bool)())


def keras_path() -> Path:
    """Where Keras looks for its configuration file."""
    home = os.environ.get("KERAS_HOME")
    if home is None:
        user = os.path.expanduser("~")  # noqa: PTH111  (pathlib fails where there is none)
        home = f"{user if os.access(user, os.W_OK) else '/tmp'}/.keras"
    return Path(os.path.expanduser(f"{home}/keras.json"))  # noqa: PTH111


def keras_file() -> dict[str, Any]:
    """What is in Keras' configuration file; nothing if there is none.

    Raises:
        BackendError: if it cannot be read.
    """
    import json  # `kmlp --help` does not need it

    path = keras_path()
    try:
        text = read_text(path) if path.exists() else ""
        # It is empty for a moment, while another process' Keras writes it.
        values = json.loads(text or "{}")
    except (OSError, ValueError, RecursionError) as error:
        why = str(error).removeprefix(str(path)).strip(":. ")
    else:
        if isinstance(values, dict):
            return values
        why = f"it holds a {type(values).__name__}, no names with values"
    raise BackendError(
        f"{path}: Keras' configuration file cannot be read ({why}). Mend or remove it, or "
        "name another folder by KERAS_HOME."
    )


def _configured() -> str | None:
    """The backend named in Keras' configuration file.

    Keras writes that file itself, with "tensorflow" in it, so that value is
    nobody's choice.
    """
    name = keras_file().get("backend", BACKENDS[0])
    return str(name) if name != BACKENDS[0] else None


def _default() -> str:
    found = installed()
    if not found:
        raise BackendError(
            f"No backend is installed. To fix it, install one: `pip install {BACKENDS[0]}`."
        )
    return found[0]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps what native libraries print on stderr.

    TensorFlow writes lines there, while it is imported, before its log level can
    be set. They are shown if something fails, or all along with `KMLP_DEBUG=1`.
    """
    if os.environ.get("KMLP_DEBUG") == "1":
        yield
        return
    import tempfile

    try:
        sys.stderr.flush()
        saved = os.dup(2)
        kept = tempfile.TemporaryFile()  # noqa: SIM115  (closed below)
    except (OSError, AttributeError):  # no stderr to keep quiet, or no room for it
        yield
        return
    with kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except Exception as error:
            os.dup2(saved, 2)
            if not getattr(error, "errno", None):  # the system's errors need no more words
                kept.seek(0)
                sys.stderr.write(kept.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


@cache
def accelerated() -> bool:
    """Whether the chosen backend computes on something else than the CPU.

    Loads it only where there may be such a device.

    Raises:
        BackendError: as `load` does.
    """
    chosen = os.environ.get("KERAS_TORCH_DEVICE")
    if chosen and select() == "torch":
        return not chosen.startswith("cpu")
    if loaded() is None and sys.platform != "darwin" and not find_program("nvidia-smi"):
        return False
    return any(not device.startswith("cpu") for device in devices())


def devices() -> list[str]:
    """What the loaded backend can compute on: `["cpu:0"]`, `["cuda:0", "cpu:0"]`.

    Raises:
        BackendError: as `load` does.
    """
    if loaded() is None:
        load()
    name = select()
    one_thread()  # or asking would start many; who computes says that there are
    if name == "jax":
        import jax

        return [f"{device.platform}:{device.id}" for device in jax.devices()]
    if name == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_logical_devices()
        return [device.name.removeprefix("/device:").lower() for device in found]
    import torch

    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps:0"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu:0"]
