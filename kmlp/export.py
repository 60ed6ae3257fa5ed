"""Results as plain values that JSON can hold; numbers that are not finite are None."""

from __future__ import annotations

import math
from typing import Any

from kmlp.ablation import Ablation, column_of, table_value
from kmlp.comparison import METRIC, Comparison, ValueResult
from kmlp.evidence import conclusion
from kmlp.fields import plain
from kmlp.run import FIGURES, Run
from kmlp.statistics import Estimate

_HISTORY = (*FIGURES, "seconds")


def ablation_to_dict(study: Ablation) -> dict[str, Any]:
    """An ablation: the question, every run, the comparison, the conclusion."""
    best = study.best()
    return {
        "name": study.name,
        "axis": study.axis,
        "metric": METRIC,
        "base": {k: v for k, v in study.base.to_dict().items() if k != study.axis},
        "epochs": study.epochs,
        "seeds": list(study.seeds),
        "backend": study.backend,
        "fused": study.fused,
        "values": [value_to_dict(study, value) for value in study.values],
        "best": plain(best.value) if best is not None else None,
        "best_index": study.values.index(best) if best is not None else None,
        "conclusion": conclusion(study),
    }


def run_to_json(run: Run) -> dict[str, Any]:
    """A run with its configuration."""
    return {
        "config": run.config.to_dict(),
        "backend": run.backend,
        "fused": run.fused,
        "parameters": run.parameters,
        **run_to_dict(run),
    }


def run_to_dict(run: Run) -> dict[str, Any]:
    """A run without its configuration: status, results and history."""
    return {
        "seed": run.config.seed,
        "status": run.status,
        "failure": run.failure,
        "epochs": run.epochs,
        "val_accuracy": finite(run.val_accuracy),
        "test_accuracy": finite(run.test_accuracy),
        "test_loss": finite(run.test_loss),
        "history": {
            name: [finite(getattr(record, name)) for record in run.history]
            for name in _HISTORY
        },
        "seconds": run.seconds,
    }


def value_to_dict(study: Comparison, value: ValueResult) -> dict[str, Any]:
    """A value of a comparison with its runs."""
    difference = study.difference(value)
    return {
        "value": plain(value.value),
        "parameters": value.parameters,
        **estimate_to_dict(value.val_accuracy),
        "test_accuracy": estimate_to_dict(value.test_accuracy),
        "difference": estimate_to_dict(difference) if difference is not None else None,
        "worse": study.worse(value),
        "diverged": value.diverged,
        "failed": value.failed,
        "did_not_learn": value.did_not_learn,
        "epochs_to_near_best": value.epochs_to_near_best,
        "seconds_per_epoch": value.seconds_per_epoch,
        "runs": [run_to_dict(run) for run in value.runs],
    }


def estimate_to_dict(found: Estimate | None) -> dict[str, Any]:
    """A mean with its interval."""
    return {
        "mean": found.mean if found is not None else None,
        "interval": list(found.interval) if found is not None and found.interval else None,
    }


def finite(number: float) -> float | None:
    """The number, None if JSON cannot hold it."""
    return number if math.isfinite(number) else None


def run_rows(run: Run) -> list[dict[str, Any]]:
    """A flat row for every epoch of a run."""
    return [
        {
            "seed": run.config.seed,
            "status": run.status,
            "epoch": record.epoch,
            **{name: finite(getattr(record, name)) for name in _HISTORY},
        }
        for record in run.history
    ]


def ablation_rows(study: Ablation) -> list[dict[str, Any]]:
    """A flat row for every epoch of every run; None where a number is not finite."""
    return [
        {column_of(study.axis): table_value(study.axis, run.config), **row}
        for run in study.runs
        for row in run_rows(run)
    ]
