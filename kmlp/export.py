"""Results as plain values that JSON can hold; numbers that are not finite are None."""

from __future__ import annotations

import math
from typing import Any

from kmlp.ablation import METRIC, Ablation, ValueResult
from kmlp.evidence import conclusion
from kmlp.run import Run
from kmlp.statistics import Estimate

_HISTORY = (
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "test_loss",
    "test_accuracy",
    "seconds",
)


def ablation_to_dict(study: Ablation) -> dict[str, Any]:
    """An ablation: the question, every run, the comparison, the conclusion."""
    best = study.best
    return {
        "axis": study.axis,
        "metric": METRIC,
        "base": {k: v for k, v in study.base.to_dict().items() if k != study.axis},
        "epochs": study.epochs,
        "seeds": list(study.seeds),
        "backend": study.backend,
        "values": [_value_to_dict(study, value) for value in study.values],
        "best": best.value if best is not None else None,
        "best_index": study.values.index(best) if best is not None else None,
        "conclusion": conclusion(study),
    }


def run_to_dict(run: Run) -> dict[str, Any]:
    """A run without its configuration: status, results and history."""
    return {
        "seed": run.config.seed,
        "status": run.status,
        "epochs": run.epochs,
        "val_accuracy": _finite(run.val_accuracy),
        "test_accuracy": _finite(run.test_accuracy),
        "test_loss": _finite(run.test_loss),
        "history": {
            name: [_finite(getattr(record, name)) for record in run.history]
            for name in _HISTORY
        },
        "seconds": run.seconds,
    }


def _value_to_dict(study: Ablation, value: ValueResult) -> dict[str, Any]:
    difference = study.difference(value)
    return {
        "value": value.value,
        "parameters": value.parameters,
        **_estimate_to_dict(value.val_accuracy),
        "test_accuracy": _estimate_to_dict(value.test_accuracy),
        "difference": _estimate_to_dict(difference) if difference is not None else None,
        "worse": study.worse(value),
        "diverged": value.diverged,
        "did_not_learn": value.did_not_learn,
        "epochs_to_near_best": value.epochs_to_near_best,
        "seconds_per_epoch": value.seconds_per_epoch,
        "runs": [run_to_dict(run) for run in value.runs],
    }


def _estimate_to_dict(found: Estimate | None) -> dict[str, Any]:
    return {
        "mean": found.mean if found is not None else None,
        "interval": list(found.interval) if found is not None and found.interval else None,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
