"""A search as plain values for JSON. Numbers that are not finite become None."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from kmlp.model.fields import to_jsonable
from kmlp.studies.as_json import (
    comparison_to_list,
    conclusion_to_dict,
    estimate_to_dict,
    run_to_dict,
)
from kmlp.studies.rows import finite
from kmlp.training.run import common_settings
from kmlp_tuning.oracles.schedule import total_epochs
from kmlp_tuning.search._checks import at_edge
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import SearchSettings
from kmlp_tuning.search.trial import Trial


def search_to_dict(search: Search) -> dict[str, Any]:
    """The settings, every trial with its run, the best trial, and the replication."""
    settings = search.settings
    best = search.best()
    importances = search.importances
    replication = search.replication
    return {
        "name": search.name,
        "algorithm": settings.algorithm,
        "objective": settings.objective,
        "direction": settings.direction,
        "metric": settings.metric.figure(),
        "metric_details": settings.metric.to_dict(),
        "at": search.at,
        "space": settings.space.to_dict(),
        "base": settings.fixed,
        "max_trials": settings.max_trials,
        "max_epochs": settings.max_epochs,
        "patience": settings.patience,
        "brackets": _brackets(settings),
        "backend": search.backend,
        "complete": search.complete,
        "fused": settings.fused,
        "settings": dict(common_settings(search.runs)),
        "trials": [_trial_to_dict(search, trial) for trial in search.trials],
        "ranked": [trial.number for trial in search.ranked()],
        "best": best.number if best is not None else None,
        "at_edge": {
            name: "upper" if upper else "lower" for name, upper in at_edge(search).items()
        },
        "diverged": search.diverged,
        "importance": {
            "epochs": importances.epochs,
            "trials": importances.trials,
            "skill": importances.skill,
            "fields": [
                {"field": importance.field, **estimate_to_dict(importance.drop)}
                for importance in importances.fields
            ],
        }
        if importances is not None
        else None,
        "replication": {
            "seeds": list(replication.seeds),
            "levels": [
                {
                    **level,
                    "optimism": estimate_to_dict(
                        search.optimism(_by_number(search, level["value"]))
                    ),
                }
                for level in comparison_to_list(replication)
            ],
            **conclusion_to_dict(search.conclusion),
        }
        if replication is not None
        else None,
        **conclusion_to_dict(search.conclusion),
    }


def plan_to_dict(settings: SearchSettings) -> dict[str, Any]:
    """The planned training of a search."""
    return {
        "algorithm": settings.algorithm,
        "max_trials": settings.max_trials,
        "space": settings.space.to_dict(),
        "brackets": _brackets(settings),
        "patience": settings.patience,
        "epochs": total_epochs(settings.plan()),
        "replication_epochs": settings.replication_epochs,
    }


def _brackets(settings: SearchSettings) -> list[list[dict[str, int]]]:
    return [[asdict(rung) for rung in bracket.rungs] for bracket in settings.plan()]


def _trial_to_dict(search: Search, trial: Trial) -> dict[str, Any]:
    score = trial.score(search.settings.objective)
    return {
        "trial": trial.number,
        "values": {
            name: to_jsonable(getattr(trial.config, name))
            if search.settings.space.has_value(name, trial.config)
            else None
            for name in search.settings.space.fields
        },
        "bracket": trial.bracket,
        "rung": trial.rung,
        "score": finite(score) if score is not None else None,
        **(run_to_dict(trial.run) if trial.run is not None else {}),
        "status": search.status(trial),
    }


def _by_number(search: Search, number: int) -> Trial:
    return next(trial for trial in search.trials if trial.number == number)
