"""The search for good hyperparameters with Keras Tuner; imports kmlp."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# Importing this imports neither a backend nor Keras Tuner: each name brings its module
# when it is first used.
_MODULES = {
    "AshaOracle": "kmlp_tuning.oracle",
    "Choice": "kmlp_tuning.domains",
    "HyperbandOracle": "kmlp_tuning.oracle",
    "MLPHyperModel": "kmlp_tuning.hypermodel",
    "Range": "kmlp_tuning.domains",
    "Search": "kmlp_tuning.search",
    "SearchSpace": "kmlp_tuning.space",
    "Trial": "kmlp_tuning.trial",
    "default_space": "kmlp_tuning.space",
    "tune": "kmlp_tuning.run",
}

__all__ = [
    "AshaOracle",
    "Choice",
    "HyperbandOracle",
    "MLPHyperModel",
    "Range",
    "Search",
    "SearchSpace",
    "Trial",
    "default_space",
    "tune",
]

if TYPE_CHECKING:
    from kmlp_tuning.domains import Choice, Range
    from kmlp_tuning.hypermodel import MLPHyperModel
    from kmlp_tuning.oracle import AshaOracle, HyperbandOracle
    from kmlp_tuning.run import tune
    from kmlp_tuning.search import Search
    from kmlp_tuning.space import SearchSpace, default_space
    from kmlp_tuning.trial import Trial


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
