"""Results as plain values for JSON. Numbers that are not finite are None."""

from __future__ import annotations

import math
from typing import Any

from kmlp.model.fields import to_jsonable
from kmlp.model.metrics import ACCURACY, Part
from kmlp.statistics import Difference, Estimate
from kmlp.studies._convergence import TimeToTarget
from kmlp.studies.ablation import Ablation
from kmlp.studies.conclusion import Conclusion
from kmlp.studies.config_list import ConfigList
from kmlp.studies.results import StudyResult
from kmlp.studies.rows import finite
from kmlp.studies.single_run import RunStudy
from kmlp.training.run import FIGURES, Run

_PARTS: tuple[Part, ...] = ("train", "val", "test")


def ablation_to_dict(study: Ablation) -> dict[str, Any]:
    """Return an ablation as plain values: every run, the comparison and the conclusion."""
    best, target = study.best(), study.target
    target_key = "target_accuracy" if study.metric == ACCURACY else "target"
    return {
        "name": study.name,
        "param": study.param,
        "metric": study.figure,
        "metric_details": study.metric.to_dict(),
        "at": study.at,
        "base": study.base.fixed_fields([study.param]),
        "epochs": study.epochs,
        "patience": study.patience,
        "seeds": list(study.seeds),
        "most_seeds": study.most_seeds,
        "looks": list(study.looks_taken),
        "backend": study.backend,
        "fused": study.fused,
        "settings": dict(study.settings),
        "baseline": to_jsonable(study.baseline.value)
        if study.baseline is not None
        else None,
        target_key: target,
        "levels": [
            {**level, "derived": derived}
            for level, derived in zip(
                comparison_to_list(study, target=target), study.derived, strict=True
            )
        ],
        "best": to_jsonable(best.value) if best is not None else None,
        "best_index": study.levels.index(best) if best is not None else None,
        "retuned": _retuning_to_dict(study),
        **conclusion_to_dict(study.conclusion),
    }


def _retuning_to_dict(study: Ablation) -> dict[str, Any] | None:
    """Return the tuning of each level, and the answer without it; None without retuning."""
    if study.fixed is None:
        return None
    return {
        "fields": list(study.retuned),
        "levels": [
            {
                "value": to_jsonable(tuning.value),
                "chosen": dict(tuning.chosen.fields) if tuning.chosen else None,
                "ranges": {
                    name: [it.low, it.high, it.sampling]
                    for name, it in tuning.ranges.items()
                },
                "widened": list(tuning.widened),
                "at_edge": {
                    name: "upper" if upper else "lower"
                    for name, upper in tuning.at_edge.items()
                },
                "runs": len(tuning.runs),
                "diverged": tuning.diverged,
                "settings": [
                    {
                        "fields": dict(setting.fields),
                        "epochs": setting.epochs,
                        "runs": len(setting.runs),
                        study.metric.figure(): finite(setting.value),
                    }
                    for setting in tuning.settings
                ],
            }
            for tuning in study.tunings
        ],
        "fixed": {
            "levels": comparison_to_list(study.fixed),
            **conclusion_to_dict(study.fixed.conclusion),
        },
    }


def config_list_to_dict(study: ConfigList) -> dict[str, Any]:
    """Return a list of configurations as plain values: every run and the conclusion."""
    best = study.best()
    return {
        "name": study.name,
        "metric": study.figure,
        "metric_details": study.metric.to_dict(),
        "at": study.at,
        "base": study.base.fixed_fields((*study.varied, "seed")),
        "varied": list(study.varied),
        "epochs": study.epochs,
        "patience": study.patience,
        "seeds": list(study.seeds),
        "backend": study.backend,
        "fused": study.fused,
        "settings": dict(study.settings),
        "configs": [
            {
                "number": level.value,
                "config": level.runs[0].config.to_dict(),
                "epochs": epochs,
                **{name: value for name, value in results.items() if name != "value"},
                "val_loss": estimate_to_dict(level.val_loss),
                "seconds": level.seconds,
            }
            for level, epochs, results in zip(
                study.levels, study.epochs_by_level, comparison_to_list(study), strict=True
            )
        ],
        "best": best.value if best is not None else None,
        **conclusion_to_dict(study.conclusion),
    }


def conclusion_to_dict(conclusion: Conclusion) -> dict[str, Any]:
    """Return a conclusion as a text and as data."""
    return {"conclusion": conclusion.text, "evidence": conclusion.to_dict()}


def run_study_to_dict(study: RunStudy) -> dict[str, Any]:
    """Return a study of a single run as plain values."""
    run = study.run
    return {
        "config": run.config.to_dict(),
        "backend": run.backend,
        "fused": run.fused,
        "settings": dict(run.settings),
        "parameters": run.parameters,
        "at": run.at,
        "metric_details": run.metric.to_dict(),
        "patience": study.patience,
        **run_to_dict(run),
        **conclusion_to_dict(study.conclusion),
    }


def run_to_dict(run: Run) -> dict[str, Any]:
    """Return the status, results and history of a run, without its configuration."""
    return {
        "seed": run.config.seed,
        "status": run.status,
        "failure": run.failure,
        "epochs": run.epochs,
        "at_epoch": run.outcome.epoch if run.history else None,
        **{run.metric.figure(part): finite(run.value(part)) for part in _PARTS},
        "test_loss": finite(run.test_loss),
        "gap": finite(run.gap),
        "history": {
            name: [finite(record.figure(name)) for record in run.history]
            for name in figures_of(run)
        }
        | {"seconds": [finite(record.seconds) for record in run.history]}
        | {"mean_learning_rate": list(map(finite, run.learning_rates))},
        "seconds": run.seconds,
    }


def figures_of(run: Run) -> list[str]:
    """Return the names of the figures that were recorded in a run, in order.

    A run without a finite epoch is that of a classification.
    """
    records = [record for record in run.history if record.finite]
    no_accuracy = bool(records) and all(math.isnan(it.accuracy) for it in records)
    names = [it for it in FIGURES if not (no_accuracy and it.endswith(ACCURACY.name))]
    return [*names, *dict.fromkeys(name for it in records for name in it.metrics)]


def comparison_to_list(
    study: StudyResult, *, target: float | None = None
) -> list[dict[str, Any]]:
    """Return the levels of a comparison as plain values, each with its runs.

    Args:
        study: The comparison.
        target: A validation value of the metric. Each level gets the epochs and seconds
            to reach this target. Defaults to None: no target.
    """
    near_best, metric = study.near_best, study.metric
    return [
        {
            "value": to_jsonable(level.value),
            "parameters": level.parameters,
            **estimate_to_dict(level.val_value),
            metric.figure("test"): estimate_to_dict(level.test_value),
            f"last_{metric.figure()}": estimate_to_dict(level.last_val_value),
            "difference": difference_to_dict(difference),
            "error_ratio": study.error_ratio(level),
            "diverged": level.diverged,
            "failed": level.failed,
            "did_not_learn": level.did_not_learn,
            "best_epoch": estimate_to_dict(level.best_epoch),
            "epochs_to_near_best": None
            if near_best is None
            else time_to_dict(level.epochs_to(near_best)),
            "area_under_curve": estimate_to_dict(level.area_under_curve),
            "gap": estimate_to_dict(level.gap),
            "seconds_per_epoch": level.seconds_per_epoch,
            **(
                {
                    "epochs_to_target": time_to_dict(level.epochs_to(target)),
                    "seconds_to_target": time_to_dict(level.seconds_to(target)),
                }
                if target is not None
                else {}
            ),
            "runs": [run_to_dict(run) for run in level.runs],
        }
        for level, difference in zip(study.levels, study.differences(), strict=True)
    ]


def time_to_dict(time: TimeToTarget) -> dict[str, Any]:
    """Return the time to a target with the number of runs that reach the target."""
    return {
        "target": time.target,
        "median": time.median,
        "reached": time.reached,
        "runs": time.runs,
    }


def difference_to_dict(difference: Difference | None) -> dict[str, Any] | None:
    """Return a paired difference with its interval and its p-value; None stays None."""
    if difference is None:
        return None
    return {
        **estimate_to_dict(difference),
        "p_value": difference.p_value,
        "verdict": difference.verdict,
    }


def estimate_to_dict(estimate: Estimate | None) -> dict[str, Any]:
    """Return a mean with its interval; both are None without an estimate."""
    if estimate is None:
        return {"mean": None, "interval": None}
    interval = estimate.interval
    return {"mean": estimate.mean, "interval": list(interval) if interval else None}
