"""kmlp: what does a hyperparameter do to a neural network?"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Importing kmlp imports neither a backend nor NumPy: each name brings its module
# when it is first used.
_MODULES = {
    "Ablation": "kmlp.studies.ablation",
    "BackendError": "kmlp.errors",
    "ConfigError": "kmlp.errors",
    "DataError": "kmlp.errors",
    "Dataset": "kmlp.data",
    "EpochRecord": "kmlp.training.run",
    "Evaluation": "kmlp.inference.evaluation",
    "KmlpError": "kmlp.errors",
    "Loss": "kmlp.model.losses",
    "ProcessExecutor": "kmlp.executors",
    "RayExecutor": "kmlp.executors",
    "Run": "kmlp.training.run",
    "RunConfig": "kmlp.model.config",
    "UnknownNameError": "kmlp.errors",
    "ablate": "kmlp.studies.ablation",
    "build_mlp": "kmlp.model.build",
    "evaluate": "kmlp.inference.evaluation",
    "fit": "kmlp.fused.fit",
    "get_activation": "kmlp.model.activations",
    "get_loss": "kmlp.model.losses",
    "load_dataset": "kmlp.data",
    "register_activation": "kmlp.model.activations",
    "register_loss": "kmlp.model.losses",
    "train": "kmlp.studies.runner",
}

__all__ = [
    "Ablation",
    "BackendError",
    "ConfigError",
    "DataError",
    "Dataset",
    "EpochRecord",
    "Evaluation",
    "KmlpError",
    "Loss",
    "ProcessExecutor",
    "RayExecutor",
    "Run",
    "RunConfig",
    "UnknownNameError",
    "ablate",
    "build_mlp",
    "evaluate",
    "fit",
    "get_activation",
    "get_loss",
    "load_dataset",
    "register_activation",
    "register_loss",
    "train",
]

if TYPE_CHECKING:
    from kmlp.data import Dataset, load_dataset
    from kmlp.errors import (
        BackendError,
        ConfigError,
        DataError,
        KmlpError,
        UnknownNameError,
    )
    from kmlp.executors import ProcessExecutor, RayExecutor
    from kmlp.fused.fit import fit
    from kmlp.inference.evaluation import Evaluation, evaluate
    from kmlp.model.activations import get_activation, register_activation
    from kmlp.model.build import build_mlp
    from kmlp.model.config import RunConfig
    from kmlp.model.losses import Loss, get_loss, register_loss
    from kmlp.studies.ablation import Ablation, ablate
    from kmlp.studies.runner import train
    from kmlp.training.run import EpochRecord, Run


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
