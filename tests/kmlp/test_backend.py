import os
import re

import keras
import pytest
from helpers.processes import hide, python

from kmlp import BackendError, backend


def test_the_loaded_backend_is_the_selected_one():
    assert backend.loaded() == backend.select() == keras.backend.backend()


def test_another_backend_in_the_same_process_is_refused():
    other = next(name for name in backend.BACKENDS if name != backend.loaded())
    with pytest.raises(BackendError, match=f"KERAS_BACKEND={other}"):
        backend.select(other)


@pytest.mark.once
def test_unknown_backend_names_the_nearest():
    result = python("from kmlp import backend; backend.select('tensorflw')")
    assert re.search('"tensorflw".*"tensorflow"', result.stderr)


@pytest.mark.once
@pytest.mark.parametrize("asked", ["argument", "environment"])
def test_a_missing_backend_is_named_with_the_remedy(asked):
    code = hide("torch") + "from kmlp import backend; backend.select(%s)"
    if asked == "argument":
        result = python(code % "'torch'", KERAS_BACKEND="")
    else:
        result = python(code % "", KERAS_BACKEND="torch")
    assert "BackendError" in result.stderr
    assert re.search('"torch" .*: tensorflow, jax', result.stderr)
    assert "`pip install torch`" in result.stderr


@pytest.mark.once
def test_without_any_backend_the_error_says_so():
    code = hide(*backend.BACKENDS) + "from kmlp import backend; backend.select()"
    assert re.search("BackendError: .*install", python(code, KERAS_BACKEND="").stderr)


@pytest.mark.once
def test_a_backend_that_cannot_be_imported_is_a_backend_error(tmp_path):
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text('raise ImportError("no libcuda")')
    code = "from kmlp import backend; backend.load('jax')"
    result = python(code, PYTHONPATH=str(tmp_path), JAX_PLATFORMS="cuda")
    last = result.stderr.splitlines()[-1]
    assert re.search(
        "BackendError: .*jax .*ImportError: no libcuda.* JAX_PLATFORMS=cuda", last
    )


@pytest.mark.once
def test_keras_configuration_file_chooses(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    code = "from kmlp import backend; print(backend.select())"
    assert python(code, KERAS_BACKEND="", KERAS_HOME=str(tmp_path)).stdout == "torch\n"


@pytest.mark.once
def test_the_default_that_keras_writes_itself_does_not_count(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "tensorflow"}')
    code = hide("tensorflow") + "from kmlp import backend; print(backend.select())"
    assert python(code, KERAS_BACKEND="", KERAS_HOME=str(tmp_path)).stdout == "jax\n"


@pytest.mark.once
def test_the_output_of_a_failing_import_is_shown():
    code = """
import os, sys
sys.modules["keras"] = None
from kmlp import backend
import builtins
real = builtins.__import__
def broken(name, *args, **kwargs):
    if name == "keras":
        os.write(2, b"native trouble\\n")
    return real(name, *args, **kwargs)
del sys.modules["keras"]
builtins.__import__ = broken
sys.path_importer_cache.clear()
class Broken:
    def find_spec(self, name, path, target=None):
        if name == "keras":
            raise ImportError("no luck")
sys.meta_path.insert(0, Broken())
backend.load()
"""
    result = python(code)
    assert "native trouble" in result.stderr
    assert "no luck" in result.stderr


def test_the_cpu_is_among_the_devices_or_something_better_is():
    kinds = {device.partition(":")[0] for device in backend.devices()}
    assert kinds & {"cpu", "gpu", "cuda", "mps"}


REPEAT = """
import hashlib
from kmlp import RunConfig, build_mlp, train
%s
for fused in True, False:
    config = RunConfig(train_size=2000, width=1024, depth=1, batch_size=500)
    run = train(config, epochs=1, fused=fused)
    weights = run.model().get_weights()
    print(run.backend, hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest())
"""
ANEW = {"JAX_ENABLE_COMPILATION_CACHE": "false"}


@pytest.fixture(scope="module")
def alone():
    """A process that trains with the one backend that seems to be installed."""
    others = [other for other in backend.BACKENDS if other != backend.loaded()]
    return python(hide(*others) + REPEAT % "", KERAS_BACKEND="", **ANEW)


@pytest.fixture(scope="module")
def after_others():
    """The same, after Keras was imported and another model was built."""
    return python("import keras\n" + REPEAT % "build_mlp(width=8).predict", **ANEW)


@pytest.mark.jax_first
def test_training_needs_one_backend_and_prints_no_warnings(alone):
    assert alone.returncode == 0
    assert alone.stderr == ""
    trained = [line.split()[0] for line in alone.stdout.splitlines()]
    assert trained == [backend.loaded()] * 2


@pytest.mark.jax_first
def test_a_model_that_was_built_before_does_not_change_a_run(alone, after_others):
    """Wide enough that several threads would share a product, and change its sums."""
    digests = [line.split()[1] for line in alone.stdout.splitlines()]
    assert [len(digest) for digest in digests] == [64, 64], alone.stderr
    assert alone.stdout == after_others.stdout


COMPUTE = {
    "jax": "import jax; jax.numpy.ones(2) + 1",
    "tensorflow": "import tensorflow; tensorflow.ones(2) + 1",
    "torch": "import torch; torch.set_num_threads(2); torch.ones(2) + 1",
}


@pytest.fixture(scope="module")
def computed_before():
    """A process in which the backend computed before kmlp loaded it."""
    compute = COMPUTE[backend.loaded()]
    code = f"""
{compute}
import numpy as np, keras
before = keras.ops.add(np.ones(2), 1).device
from kmlp import backend, build_mlp, fit
model = build_mlp(width=8)
x, y = np.zeros((10, 28, 28), "uint8"), np.zeros(10, "int32")
fit(model, x, y, batch_size=4, epochs=2, validation_data=(x, y))
assert (backend.jax_cpu() not in (None, before)) == (backend.select() == "jax")
assert all(v.value.device == before for v in model.variables)
assert not any(getattr(v.value, "committed", False) for v in model.variables)
model.fit(x, y, verbose=0)
"""
    return python(code + REPEAT % "", **ANEW)


@pytest.mark.jax_first
def test_a_warning_says_that_a_backend_has_many_threads(computed_before):
    is_warned = "was in use before kmlp loaded it" in computed_before.stderr
    assert is_warned == (backend.loaded() == "tensorflow")  # the others have a way out


@pytest.mark.jax_first
def test_trained_weights_are_on_the_device_of_the_script_s_arrays(computed_before):
    """Although another CPU device of JAX trained them."""
    assert computed_before.returncode == 0, computed_before.stderr


@pytest.mark.jax_first
def test_a_backend_that_was_only_imported_has_one_thread(after_others):
    assert after_others.returncode == 0
    assert "before kmlp " not in after_others.stderr


@pytest.mark.jax_first
def test_a_run_is_the_same_if_the_backend_computed_before(alone, computed_before):
    """TensorFlow then trains in a separate process, and JAX on another CPU device."""
    assert computed_before.stdout == alone.stdout, computed_before.stderr


@pytest.mark.once
@pytest.mark.parametrize(
    ("error", "shown"),
    [(ImportError("no libcuda"), "noise"), (OSError(28, "No space left on device"), "")],
)
def test_the_output_of_libraries_is_shown_if_it_may_help(capfd, error, shown):
    with pytest.raises(type(error)), backend.quiet():
        os.write(2, b"noise")
        raise error
    assert capfd.readouterr().err == shown
