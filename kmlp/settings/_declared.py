"""Declare all settings that change the numbers of a run: the places and the defaults."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kmlp import backend
from kmlp._util.user_files import read_text
from kmlp.settings._setting import Setting, as_text


def _flags(text: str) -> str:
    """Return the flags of XLA_FLAGS and similar variables that change numbers."""
    if text and not text.lstrip().startswith("-"):  # for XLA, the path of a file of flags
        try:
            text = read_text(Path(text))
        except (OSError, ValueError):
            return text
    return " ".join(flag for flag in text.split() if not flag.startswith(_NEUTRAL_FLAGS))


_NEUTRAL_FLAGS = ("--xla_dump", "--xla_force_host_platform_device_count", "--xla_hlo_graph")


def _tunables(text: str) -> str:
    """Return the tunables of glibc that choose instructions; the others concern memory."""
    return ":".join(part for part in text.split(":") if part.startswith("glibc.cpu"))


def _flushes_denormals(_: Any) -> bool:
    smallest = sys.float_info.min
    return smallest / 2 == 0.0


def _policy(keras: Any) -> str:
    """Return the dtype policy; the default if the policy only follows `floatx`."""
    name = keras.config.dtype_policy().name
    return "float32" if name == keras.config.floatx() else str(name)


def _precision(library: str) -> Callable[[Any], str]:
    """Return a function that reads the precision of products in a library of PyTorch.

    The precision may be set for the library's products, for the library, or for PyTorch.
    """

    def ask(torch: Any) -> str:
        module = getattr(torch.backends, library)
        if not hasattr(module.matmul, "fp32_precision"):  # PyTorch before 2.9
            names = {"highest": "ieee", "high": "tf32", "medium": "bf16"}
            return names[torch.get_float32_matmul_precision()]
        for owner in (module.matmul, module, torch.backends):
            if (precision := getattr(owner, "fp32_precision", "none")) != "none":
                return str(precision)
        return "ieee"

    return ask


def _deterministic(torch: Any) -> str:
    if not torch.are_deterministic_algorithms_enabled():
        return "false"
    return "warn" if torch.is_deterministic_algorithms_warn_only_enabled() else "true"


def _op_callbacks(tensorflow: Any) -> bool:
    from tensorflow.python.eager import context  # there is no public function

    return bool(context.context().op_callbacks)


def _numpy_behavior(tensorflow: Any) -> bool:
    from tensorflow.python.framework import ops  # there is no public function

    return bool(ops.is_numpy_style_type_promotion())


def _op_determinism(tensorflow: Any) -> bool:
    from tensorflow.python.framework import config  # there is no public function

    return bool(config.is_op_determinism_enabled())


def _optimizer_options(tensorflow: Any) -> str:
    """Return the passes over TensorFlow's graphs that were switched on or off."""
    options = tensorflow.config.optimizer.get_experimental_options()
    listed = ("disable_model_pruning", "disable_meta_optimizer")  # also if never set
    texts = (
        f"{name}={as_text(value)}"
        for name, value in sorted(options.items())
        if value or name not in listed
    )
    return " ".join(texts) or "none"


def _distribution(keras: Any) -> str | None:
    distribution = keras.distribution.distribution()
    return None if distribution is None else type(distribution).__name__


def _by(code: str) -> str:
    return f"Set it back: `{code}`."


def _keras(name: str, default: str, remedy: str, **more: Any) -> Setting:
    def ask(keras: Any) -> Any:
        return getattr(keras.config, name)()

    return Setting(
        **{"library": "keras", "ask": ask, **more},
        name=name,
        default=default,
        remedy=remedy,
    )


def _jax(name: str, default: str, *, refused: bool = False) -> Setting:
    def ask(jax: Any) -> Any:
        # Flags that a context manager may set are attributes; the others are not.
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
        remedy=_by(f'jax.config.update("{name}", {value})') if refused else None,
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
    # Keras: runs are trained in float32, for the stated numbers of epochs and steps.
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
        ask=_distribution,
    ),
    # torch.set_flush_denormal changes the processor's mode, for all libraries.
    Setting(name="flush_denormal", default="false", library="sys", ask=_flushes_denormals),
    # JAX: flags for debugging end runs differently; 64 bits are not Keras' float32.
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
        remedy=_by("tf.config.run_functions_eagerly(False)"),
    ),
    _tensorflow(
        "distribute_strategy", "false", lambda tf: tf.distribute.has_strategy(),
        remedy="Leave its scope.",
    ),
    _tensorflow(
        "op_callbacks", "false", _op_callbacks,
        remedy=_by("tf.debugging.disable_check_numerics()"),
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
        remedy=_by('torch.set_default_device("cpu")'),
    ),
    _torch(
        "grad_enabled", "true", lambda torch: torch.is_grad_enabled(),
        remedy=_by("torch.set_grad_enabled(True)"),
    ),
    _torch(
        "inference_mode", "false", lambda torch: torch.is_inference_mode_enabled(),
        remedy="Leave `torch.inference_mode`.",
    ),
    _torch(
        "autocast", "false",
        lambda torch: any(map(torch.is_autocast_enabled, ("cpu", "cuda"))),
        remedy="Leave `torch.autocast`.",
    ),
    _torch(
        "anomaly_detection", "false", lambda torch: torch.is_anomaly_enabled(),
        remedy=_by("torch.autograd.set_detect_anomaly(False)"),
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
    # Environment variables that libraries read once.
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
