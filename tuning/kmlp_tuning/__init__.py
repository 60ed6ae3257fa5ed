"""The search for good hyperparameters with Keras Tuner; imports kmlp."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# Importing this imports neither a backend nor Keras Tuner: each name brings its module
# when it is first used.
_MODULES = {
    "AshaOracle": "kmlp_tuning.oracles.oracle",
    "Choice": "kmlp_tuning.space.domains",
    "HyperbandOracle": "kmlp_tuning.oracles.oracle",
    "MLPHyperModel": "kmlp_tuning.space.hypermodel",
    "Range": "kmlp_tuning.space.domains",
    "Search": "kmlp_tuning.search.results",
    "SearchSpace": "kmlp_tuning.space.space",
    "Trial": "kmlp_tuning.search.trial",
    "default_space": "kmlp_tuning.space.space",
    "tune": "kmlp_tuning.search.run",
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
    from kmlp_tuning.oracles.oracle import AshaOracle, HyperbandOracle
    from kmlp_tuning.search.results import Search
    from kmlp_tuning.search.run import tune
    from kmlp_tuning.search.trial import Trial
    from kmlp_tuning.space.domains import Choice, Range
    from kmlp_tuning.space.hypermodel import MLPHyperModel
    from kmlp_tuning.space.space import SearchSpace, default_space


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
