"""A search in the store: kept as it goes, and read again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from kmlp.errors import StoreError
from kmlp.model.config import RunConfig, dataset_of
from kmlp.store import Store, StudyRecord
from kmlp.store.studies import get_study
from kmlp.studies.results import LevelResult, StudyResult, chance_limit_of
from kmlp.training.run import RunIdentity, identify
from kmlp_tuning.search.importance import Importances, importances
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import SearchSettings
from kmlp_tuning.search.trial import Replication, Trial
from kmlp_tuning.space.space import SearchSpace

if TYPE_CHECKING:
    from kmlp_tuning.search.planner import SearchPlanner


def record(
    name: str,
    about: dict[str, Any],
    settings: SearchSettings,
    planner: SearchPlanner,
    identity: Callable[[RunConfig], RunIdentity],
    *,
    complete: bool,
    mattered: Importances | None,
) -> StudyRecord:
    """The search as the store keeps it, as far as it has come."""
    trials, replications = planner.trials, planner.replications
    runs = [it.run for it in trials if it.run is not None]
    runs += [run for it in replications for run in it.runs]
    rows = [(trial.config,) for trial in trials] + [it.configs for it in replications]
    return StudyRecord(
        name=name,
        kind="search",
        about=about,
        question={
            "max_trials": settings.max_trials,
            "confirm": settings.replicates,
            "log": {
                "complete": complete,
                "failed": sum(run.status == "failed" for run in runs),
                "importances": mattered.to_dict() if mattered else None,
                "epochs": [it.epochs for it in trials]
                + [settings.max_epochs] * len(replications),
                "places": [(it.bracket, it.rung) for it in trials],
                "confirmed": [(it.number, it.selected_at_epoch) for it in replications],
                "chance": dataset_of(settings.base).chance,
                "chance_limit": chance_limit_of(settings.base),
            },
        },
        epochs=settings.max_epochs,
        rows=tuple(tuple(identity(config).key for config in row) for row in rows),
    )


def answer(
    store: Store, name: str, about: dict[str, Any], settings: SearchSettings
) -> Search | None:
    """The search of the store, if it has all of it: Keras Tuner need not be loaded."""
    try:
        study = get_study(store, name)
        if (study.kind, study.about) != ("search", _as_stored(about)):
            return None
        question = study.question
        asked = (settings.max_trials, settings.replicates)
        log = question["log"]
        if (
            not log["complete"]
            or log["failed"]  # what failed is tried again, and could be promoted then
            or asked != (question["max_trials"], question["confirm"])
        ):
            return None
        found = load_search(store, study)
    except StoreError:
        return None
    runs = found.runs
    identity = partial(identify, fused=settings.fused, settings=about.get("settings", {}))
    same = [identity(run.config).key for run in runs]
    kept = [key for row in study.rows for key in row]
    targets = study.targets()
    done = all(
        run.status == "diverged"
        or (run.status == "finished" and run.epochs >= targets[key])
        for key, run in zip(same, runs, strict=True)
        if key in targets
    )
    return found if same == kept and done else None


def _as_stored(about: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(about))
    return values


def load_search(store: Store, study: StudyRecord) -> Search:
    """A search as far as a store has its runs.

    Raises:
        StoreError: if there is no run at all.
    """
    about, question = study.about, study.question
    log = question["log"]
    space = SearchSpace.restored(about["space"])
    base = RunConfig.restored(about["base"])
    settings = SearchSettings(
        space=space,
        base=base,
        max_trials=question["max_trials"],
        algorithm=about["algorithm"],
        objective=about["objective"],
        max_epochs=about["max_epochs"],
        min_epochs=about.get("min_epochs", 1),
        factor=about.get("factor", 3),
        replicates=question["confirm"],
        fused=about["fused"],
    )
    rows = list(zip(study.rows, study.row_epochs, strict=True))
    trials = []
    for number, (([key], epochs), (bracket, rung)) in enumerate(
        zip(rows, log["places"], strict=False), start=1
    ):
        run = store.run_of_key(key)
        if run is not None:
            run = run.truncated(epochs)
            trials.append(Trial(number, run.config, bracket, rung, epochs, run))
    if not trials:
        raise StoreError(
            f'No run of "{study.name}" has an epoch yet. The command that began it goes on '
            "where it ended."
        )
    replications = []
    for (number, selected_at_epoch), (keys, epochs) in zip(
        log["confirmed"], rows[len(log["places"]) :], strict=True
    ):
        runs = [run.truncated(epochs) for key in keys if (run := store.run_of_key(key))]
        done = [run for run in runs if run.epochs >= epochs or run.status != "finished"]
        replications.append(Replication(number, selected_at_epoch, (), tuple(done)))
    if log["complete"]:
        kept = log["importances"]
        found = Importances.restored(kept) if kept is not None else None
    else:
        found = importances(trials, space, chance=log["chance"])
    return Search(
        name=study.name,
        settings=settings,
        backend=about["backend"],
        trials=tuple(trials),
        replication=comparison(settings, replications, log["chance_limit"]),
        selected_at_epoch={it.number: it.selected_at_epoch for it in replications},
        chance=log["chance"],
        complete=log["complete"],
        importances=found,
    )


def unfinished(search: Search, study: StudyRecord) -> int:
    """How many of a search's runs are not as far as they were to go."""
    done = sum(
        it.run is not None and (it.run.epochs >= it.epochs or it.run.status != "finished")
        for it in search.trials
    )
    levels = search.replication.levels if search.replication is not None else ()
    again = sum(len(level.runs) for level in levels)
    return sum(map(len, study.rows)) - done - again


def comparison(
    settings: SearchSettings, replications: Sequence[Replication], chance_limit: float
) -> StudyResult | None:
    """The comparison of the best over other seeds; None: nothing of it is known yet."""
    levels = tuple(
        LevelResult(
            value=it.number,
            parameters=it.runs[0].parameters,
            runs=it.runs,
            chance_limit=chance_limit,
        )
        for it in replications
        if it.runs
    )
    if not levels:
        return None
    first = settings.base.seed + 1
    return StudyResult(
        axis="trial",
        epochs=settings.max_epochs,
        seeds=tuple(range(first, first + settings.replicates)),
        levels=levels,
    )
