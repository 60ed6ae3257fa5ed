"""Settings that change numbers become a part of a run's key, or the run is refused."""

import hashlib
import json
import os
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kmlp import (
    BackendError,
    ConfigError,
    RunConfig,
    ablate,
    backend,
    build_mlp,
    fit,
    load_dataset,
    train,
)
from kmlp._util.user_files import MAX_TEXT
from kmlp.engine import Target, Task, TaskFailed
from kmlp.executors import InProcessExecutor, ProcessExecutor, RayExecutor
from kmlp.model.identity import identity_fields
from kmlp.settings import (
    NEUTRAL,
    SETTINGS,
    Setting,
    _reading,
    check_inherited,
    differing_settings,
    read_settings,
    settings_text,
    variables_to_send,
)
from kmlp.settings._setting import as_text
from kmlp.store import Store
from kmlp.store.listing import list_runs
from kmlp.studies.as_json import run_study_to_dict
from kmlp.studies.execution import Execution
from kmlp.studies.single_run import RunStudy
from kmlp.training.identity import NUMERICS_VERSION, identify, run_key
from kmlp_tuning import tune

CONFIG = RunConfig(train_size=704, width=8, depth=1)
NAME = backend.select()


class MadeUp:
    """The value of a made-up setting of every backend."""

    value = "usual"


@pytest.fixture
def set_made_up(monkeypatch):
    """A function that sets the value of a made-up setting."""
    setting = Setting(
        name="made_up", default="usual", library="sys", ask=lambda _: MadeUp.value
    )
    monkeypatch.setattr(_reading, "SETTINGS", (*SETTINGS, setting))
    monkeypatch.setattr(MadeUp, "value", "usual")
    return lambda value: monkeypatch.setattr(MadeUp, "value", value)


@pytest.fixture
def refused_setting(monkeypatch):
    """A made-up setting whose value is refused."""
    setting = Setting(
        name="made_up",
        default="usual",
        library="sys",
        ask=lambda _: "odd",
        remedy="Set it back: `remedy()`.",
    )
    monkeypatch.setattr(_reading, "SETTINGS", (*SETTINGS, setting))


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """A function that writes values into Keras' configuration file."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def write(**values):
        (tmp_path / "keras.json").write_text(json.dumps(values))
        return tmp_path / "keras.json"

    return write


@pytest.fixture
def nothing_loaded(monkeypatch):
    """A process that seems to have loaded no library with settings."""
    for name in {setting.library for setting in SETTINGS} - {None, "sys"}:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(backend, "_variables_at_load", None)


def test_no_setting_of_this_process_or_a_new_one_differs_from_its_default():
    assert differing_settings(NAME) == {}
    check_inherited(NAME)


def test_the_defaults_are_those_of_the_libraries():
    """The libraries are asked: a missing function would be an error here."""
    for setting in SETTINGS:
        if setting.ask is not None and NAME in setting.backends:
            value = setting.ask(sys.modules[setting.library])
            assert as_text(value) == setting.default, setting.name


@pytest.mark.once
def test_every_flag_of_jax_is_either_a_setting_or_neutral():
    import jax

    names = [setting.name for setting in SETTINGS if setting.library == "jax"]
    names += [name for group in NEUTRAL.values() for name in group]
    assert set(jax.config.values) - set(names) == set()
    assert len(names) == len(set(names))


def test_default_settings_are_not_part_of_a_key():
    config = RunConfig()
    key = run_key(config, "abc", NAME, fused=True, settings={})
    parts = [NUMERICS_VERSION, NAME, True, "abc", identity_fields(config.to_dict())]
    assert key == hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    assert key != run_key(config, "abc", NAME, fused=True, settings={"made_up": "1"})


# Environment variables, which are read before a backend is loaded.

STATED = [
    ("jax", "JAX_DEFAULT_MATMUL_PRECISION", "highest", "jax_default_matmul_precision highest"),
    ("jax", "JAX_THREEFRY_PARTITIONABLE", "0", "jax_threefry_partitionable false"),
    ("jax", "JAX_THREEFRY_PARTITIONABLE", "True", ""),
    ("jax", "JAX_EXEC_TIME_OPTIMIZATION_EFFORT", "0", ""),
    ("jax", "XLA_FLAGS", "--xla_dump_to=d --xla_cpu_max_isa=AVX", "XLA_FLAGS --xla_cpu_max_isa=AVX"),
    ("jax", "XLA_FLAGS", "--xla_force_host_platform_device_count=4", ""),
    ("jax", "TF_XLA_FLAGS", "--tf_xla_auto_jit=2", ""),
    ("tensorflow", "TF_XLA_FLAGS", "--tf_xla_auto_jit=2", "TF_XLA_FLAGS --tf_xla_auto_jit=2"),
    ("tensorflow", "TF_ENABLE_ONEDNN_OPTS", "0", "TF_ENABLE_ONEDNN_OPTS false"),
    ("tensorflow", "TF_ENABLE_ONEDNN_OPTS", "1", ""),
    ("tensorflow", "TF_DETERMINISTIC_OPS", "1", "op_determinism true"),
    ("torch", "MKL_CBWR", "AVX2", "MKL_CBWR AVX2"),
    ("torch", "ATEN_CPU_CAPABILITY", "default", "ATEN_CPU_CAPABILITY default"),
    ("torch", "OPENBLAS_CORETYPE", "Haswell", ""),
    ("torch", "JAX_ENABLE_X64", "1", ""),
]  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize(("name", "variable", "text", "stated"), STATED)
def test_a_variable_is_stated_unless_its_value_is_the_default(
    name, variable, text, stated, monkeypatch, nothing_loaded
):
    monkeypatch.setenv(variable, text)
    assert settings_text(read_settings(name)) == stated
    assert (variable in variables_to_send(name)) == any(
        setting.variable == variable and name in setting.backends for setting in SETTINGS
    )


@pytest.mark.once
def test_flags_are_read_from_a_file(tmp_path, monkeypatch, nothing_loaded):
    file = tmp_path / "flags"
    file.write_text("--xla_cpu_enable_fast_math=true\n--xla_dump_to=d\n")
    monkeypatch.setenv("XLA_FLAGS", str(file))
    assert read_settings("jax") == {"XLA_FLAGS": "--xla_cpu_enable_fast_math=true"}


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("KERAS_MAX_EPOCHS", "1", r"`max_epochs` is 1 \(.*KERAS_MAX_EPOCHS"),
        (
            "KERAS_MAX_STEPS_PER_EPOCH",
            "3",
            "must be none .*Unset KERAS_MAX_STEPS_PER_EPOCH",
        ),
        ("KERAS_NNX_ENABLED", "true", "`nnx_enabled` is true"),
    ],
)
@pytest.mark.once
def test_a_variable_of_keras_is_refused(
    variable, text, message, monkeypatch, nothing_loaded
):
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigError, match=message):
        read_settings("jax")


@pytest.mark.once
@pytest.mark.parametrize(
    "variable", ["JAX_ENABLE_X64", "JAX_DISABLE_JIT", "JAX_DEBUG_NANS"]
)
def test_a_flag_for_debugging_or_64_bits_is_refused(variable, monkeypatch, nothing_loaded):
    monkeypatch.setenv(variable, "true")
    with pytest.raises(ConfigError, match=f"{variable.lower()}` is true.*Unset {variable}"):
        read_settings("jax")
    assert read_settings("torch") == {}


@pytest.mark.once
def test_settings_in_keras_file_are_refused_with_its_path(keras_home, nothing_loaded):
    path = keras_home(floatx="float64", epsilon=0.01, image_data_format="channels_first")
    with pytest.raises(ConfigError) as refusal:
        read_settings("jax")
    floatx, epsilon = refusal.value.problems
    assert f"`floatx` is float64 (by {path}), but must be float32" in floatx
    assert "KERAS_HOME" in floatx
    assert "`epsilon` is 0.01" in epsilon


@pytest.mark.once
@pytest.mark.parametrize("text", ["{", "[1]", '"a"', "\xff", "[" * 10_000])
def test_a_damaged_file_of_keras_is_refused(text, keras_home, nothing_loaded, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND")
    path = keras_home()
    path.write_text(text, encoding="latin-1")
    for ask in (backend.select, lambda: read_settings("jax"), backend.load):
        with pytest.raises(BackendError, match="configuration file"):
            ask()


@pytest.mark.once
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Path.mkdir, "folder"),
        (os.mkfifo, r"it is a FIFO \(a pipe\), not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "device"),
        (lambda path: path.write_bytes(b" " * (MAX_TEXT + 1)), "1,048,577 bytes"),
    ],
    ids=["folder", "fifo", "device", "large"],
)
def test_a_path_that_cannot_be_keras_file_is_refused(keras_home, nothing_loaded, make, why):
    path = keras_home()
    path.unlink()
    make(path)
    with pytest.raises(BackendError, match=rf"file .*\(.*{why}"):
        read_settings("jax")


@pytest.mark.once
def test_an_empty_file_of_keras_sets_nothing(keras_home, nothing_loaded):
    """Another process may be writing the file."""
    keras_home().write_text("")
    assert read_settings("jax") == {}


@pytest.mark.once
def test_keras_file_has_the_path_that_keras_reads():
    from keras.src.backend import config

    assert str(backend.keras_path()) == config._config_path


@pytest.mark.once
def test_a_missing_folder_of_keras_sets_nothing(monkeypatch, nothing_loaded):
    monkeypatch.setenv("KERAS_HOME", "~nosuchuser/keras")
    assert read_settings("jax") == {}


# Settings that are made in this process.


@contextmanager
def set_to(setter, value, before):
    setter(value)
    try:
        yield
    finally:
        setter(before)


def test_settings_of_keras_are_refused():
    import keras

    cases = [
        (keras.config.set_floatx, "float64", "float32", "`floatx` is float64"),
        (keras.config.set_epsilon, 1e-3, 1e-7, "`epsilon` is 0.001"),
        (keras.config.set_dtype_policy, "mixed_bfloat16", "float32", "`dtype_policy` is mixed"),
        (keras.config.set_max_epochs, 1, None, "`max_epochs` is 1"),
        (keras.config.set_max_steps_per_epoch, 1, None, "`max_steps_per_epoch` is 1"),
    ]  # fmt: skip
    for setter, value, before, message in cases:
        with set_to(setter, value, before), pytest.raises(ConfigError) as refusal:
            read_settings(NAME)
        [problem] = refusal.value.problems
        assert message in problem
        assert "this process" in problem
        assert "`keras.config.set_" in problem
    assert read_settings(NAME) == {}


def test_settings_of_the_backend_are_stated_or_refused():
    check = {"jax": _check_jax, "tensorflow": _check_tensorflow, "torch": _check_torch}
    check[NAME]()
    assert differing_settings(NAME) == {}


def _check_jax():
    import jax

    with jax.default_matmul_precision("float32"):
        assert read_settings("jax") == {"jax_default_matmul_precision": "float32"}
        with pytest.raises(ConfigError, match="JAX_DEFAULT_MATMUL_PRECISION"):
            check_inherited("jax")
    with jax.numpy_dtype_promotion("strict"):
        assert read_settings("jax") == {"jax_numpy_dtype_promotion": "strict"}
    with jax.enable_x64(True), pytest.raises(ConfigError, match="jax_enable_x64"):
        read_settings("jax")


def _check_tensorflow():
    import tensorflow as tf

    with set_to(tf.config.experimental.enable_tensor_float_32_execution, False, True):
        assert read_settings("tensorflow") == {"tensor_float_32": "false"}
    with set_to(tf.config.optimizer.set_jit, "autoclustering", False):
        assert read_settings("tensorflow") == {"optimizer_jit": "autoclustering"}
    options = tf.config.optimizer.set_experimental_options
    with set_to(
        options, {"disable_meta_optimizer": True}, {"disable_meta_optimizer": False}
    ):
        assert read_settings("tensorflow") == {
            "optimizer_options": "disable_meta_optimizer=true"
        }
    with (
        set_to(tf.config.run_functions_eagerly, True, False),
        pytest.raises(ConfigError, match="run_functions_eagerly"),
    ):
        read_settings("tensorflow")
    tf.debugging.enable_check_numerics()
    try:
        with pytest.raises(ConfigError, match="op_callbacks"):
            read_settings("tensorflow")
    finally:
        tf.debugging.disable_check_numerics()
    with (
        tf.distribute.OneDeviceStrategy("cpu:0").scope(),
        pytest.raises(ConfigError, match="distribute_strategy"),
    ):
        read_settings("tensorflow")


def _check_torch():
    import torch

    with set_to(torch.set_float32_matmul_precision, "medium", "highest"):
        assert read_settings("torch") == {
            "mkldnn_matmul_precision": "bf16",
            "cuda_matmul_precision": "tf32",
        }
        with pytest.raises(ConfigError, match="ieee"):
            check_inherited("torch")
    with set_to(torch.use_deterministic_algorithms, True, False):
        assert read_settings("torch") == {"deterministic_algorithms": "true"}
    with set_to(torch.set_default_dtype, torch.float64, torch.float32):
        assert read_settings("torch") == {"default_dtype": "torch.float64"}
    with set_to(torch.set_flush_denormal, True, False):
        assert read_settings("torch") == {"flush_denormal": "true"}
    with set_to(torch._C._set_mkldnn_enabled, False, True):
        assert read_settings("torch") == {"mkldnn": "false"}
    anomalies = torch.autograd.set_detect_anomaly
    with set_to(anomalies, True, False), pytest.raises(ConfigError, match="anomaly"):
        read_settings("torch")
    for context in (torch.no_grad(), torch.autocast("cpu"), torch.device("meta")):
        with context, pytest.raises(ConfigError, match="trained"):
            read_settings("torch")


@pytest.mark.once
def test_a_variable_that_is_changed_after_the_backend_was_loaded_is_refused(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    with pytest.raises(ConfigError, match=r"XLA_FLAGS .*jax"):
        read_settings("jax")


# Effects on runs.


@pytest.mark.jax_first
def test_runs_with_other_settings_are_other_runs_and_state_them(set_made_up, tmp_path):
    options = {"base": CONFIG, "seeds": 1, "epochs": 1, "jobs": 1, "runs_dir": tmp_path}
    usual = ablate("width", [8], **options)
    set_made_up("odd")
    odd = ablate("width", [8], **options)
    assert (usual.settings, odd.settings) == ({}, {"made_up": "odd"})
    assert usual.name != odd.name
    assert usual.runs[0].key != odd.runs[0].key
    assert odd.to_dict()["settings"] == {"made_up": "odd"}
    assert run_study_to_dict(RunStudy(name="one", run=odd.runs[0]))["settings"] == {
        "made_up": "odd"
    }
    assert hash(identify(CONFIG, fused=True))  # the queue of a cluster needs a hash
    assert {row["settings"] for row in odd.study_runs().rows()} == {"made_up odd"}
    with Store(tmp_path, writable=False) as store:
        assert len(list_runs(store, {})) == 2
    with pytest.raises(ConfigError, match="is taken"):
        ablate("width", [8], **options, name=usual.name)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: train(CONFIG, epochs=1),
        lambda: ablate("width", [8], base=CONFIG, epochs=1),
        lambda: tune({"width": [8, 16]}, base=CONFIG, max_trials=2, max_epochs=1),
    ],
    ids=["train", "ablate", "tune"],
)
@pytest.mark.usefixtures("refused_setting")
def test_a_setting_is_refused_before_training(ask, monkeypatch):
    monkeypatch.setattr(backend, "load", lambda: pytest.fail("loads the backend"))
    with pytest.raises(ConfigError, match=r"`made_up` is odd.*`remedy\(\)`"):
        ask()


@pytest.mark.jax_first
def test_a_worker_trains_only_with_the_settings_that_the_run_states(set_made_up):
    executor = InProcessExecutor(seconds=0)
    task = Task(identify(CONFIG, fused=True), Target(2))

    def run(task):
        executor.submit(task, load_dataset("mnist"))
        return executor.result()

    first = run(task)
    set_made_up("odd")  # between two tasks of the run
    done = tuple(record.val_accuracy for record in first.records)
    failed = run(replace(task, val_values=done, checkpoint_bytes=first.checkpoint_bytes))
    assert isinstance(failed, TaskFailed)
    assert failed.final
    assert "made_up is odd" in failed.reason
    # The compiled programs of the earlier settings are dropped.
    earlier = executor._worker._compiled_models
    assert not isinstance(run(replace(task, run=identify(CONFIG, fused=True))), TaskFailed)
    assert executor._worker._compiled_models is not earlier


@pytest.mark.parametrize("make", [ProcessExecutor, RayExecutor])
def test_processes_that_would_lack_a_setting_are_not_started(
    make, set_made_up, monkeypatch
):
    set_made_up("odd")
    monkeypatch.setattr("kmlp.executors._worker_process.ProcessPoolExecutor", pytest.fail)
    monkeypatch.setattr("kmlp.executors.ray._executor.HelperProcess", pytest.fail)
    task = Task(identify(CONFIG, fused=True), Target(1))
    with pytest.raises(ConfigError, match=r"`made_up` is odd.* usual"):
        make(jobs=1).submit(task, load_dataset("mnist"))


def test_fit_compiles_again_with_another_setting(set_made_up):
    model = build_mlp(width=8, depth=1)
    x, y = np.ones((4, 28, 28), "uint8"), np.zeros(4, "int32")
    programs = []
    for value in ("usual", "usual", "odd"):
        set_made_up(value)
        fit(model, x, y, batch_size=2, epochs=1)
        [program] = model._kmlp_loops[0]._programs.values()
        programs.append(program)
    assert programs[0] is programs[1]
    assert programs[1] is not programs[2]


def test_keras_limits_of_epochs_and_steps_apply_to_fit():
    import keras

    model = build_mlp(width=8, depth=1)
    x, y = np.ones((4, 28, 28), "uint8"), np.zeros(4, "int32")
    with (
        set_to(keras.config.set_max_epochs, 2, None),
        pytest.warns(UserWarning, match="Limit"),
    ):
        history = fit(model, x, y, batch_size=2, epochs=5)
    assert (len(history.history["loss"]), len(history.step_losses)) == (2, 2)
    with (
        set_to(keras.config.set_max_steps_per_epoch, 1, None),
        pytest.warns(UserWarning, match="Limiting steps_per_epoch to 1"),
    ):
        history = fit(model, x, y, batch_size=2, epochs=1)
    assert [len(losses) for losses in history.step_losses] == [1]


@pytest.mark.once
def test_fit_is_refused_while_jax_may_not_compile():
    import jax

    x, y = np.ones((4, 28, 28), "uint8"), np.zeros(4, "int32")
    model = build_mlp(width=8, depth=1)
    with jax.disable_jit(), pytest.raises(ConfigError, match="`jax_disable_jit` is set"):
        fit(model, x, y, batch_size=2, epochs=1)


def test_the_image_format_of_keras_does_not_change_a_model():
    import keras

    images = load_dataset("mnist").test.x[:3]
    usual = build_mlp(width=8).predict_on_batch(images)
    with set_to(keras.config.set_image_data_format, "channels_first", "channels_last"):
        assert read_settings(NAME) == {}
        assert (build_mlp(width=8).predict_on_batch(images) == usual).all()


def test_a_backend_with_several_threads_trains_in_another_process(monkeypatch):
    monkeypatch.setattr(backend, "one_thread", lambda: False)
    monkeypatch.setattr(backend, "accelerated", lambda: False)
    with Execution(jobs=1).open_executor(runs=1) as executor:
        assert isinstance(executor, ProcessExecutor)
    executor = InProcessExecutor()
    executor.submit(Task(identify(CONFIG, fused=True), Target(1)), load_dataset("mnist"))
    assert "several threads" in executor.result().reason


def test_only_a_device_that_keras_uses_is_an_accelerator(monkeypatch):
    backend.accelerated.cache_clear()
    monkeypatch.setattr(backend, "select", lambda: "torch")
    monkeypatch.setenv("KERAS_TORCH_DEVICE", "cuda:0")
    assert backend.accelerated.__wrapped__()
    monkeypatch.setenv("KERAS_TORCH_DEVICE", "cpu")
    assert not backend.accelerated.__wrapped__()


@pytest.mark.once
@pytest.mark.usefixtures("nothing_loaded")
def test_variables_of_the_backend_are_sent_to_other_machines(monkeypatch):
    monkeypatch.setenv("JAX_DEFAULT_MATMUL_PRECISION", "highest")
    monkeypatch.setenv("MKL_CBWR", "AVX2")  # a variable of another backend
    sent = RayExecutor(jobs=1)._settings(look_only=False)["setup"]["environment"]
    assert sent["JAX_DEFAULT_MATMUL_PRECISION"] == "highest"
    assert "MKL_CBWR" not in sent
