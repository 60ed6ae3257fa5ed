"""The choice of this process's Keras backend, and its start with one thread.

Keras reads its backend once, when it is imported. The backend is therefore chosen before
the import, and cannot be changed afterwards. Only `load` imports a backend.
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

from kmlp._util.garbage import collected_once
from kmlp._util.processes import check_threads, find_program, held
from kmlp._util.user_files import read_text
from kmlp.errors import BackendError, unknown_name

BACKENDS = ("tensorflow", "jax", "torch")
"""The supported backends. The first one that is installed is the default."""


def installed() -> tuple[str, ...]:
    """Return the supported backends that are installed, without importing them."""
    return tuple(name for name in BACKENDS if importlib.util.find_spec(name))


def loaded() -> str | None:
    """Return the backend that Keras has loaded in this process; None if it has none."""
    keras = sys.modules.get("keras")
    config = getattr(keras, "config", None)
    return str(config.backend()) if config is not None else None


def select(name: str | None = None) -> str:
    """Choose the backend of this process, and return its name.

    Args:
        name: `"tensorflow"`, `"jax"` or `"torch"`. Defaults to None: the first of these
            that exists: the backend that is loaded already, the environment variable
            `KERAS_BACKEND`, the backend in Keras' configuration file
            (`~/.keras/keras.json`), the first of the three that is installed.

    Raises:
        BackendError: if the backend is unknown or not installed, or if Keras runs on
            another backend in this process already.
    """
    if name is not None and name not in BACKENDS:
        raise BackendError(unknown_name("backend", name, BACKENDS))
    current = loaded()
    if current is not None:
        if name not in (None, current):
            raise BackendError(
                f'Keras runs on "{current}" in this process already, and has one '
                f'backend per process. To use "{name}", start a new process with '
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
    """Import Keras on the chosen backend, without the messages of its start.

    From then on, the backend computes with one thread on the CPU in the whole process. XLA
    splits a product by the size of its thread pool, so that results depend on this size.
    Small batches are also faster with one thread. Runs side by side use the other cores.

    Args:
        name: The backend, as `select` takes it. Defaults to None.

    Returns:
        The module `keras`.

    Raises:
        BackendError: if the backend cannot be selected, or cannot start.

    Warns:
        RuntimeWarning: if the backend has computed with more threads before, so that
            results may differ from those of other processes.
    """
    global _variables_at_load
    chosen = select(name)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "keras" in sys.modules:
        import keras
    else:
        keras_file()  # Keras' own error says little
        # `held`: during the import, signals that end a process would be ignored.
        with _starting(chosen), held(), quiet(), collected_once():
            import keras
    if not _compute_with_one_thread(chosen):
        _warn_of_threads(chosen)
    if _variables_at_load is None:
        _variables_at_load = dict(os.environ)
    module: ModuleType = keras
    return module


def start() -> None:
    """Load the backend and compute a first number, so that errors come before training.

    Raises:
        BackendError: if the backend cannot be selected, or cannot start.
        ResourceError: if this process may start too few threads.
    """
    check_threads()
    ops = load().ops
    with _starting(select()):
        ops.convert_to_numpy(ops.ones(()))


@contextlib.contextmanager
def _starting(name: str) -> Iterator[None]:
    """Turn any error into a `BackendError` that says why a backend cannot start."""
    try:
        yield
    except Exception as error:  # a backend may fail in any way
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise BackendError(cannot_start(name, reason)) from error


_READ_AT_START = ("JAX_PLATFORMS", "XLA_FLAGS", "TF_XLA_FLAGS", "CUDA_VISIBLE_DEVICES")
"""Environment variables whose wrong values may keep a backend from starting."""


def cannot_start(name: str, reason: str) -> str:
    """Return the message for a backend that cannot start.

    Args:
        name: The backend.
        reason: The text of the error. At most 500 characters are shown.
    """
    variables = [
        f"{name}={os.environ[name]}" for name in _READ_AT_START if os.environ.get(name)
    ]
    settings = f"; the environment has {', '.join(variables)}" if variables else ""
    return (
        f"The backend {name} cannot start ({' '.join(reason.split())[:500]}){settings}. "
        "Remove the cause, install the backend again, or name another backend."
    )


_variables_at_load: dict[str, str] | None = None


def variables_at_load() -> dict[str, str] | None:
    """Return the environment variables from the start of the backend; None before it."""
    return _variables_at_load


def one_thread() -> bool:
    """True if runs are computed with one thread, now or once the backend is loaded.

    Raises:
        BackendError: if no backend can be selected.
    """
    name = select()
    return name not in sys.modules or _compute_with_one_thread(name)


def jax_cpu() -> Any | None:
    """Return a second CPU device of JAX that computes with one thread, if it is needed.

    The number of threads of JAX's own CPU device is fixed by its first computation. If a
    script computed before kmlp was loaded, kmlp trains on a second CPU device. Results then
    equal those of other processes. Steps are also not handed from thread to thread, which
    takes as long as a step of batch size 1 itself.

    Returns:
        The `jax.Device`. None if JAX's own device has one thread or is not a CPU, and on
        other backends.
    """
    load()
    name = select()
    return _another_jax_cpu() if name == "jax" and _started_before(name) else None


@contextlib.contextmanager
def on_jax_cpu() -> Iterator[None]:
    """Make `jax_cpu`, if there is one, JAX's default device within the block."""
    device = jax_cpu()
    if device is None:
        yield
        return
    import jax

    with jax.default_device(device):
        yield


def _compute_with_one_thread(name: str) -> bool:
    """Set the number of threads to one, if possible; True if the backend has one thread."""
    if name == "torch":
        import torch

        torch.set_num_threads(1)  # possible at any time
        return True
    return not _started_before(name) or (name == "jax" and _another_jax_cpu() is not None)


@cache
def _started_before(name: str) -> bool:
    """True if the backend had started its threads; else set their number to one."""
    before = _is_computing(name)
    # Read when the backend computes for the first time, not when it is imported.
    os.environ["NPROC"] = "1"  # JAX
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    return before


@cache
def _another_jax_cpu() -> Any | None:
    """Return a CPU device with NPROC threads; None if JAX does not compute on the CPU."""
    import jax

    if jax.default_backend() != "cpu":
        return None
    try:
        from jaxlib.xla_client import make_cpu_client  # no public function does
    except ImportError:  # without it, runs are slower, but possible
        return None
    client: Any = make_cpu_client()
    return client.local_devices()[0]


@cache
def _warn_of_threads(name: str) -> None:
    warnings.warn(
        f"{name} was in use before kmlp loaded it, so it computes with as many "
        "threads as it chooses, and results may differ from those of other processes. "
        "Do `from kmlp import backend; backend.load()` first.",
        RuntimeWarning,
        stacklevel=3,
    )


def _is_computing(name: str) -> bool:
    """True if the backend has started its threads: their number cannot be chosen then."""
    if name == "tensorflow":
        import tensorflow as tf

        try:
            tf.config.threading.set_intra_op_parallelism_threads(1)
        except RuntimeError:
            return True
        return False
    from jax._src import xla_bridge  # not public, so a test checks that it exists

    # Without it, the warning is lost, but runs are possible.
    return bool(getattr(xla_bridge, "backends_are_initialized", bool)())


def keras_path() -> Path:
    """Return the path of Keras' configuration file."""
    home = os.environ.get("KERAS_HOME")
    if home is None:
        user = os.path.expanduser("~")  # noqa: PTH111  (pathlib raises if there is no home folder)
        home = f"{user if os.access(user, os.W_OK) else '/tmp'}/.keras"
    return Path(os.path.expanduser(f"{home}/keras.json"))  # noqa: PTH111


def keras_file() -> dict[str, Any]:
    """Return the content of Keras' configuration file; empty if there is no file.

    Raises:
        BackendError: if the file cannot be read.
    """
    import json  # `kmlp --help` does not need it

    path = keras_path()
    try:
        text = read_text(path) if path.exists() else ""
        # The file is empty for a moment while Keras in another process writes it.
        values = json.loads(text or "{}")
    except (OSError, ValueError, RecursionError) as error:
        why = str(error).removeprefix(str(path)).strip(":. ")
    else:
        if isinstance(values, dict):
            return values
        why = f"it has a {type(values).__name__}, but must have names with values"
    raise BackendError(
        f"{path}: Keras' configuration file cannot be read ({why}). Correct or remove the "
        "file, or name another folder by KERAS_HOME."
    )


def _configured() -> str | None:
    """Return the backend in Keras' configuration file; None if it is "tensorflow".

    Keras writes "tensorflow" there itself, so that this value is not a user's choice.
    """
    name = keras_file().get("backend", BACKENDS[0])
    return str(name) if name != BACKENDS[0] else None


def _default() -> str:
    names = installed()
    if not names:
        raise BackendError(
            f"No backend is installed. To fix it, install one: `pip install {BACKENDS[0]}`."
        )
    return names[0]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide the lines that native libraries print on stderr.

    TensorFlow prints lines while it is imported, before its log level can be set. They are
    shown after an error. With `KMLP_DEBUG=1`, they are never hidden.
    """
    if os.environ.get("KMLP_DEBUG") == "1":
        yield
        return
    import tempfile

    try:
        sys.stderr.flush()
        saved = os.dup(2)
        hidden = tempfile.TemporaryFile()  # noqa: SIM115  (closed below)
    except (OSError, AttributeError):  # no stderr, or no space for the file
        yield
        return
    with hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except Exception as error:
            os.dup2(saved, 2)
            if not getattr(error, "errno", None):  # the system's errors say enough
                hidden.seek(0)
                sys.stderr.write(hidden.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


@cache
def accelerated() -> bool:
    """True if the chosen backend computes on an accelerator instead of the CPU.

    The backend is loaded only if the machine may have an accelerator.

    Raises:
        BackendError: if the backend cannot be selected, or cannot start.
    """
    chosen = os.environ.get("KERAS_TORCH_DEVICE")
    if chosen and select() == "torch":
        return not chosen.startswith("cpu")
    if loaded() is None and sys.platform != "darwin" and not find_program("nvidia-smi"):
        return False
    return any(not device.startswith("cpu") for device in devices())


def devices() -> list[str]:
    """Return the devices of the backend: `["cpu:0"]`, `["cuda:0", "cpu:0"]`, ...

    Raises:
        BackendError: if the backend cannot be selected, or cannot start.
    """
    if loaded() is None:
        load()
    name = select()
    one_thread()  # listing the devices would start many threads otherwise
    if name == "jax":
        import jax

        return [f"{device.platform}:{device.id}" for device in jax.devices()]
    if name == "tensorflow":
        import tensorflow as tf

        logical_devices = tf.config.list_logical_devices()
        return [device.name.removeprefix("/device:").lower() for device in logical_devices]
    import torch

    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps:0"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu:0"]
