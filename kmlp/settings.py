"""Settings outside of a run's configuration: of Keras, of a backend and of its libraries.

A process, an environment variable or a file can set how a backend computes. A run
states what of it is not as it is by default, in its key, or is refused: so equal keys
mean equal numbers. `SETTINGS` lists all that was looked at and has an effect; `NEUTRAL`
lists what has none on a run's numbers, with the reason.

A library that is loaded is asked for its settings. Of one that is not, the variables
and Keras' file are read as it will read them, so that nothing is loaded to know a key.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from kmlp import backend
from kmlp._util.files import read_text
from kmlp.errors import raise_problems

Settings = dict[str, str]
"""Settings that are not as they are by default, by name."""

File = Callable[[], dict[str, Any]]
"""Reads Keras' configuration file, once and only if it is asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Something that can be set and changes a run's numbers."""

    name: str
    """As its library calls it; a variable that is no more than one, by its name."""
    default: str
    backends: tuple[str, ...] = backend.BACKENDS
    """Where it has an effect."""
    variable: str | None = None
    """The environment variable that sets it, if there is one."""
    in_file: bool = False
    """Whether Keras' configuration file sets it."""
    library: str | None = None
    """The module that can be asked for it; None: none, it is the variable alone."""
    ask: Callable[[Any], Any] | None = None
    """Asks that module."""
    mend: str | None = None
    """How to undo it in Python, if it is refused; None: a run states it."""
    clean: Callable[[str], str] = str
    """Leaves out of the variable's text what has no effect."""

    @property
    def refused(self) -> bool:
        """Whether a run is refused where it is not as it is by default."""
        return self.mend is not None


def read_settings(name: str) -> Settings:
    """What a run on a backend has to state.

    Args:
        name: The backend.

    Raises:
        ConfigError: if a run would not be what its configuration says, or if a variable
            was changed after the backend may have read it.
        BackendError: if Keras' configuration file cannot be read.
    """
    problems, found = [], {}
    file = cache(backend.keras_file)
    for setting in _of(name):
        value = _value(setting, file)
        if _changed_late(setting):
            problems.append(
                f"The variable {setting.variable} was changed after {name} was loaded, "
                "which may have read it before. Set it before Python starts."
            )
        elif value == setting.default:
            continue
        elif setting.refused:
            problems.append(_refusal(setting, value, file))
        else:
            found[setting.name] = value
    raise_problems(problems)
    return found


def differing_settings(name: str) -> Settings:
    """All that is not as it is by default, what a run would be refused for included.

    Raises:
        BackendError: if Keras' configuration file cannot be read.
    """
    file = cache(backend.keras_file)
    values = {setting: _value(setting, file) for setting in _of(name)}
    return {it.name: value for it, value in values.items() if value != it.default}


def check_inherited(name: str) -> None:
    """Checks that processes which are started now have the settings of this one.

    Raises:
        ConfigError: if some were made in this process alone.
        BackendError: if Keras' configuration file cannot be read.
    """
    problems = []
    file = cache(backend.keras_file)
    for setting in _of(name):
        value, theirs = _value(setting, file), _inherited(setting, file)
        if value != theirs:
            also = f"set {setting.variable} as well, or " if setting.variable else ""
            problems.append(
                f"The setting `{setting.name}` is {value} in this process, but {theirs} in "
                f"those that are to train. To have it, {also}train with `jobs=1`, in this "
                "one."
            )
    raise_problems(problems)


def variables_to_send(name: str) -> dict[str, str]:
    """The variables that processes on other machines need to have the same settings."""
    names = [it.variable for it in _of(name) if it.variable and not it.refused]
    return {it: os.environ[it] for it in names if it in os.environ}


def settings_text(settings: Mapping[str, str]) -> str:
    """Settings in words.

    Example:
    >>> settings_text({"jax_default_matmul_precision": "highest"})
    'jax_default_matmul_precision highest'
    """
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _of(name: str) -> list[Setting]:
    return [setting for setting in SETTINGS if name in setting.backends]


def _value(setting: Setting, file: File) -> str:
    """The value in this process."""
    module = sys.modules.get(setting.library or "")
    if setting.ask is None or module is None:
        return _inherited(setting, file)
    try:
        return _text(setting.ask(module))
    except AttributeError:  # another version of the library, or one half imported
        return setting.default


def _inherited(setting: Setting, file: File) -> str:
    """The value in a process that is started now."""
    text = os.environ.get(setting.variable or "")
    if text is not None:
        text = setting.clean(text.strip())
    elif setting.in_file and (value := file().get(setting.name)) is not None:
        text = _text(value)
    return setting.default if text is None else _alike(text, setting.default)


def _changed_late(setting: Setting) -> bool:
    """Whether a variable that cannot be asked for any more is not as it was."""
    then = backend.variables_at_load()
    if then is None or setting.ask is not None or setting.variable is None:
        return False
    return then.get(setting.variable) != os.environ.get(setting.variable)


def _refusal(setting: Setting, value: str, file: File) -> str:
    source, mend = "set in this process", setting.mend
    if _inherited(setting, file) == value:
        if setting.variable is not None and setting.variable in os.environ:
            source = f"by the variable {setting.variable}"
            mend = f"Unset {setting.variable}."
        elif setting.in_file:
            source = f"by {backend.keras_path()}"
            mend = "Change it there, or name another folder by KERAS_HOME."
    return (
        f"The setting `{setting.name}` is {value} ({source}), but must be "
        f"{setting.default} where runs are trained. {mend}"
    )


_YES = ("1", "true", "yes", "on", "y", "t")
_NO = ("0", "false", "no", "off", "n", "f")


def _text(value: Any) -> str:
    """A value as a text: the same for one that was asked for and one that was read."""
    if isinstance(value, Enum):
        return _text(value.value if isinstance(value.value, str) else value.name.lower())
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _alike(text: str, default: str) -> str:
    """The text of a variable, written as the default is."""
    if text.lower() in _YES and default in ("true", "false"):
        return "true"
    if text.lower() in _NO and default in ("true", "false"):
        return "false"
    try:
        return str(type(_number(default))(_number(text)))
    except ValueError:
        return default if text.lower() in (default.lower(), "") else text


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _flags(text: str) -> str:
    """The flags of XLA_FLAGS and the like, without those that change no number."""
    if text and not text.lstrip().startswith("-"):  # XLA takes it for a file of flags
        try:
            text = read_text(Path(text))
        except (OSError, ValueError):
            return text
    return " ".join(flag for flag in text.split() if not flag.startswith(_NEUTRAL_FLAGS))


_NEUTRAL_FLAGS = ("--xla_dump", "--xla_force_host_platform_device_count", "--xla_hlo_graph")


def _tunables(text: str) -> str:
    """Those of glibc that choose instructions; the others are of memory."""
    return ":".join(it for it in text.split(":") if it.startswith("glibc.cpu"))


def _flushes_denormals(_: Any) -> bool:
    smallest = sys.float_info.min
    return smallest / 2 == 0.0


def _policy(keras: Any) -> str:
    """The policy, where it is not what `floatx` makes of it."""
    name = keras.config.dtype_policy().name
    return "float32" if name == keras.config.floatx() else str(name)


def _precision(library: str) -> Callable[[Any], str]:
    """How a library of PyTorch multiplies: as it is set for its products, for all that
    it does, or for all of PyTorch.
    """

    def ask(torch: Any) -> str:
        place = getattr(torch.backends, library)
        if not hasattr(place.matmul, "fp32_precision"):  # PyTorch before 2.9
            words = {"highest": "ieee", "high": "tf32", "medium": "bf16"}
            return words[torch.get_float32_matmul_precision()]
        for it in (place.matmul, place, torch.backends):
            if (found := getattr(it, "fp32_precision", "none")) != "none":
                return str(found)
        return "ieee"

    return ask


def _deterministic(torch: Any) -> str:
    if not torch.are_deterministic_algorithms_enabled():
        return "false"
    return "warn" if torch.is_deterministic_algorithms_warn_only_enabled() else "true"


def _op_callbacks(tensorflow: Any) -> bool:
    from tensorflow.python.eager import context  # nothing public tells

    return bool(context.context().op_callbacks)


def _numpy_behavior(tensorflow: Any) -> bool:
    from tensorflow.python.framework import ops  # nothing public tells

    return bool(ops.is_numpy_style_type_promotion())


def _op_determinism(tensorflow: Any) -> bool:
    from tensorflow.python.framework import config  # nothing public tells

    return bool(config.is_op_determinism_enabled())


def _optimizer_options(tensorflow: Any) -> str:
    """The passes over TensorFlow's graphs that were switched on or off."""
    options = tensorflow.config.optimizer.get_experimental_options()
    quiet = ("disable_model_pruning", "disable_meta_optimizer")  # told even if not set
    texts = (
        f"{name}={_text(value)}"
        for name, value in sorted(options.items())
        if value or name not in quiet
    )
    return " ".join(texts) or "none"


def _by(code: str) -> str:
    return f"Set it back: `{code}`."


def _keras(name: str, default: str, mend: str, **more: Any) -> Setting:
    def ask(keras: Any) -> Any:
        return getattr(keras.config, name)()

    return Setting(
        **{"library": "keras", "ask": ask, **more},
        name=name,
        default=default,
        mend=mend,
    )


def _jax(name: str, default: str, *, refused: bool = False) -> Setting:
    def ask(jax: Any) -> Any:
        # What a context may set is an attribute, and read so; the other flags are not.
        flag = hasattr(type(jax.config), name)
        return getattr(jax.config, name) if flag else jax.config.read(name)

    value = repr(default) if default not in ("true", "false") else default.capitalize()
    return Setting(
        name=name,
        default=default,
        backends=("jax",),
        variable=name.upper(),
        library="jax",
        ask=ask,
        mend=_by(f'jax.config.update("{name}", {value})') if refused else None,
    )


def _tensorflow(name: str, default: str, ask: Callable[[Any], Any], **more: Any) -> Setting:
    return Setting(
        name=name,
        default=default,
        backends=("tensorflow",),
        library="tensorflow",
        ask=ask,
        **more,
    )


def _torch(name: str, default: str, ask: Callable[[Any], Any], **more: Any) -> Setting:
    return Setting(
        name=name, default=default, backends=("torch",), library="torch", ask=ask, **more
    )


def _variable(name: str, default: str, *backends: str, **more: Any) -> Setting:
    return Setting(name=name, default=default, backends=backends, variable=name, **more)


SETTINGS = (
    # Keras' own: runs are trained in float32, for the epochs and steps that they state.
    _keras("floatx", "float32", _by('keras.config.set_floatx("float32")'), in_file=True),
    _keras("epsilon", "1e-07", _by("keras.config.set_epsilon(1e-7)"), in_file=True),
    _keras(
        "dtype_policy",
        "float32",
        _by('keras.config.set_dtype_policy("float32")'),
        ask=_policy,
    ),
    _keras(
        "max_epochs", "none", _by("keras.config.set_max_epochs(None)"),
        variable="KERAS_MAX_EPOCHS",
    ),
    _keras(
        "max_steps_per_epoch", "none", _by("keras.config.set_max_steps_per_epoch(None)"),
        variable="KERAS_MAX_STEPS_PER_EPOCH",
    ),
    _keras(
        "nnx_enabled", "false", "Start a new process without it.",
        variable="KERAS_NNX_ENABLED", in_file=True,
        ask=lambda keras: keras.config.is_nnx_enabled(),
    ),
    _keras(
        "distribution", "none", _by("keras.distribution.set_distribution(None)"),
        ask=lambda keras: type(it).__name__
        if (it := keras.distribution.distribution()) is not None
        else None,
    ),
    # What torch.set_flush_denormal sets is of the processor, whoever computes.
    Setting(name="flush_denormal", default="false", library="sys", ask=_flushes_denormals),
    # JAX: what is for finding faults ends runs otherwise; 64 bits are not Keras' float32.
    _jax("jax_enable_x64", "false", refused=True),
    _jax("jax_disable_jit", "false", refused=True),
    _jax("jax_debug_nans", "false", refused=True),
    _jax("jax_debug_infs", "false", refused=True),
    _jax("jax_no_execution", "false", refused=True),
    _jax("jax_no_tracing", "false", refused=True),
    _jax("jax_numpy_rank_promotion", "allow", refused=True),
    _jax("eager_constant_folding", "false"),
    _jax("jax_allow_f16_reductions", "true"),
    _jax("jax_compiler_enable_remat_pass", "true"),
    _jax("jax_custom_vjp3", "false"),
    _jax("jax_default_matmul_precision", "none"),
    _jax("jax_default_prng_impl", "threefry2x32"),
    _jax("jax_disable_most_optimizations", "false"),
    _jax("jax_enable_custom_prng", "false"),
    _jax("jax_enable_pgle", "false"),
    _jax("jax_error_checking_behavior_divide", "ignore"),
    _jax("jax_error_checking_behavior_nan", "ignore"),
    _jax("jax_error_checking_behavior_oob", "ignore"),
    _jax("jax_exec_time_optimization_effort", "0.0"),
    _jax("jax_explicit_x64_dtypes", "warn"),
    _jax("jax_high_dynamic_range_gumbel", "false"),
    _jax("jax_memory_fitting_effort", "0.0"),
    _jax("jax_memory_fitting_level", "O2"),
    _jax("jax_numpy_dtype_promotion", "standard"),
    _jax("jax_optimization_level", "UNKNOWN"),
    _jax("jax_random_seed_offset", "0"),
    _jax("jax_remat3", "false"),
    _jax("jax_scan3", "false"),
    _jax("jax_softmax_custom_jvp", "false"),
    _jax("jax_threefry_gpu_kernel_lowering", "false"),
    _jax("jax_threefry_partitionable", "true"),
    _jax("jax_use_direct_linearize", "true"),
    _jax("jax_use_simplified_jaxpr_constants", "false"),
    _jax("jax_xla_profile_version", "0"),
    # TensorFlow.
    _tensorflow(
        "run_functions_eagerly", "false", lambda tf: tf.config.functions_run_eagerly(),
        mend=_by("tf.config.run_functions_eagerly(False)"),
    ),
    _tensorflow(
        "distribute_strategy", "false", lambda tf: tf.distribute.has_strategy(),
        mend="Leave its scope.",
    ),
    _tensorflow(
        "op_callbacks", "false", _op_callbacks,
        mend=_by("tf.debugging.disable_check_numerics()"),
    ),
    _tensorflow("numpy_behavior", "false", _numpy_behavior),
    _tensorflow(
        "op_determinism", "false", _op_determinism, variable="TF_DETERMINISTIC_OPS"
    ),
    _tensorflow(
        "tensor_float_32", "true",
        lambda tf: tf.config.experimental.tensor_float_32_execution_enabled(),
    ),
    _tensorflow(
        "optimizer_jit", "none", lambda tf: tf.config.optimizer.get_jit() or None
    ),
    _tensorflow("optimizer_options", "none", _optimizer_options),
    # PyTorch.
    _torch(
        "default_device", "cpu", lambda torch: torch.get_default_device().type,
        mend=_by('torch.set_default_device("cpu")'),
    ),
    _torch(
        "grad_enabled", "true", lambda torch: torch.is_grad_enabled(),
        mend=_by("torch.set_grad_enabled(True)"),
    ),
    _torch(
        "inference_mode", "false", lambda torch: torch.is_inference_mode_enabled(),
        mend="Leave `torch.inference_mode`.",
    ),
    _torch(
        "autocast", "false",
        lambda torch: any(map(torch.is_autocast_enabled, ("cpu", "cuda"))),
        mend="Leave `torch.autocast`.",
    ),
    _torch(
        "anomaly_detection", "false", lambda torch: torch.is_anomaly_enabled(),
        mend=_by("torch.autograd.set_detect_anomaly(False)"),
    ),
    _torch(
        "cuda_blas_library", "_BlasBackend.Cublas",
        lambda torch: torch.backends.cuda.preferred_blas_library(),
    ),
    _torch("default_dtype", "torch.float32", lambda torch: torch.get_default_dtype()),
    _torch("deterministic_algorithms", "false", _deterministic),
    _torch("mkldnn", "true", lambda torch: torch._C._get_mkldnn_enabled()),
    _torch(
        "mkldnn_deterministic", "false", lambda torch: torch.backends.mkldnn.deterministic
    ),
    _torch("mkldnn_matmul_precision", "ieee", _precision("mkldnn")),
    _torch("cuda_matmul_precision", "ieee", _precision("cuda")),
    # Variables that libraries read once.
    _variable("XLA_FLAGS", "", "jax", "tensorflow", clean=_flags),
    _variable("LIBTPU_INIT_ARGS", "", "jax"),
    _variable("TF_XLA_FLAGS", "", "tensorflow", clean=_flags),
    _variable("TF_ENABLE_ONEDNN_OPTS", "true", "tensorflow"),
    _variable("TF_SET_ONEDNN_FPMATH_MODE", "", "tensorflow"),
    _variable("TF_CUDNN_DETERMINISTIC", "false", "tensorflow"),
    _variable("TF_ENABLE_AUTO_MIXED_PRECISION", "false", "tensorflow"),
    _variable("ATEN_CPU_CAPABILITY", "", "torch"),
    _variable("PYTORCH_JIT", "true", "torch"),
    _variable("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "false", "torch"),
    _variable("MKL_CBWR", "", "torch"),
    _variable("MKL_ENABLE_INSTRUCTIONS", "", "torch"),
    _variable("MKL_DEBUG_CPU_TYPE", "", "torch"),
    _variable("ONEDNN_MAX_CPU_ISA", "DEFAULT", "tensorflow", "torch"),
    _variable("DNNL_MAX_CPU_ISA", "DEFAULT", "tensorflow", "torch"),
    _variable("ONEDNN_CPU_ISA_HINTS", "", "tensorflow", "torch"),
    _variable("DNNL_CPU_ISA_HINTS", "", "tensorflow", "torch"),
    _variable("ONEDNN_DEFAULT_FPMATH_MODE", "STRICT", "tensorflow", "torch"),
    _variable("DNNL_DEFAULT_FPMATH_MODE", "STRICT", "tensorflow", "torch"),
    _variable("CUBLAS_WORKSPACE_CONFIG", "", "tensorflow", "torch"),
    _variable("TF_USE_CUBLASLT", "", "tensorflow"),
    _variable("TF_DISABLE_MKL", "false", "tensorflow"),
    _variable("NVIDIA_TF32_OVERRIDE", "", *backend.BACKENDS),
    _variable("GLIBC_TUNABLES", "", *backend.BACKENDS, clean=_tunables),
)  # fmt: skip

NEUTRAL = {
    "kmlp's models state it for each of their layers": ("image_data_format",),
    "no layer of an MLP has anything of it": (
        "KERAS flash attention", "KERAS global random seed", "torch.backends.cudnn",
        "torch.backends.opt_einsum", "jax_bcoo_cusparse_lowering",
        "jax_ragged_dot_use_gpu_pallas_triton_lowering",
        "jax_ragged_dot_use_ragged_dot_instruction", "jax_use_magma",
        "jax_mosaic_allow_hlo", "jax_pallas_enable_debug_checks",
        "jax_pallas_poison_buffers", "jax_pallas_use_mosaic_gpu",
        "jax_pallas_verbose_errors", "jax_use_emit_pipeline_primitive",
        "jax2tf_associative_scan_reductions", "jax2tf_default_native_serialization",
        "jax_export_calling_convention_version",
        "jax_export_ignore_forward_compatibility", "jax_serialization_version",
        "jax_legacy_prng_key",
    ),
    "NumPy multiplies no matrices in a run": (
        "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "NPY_DISABLE_CPU_FEATURES",
    ),
    "kmlp has the backend compute with one thread": (
        "NPROC", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    ),
    "it chooses the device, which is noted where each epoch was trained": (
        "KERAS_TORCH_DEVICE", "CUDA_VISIBLE_DEVICES", "jax_backend_target",
        "jax_cuda_visible_devices", "jax_default_device", "jax_mock_gpu_topology",
        "jax_num_cpu_devices", "jax_oneapi_visible_devices",
        "jax_pjrt_client_create_options", "jax_platform_name", "jax_platforms",
        "jax_rocm_visible_devices", "jax_sort_devices_by_process_index",
        "jax_xla_backend", "mock_num_gpu_processes", "tf.config.set_soft_device_placement",
    ),
    "it is of several devices or machines, and a run has one": (
        "check_vma", "jax_auto_pcast", "jax_cpu_collectives_implementation",
        "jax_cpu_get_global_topology_timeout_minutes",
        "jax_cpu_get_local_topology_timeout_minutes",
        "jax_cross_host_transfer_socket_address",
        "jax_cross_host_transfer_timeout_seconds",
        "jax_cross_host_transfer_transfer_size", "jax_cross_host_transport_addresses",
        "jax_disable_vmap_shmap_error", "jax_disallow_mesh_context_manager",
        "jax_distributed_debug", "jax_enable_preemption_service",
        "jax_enable_recoverability", "jax_force_dcn_cross_host_transfers",
        "jax_remove_custom_partitioning_ptr_from_cache_key",
        "jax_remove_size_one_mesh_axis_from_type", "jax_share_binary_between_hosts",
        "jax_share_binary_between_hosts_timeout_ms", "jax_use_shardy_partitioner",
    ),
    "it changes what is checked, kept, timed or said, and no number": (
        "jax_array_garbage_collection_guard", "jax_captured_constants_report_frames",
        "jax_captured_constants_warn_bytes", "jax_check_proxy_envs",
        "jax_check_static_indices", "jax_check_tracer_leaks",
        "jax_compilation_cache_check_contents", "jax_compilation_cache_dir",
        "jax_compilation_cache_expect_pgle",
        "jax_compilation_cache_include_metadata_in_key",
        "jax_compilation_cache_max_size", "jax_compiler_detailed_logging_min_ops",
        "jax_cpu_enable_async_dispatch", "jax_debug_key_reuse",
        "jax_debug_leaked_clients_on_clear_backends", "jax_debug_log_modules",
        "jax_disable_bwd_checks", "jax_dump_ir_modes", "jax_dump_ir_to",
        "jax_embedded_constants_max_bytes", "jax_enable_checks",
        "jax_enable_compilation_cache", "jax_experimental_unsafe_xla_runtime_errors",
        "jax_explain_cache_misses", "jax_hlo_source_file_canonicalization_regex",
        "jax_include_debug_info_in_dumps", "jax_include_full_tracebacks_in_locations",
        "jax_log_checkpoint_residuals", "jax_log_compiles", "jax_logging_level",
        "jax_mutable_array_checks", "jax_persistent_cache_enable_xla_caches",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes", "jax_pgle_aggregation_percentile",
        "jax_pgle_profiling_runs", "jax_pprint_use_color",
        "jax_raise_persistent_cache_errors", "jax_refs_to_pins",
        "jax_send_traceback_to_runtime", "jax_source_url_schema", "jax_thread_guard",
        "jax_traceback_filtering", "jax_traceback_in_locations_limit",
        "jax_tracer_error_num_traceback_frames", "jax_transfer_guard",
        "jax_transfer_guard_device_to_device", "jax_transfer_guard_device_to_host",
        "jax_transfer_guard_host_to_device",
        "tf.data.experimental.enable_debug_mode",
        "tf.config.experimental.set_synchronous_execution",
    ),
}  # fmt: skip
"""What was looked at and changes no number of a run, by the reason."""
