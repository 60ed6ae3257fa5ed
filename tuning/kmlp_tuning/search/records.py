"""A search in the store: its record during training, and its results read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from kmlp.errors import StoreError
from kmlp.model.config import RunConfig
from kmlp.model.run_data import dataset_of
from kmlp.store import Store, StudyRecord
from kmlp.store.studies import get_study
from kmlp.studies.learning import DataFacts, facts_of
from kmlp.studies.level_result import LevelResult
from kmlp.studies.results import StudyResult
from kmlp.studies.runner import metric_to_dict
from kmlp.training.identity import RunIdentity, identify
from kmlp_tuning.search.importance import Importances, estimate_importances
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import SearchSettings
from kmlp_tuning.search.trial import Replication, Trial
from kmlp_tuning.space.space import SearchSpace

if TYPE_CHECKING:
    from kmlp_tuning.search._planner import SearchPlanner


def record(
    name: str,
    identity: dict[str, Any],
    settings: SearchSettings,
    planner: SearchPlanner,
    identify_run: Callable[[RunConfig], RunIdentity],
    *,
    complete: bool,
    importances: Importances | None,
    looks: Sequence[int],
) -> StudyRecord:
    """The search so far, as the store keeps it."""
    if complete and settings.replicates:
        looks = sorted({*looks, settings.replicates})
    trials, replications = planner.trials, planner.replications
    runs = [trial.run for trial in trials if trial.run is not None]
    runs += [run for replication in replications for run in replication.runs]
    rows: list[tuple[RunConfig, ...]] = [(trial.config,) for trial in trials]
    rows += [replication.configs for replication in replications]
    return StudyRecord(
        name=name,
        kind="search",
        identity=identity,
        extent={"max_trials": settings.max_trials, "replicates": settings.replicates},
        progress={
            "complete": complete,
            "failed": sum(run.status == "failed" for run in runs),
            "importances": importances.to_dict() if importances else None,
            "epochs": [trial.epochs for trial in trials]
            + [settings.max_epochs] * len(replications),
            "rungs": [(trial.bracket, trial.rung) for trial in trials],
            "replications": [
                (replication.number, replication.selected_at_epoch)
                for replication in replications
            ],
            "chance": dataset_of(settings.base).chance,
            "looks": list(looks),
            **facts_of(settings.base).to_dict(),
            **metric_to_dict(settings.metric),
        },
        epochs=settings.max_epochs,
        runs_by_level=tuple(
            tuple(identify_run(config).key for config in row) for row in rows
        ),
    )


def stored_looks(store: Store, name: str) -> list[int]:
    """The numbers of replicates with which a search was shown; none if it is not stored."""
    try:
        return _looks(get_study(store, name))
    except StoreError:
        return []


def _looks(study: StudyRecord) -> list[int]:
    """The numbers of replicates with which a search was shown.

    A search that was stored before they were counted was shown if it is complete.
    """
    progress = study.progress
    replicates = study.extent["replicates"]
    shown = [replicates] if progress["complete"] and replicates else []
    looks: list[int] = progress.get("looks", shown)
    return looks


def stored_search(
    store: Store, name: str, identity: dict[str, Any], settings: SearchSettings
) -> Search | None:
    """Load a search if the store has all of its runs. Keras Tuner is not loaded.

    Returns:
        The search. None if something has to be trained.
    """
    try:
        study = get_study(store, name)
        if (study.kind, study.identity) != ("search", _as_stored(identity)):
            return None
        asked = (settings.max_trials, settings.replicates)
        if (
            not study.progress["complete"]
            # A failed run is trained again, and its trial may then be promoted.
            or study.progress["failed"]
            or asked != (study.extent["max_trials"], study.extent["replicates"])
        ):
            return None
        search = load_search(store, study)
    except StoreError:
        return None
    runs = search.runs
    stated = identity.get("settings", {})
    identify_run = partial(identify, fused=settings.fused, settings=stated)
    keys = [identify_run(run.config).key for run in runs]
    stored_keys = [key for row in study.runs_by_level for key in row]
    targets = study.targets()
    done = all(
        run.status == "diverged" or (run.status == "finished" and run.reaches(targets[key]))
        for key, run in zip(keys, runs, strict=True)
        if key in targets
    )
    return search if keys == stored_keys and done else None


def _as_stored(identity: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(identity))
    return values


def load_search(store: Store, study: StudyRecord) -> Search:
    """Load a search with those of its runs that the store has.

    Raises:
        StoreError: if the store has none of its runs.
    """
    identity, extent, progress = study.identity, study.extent, study.progress
    at = identity.get("at", "last")
    space = SearchSpace.restored(identity["space"])
    base = RunConfig.restored(identity["base"])
    settings = SearchSettings(
        space=space,
        base=base,
        max_trials=extent["max_trials"],
        algorithm=identity["algorithm"],
        objective=identity["objective"],
        at=at,
        max_epochs=identity["max_epochs"],
        min_epochs=identity.get("min_epochs", 1),
        factor=identity.get("factor", 3),
        replicates=extent["replicates"],
        fused=identity["fused"],
        patience=study.patience,
        metric=study.metric,
    )
    levels = [
        [run.measured_by(study.metric).judged_at(at) for run in row]
        for row in study.runs_so_far(store)
    ]
    rungs, targets = progress["rungs"], study.targets_by_level
    trials = [
        Trial(number, run.config, bracket, rung, targets[number - 1].epochs, run)
        for number, (runs, (bracket, rung)) in enumerate(
            zip(levels, rungs, strict=False), start=1
        )
        for run in runs
    ]
    if not trials:
        raise StoreError(
            f'No run of "{study.name}" has an epoch yet. Run the command that began it '
            "again."
        )
    replications = [
        Replication(
            number,
            selected_at_epoch,
            (),
            tuple(run for run in runs if run.reaches(target)),
        )
        for (number, selected_at_epoch), runs, target in zip(
            progress["replications"],
            levels[len(rungs) :],
            targets[len(rungs) :],
            strict=True,
        )
    ]
    if progress["complete"]:
        values = progress["importances"]
        restored = Importances.restored(values) if values is not None else None
    else:
        restored = estimate_importances(trials, space, chance=progress["chance"])
    return Search(
        name=study.name,
        settings=settings,
        backend=identity["backend"],
        trials=tuple(trials),
        replication=comparison(
            settings,
            replications,
            DataFacts.restored(progress),
            looks=_looks(study),
        ),
        selected_at_epoch={
            replication.number: replication.selected_at_epoch
            for replication in replications
        },
        chance=progress["chance"],
        complete=progress["complete"],
        importances=restored,
        missing=study.missing(levels),
    )


def comparison(
    settings: SearchSettings,
    replications: Sequence[Replication],
    facts: DataFacts,
    *,
    looks: Sequence[int] = (),
) -> StudyResult | None:
    """The comparison of the best trials over other seeds. None before a run is done.

    `looks` has the numbers of replicates with which the search was shown before.
    """
    levels = tuple(
        LevelResult(
            value=replication.number,
            parameters=replication.runs[0].parameters,
            runs=replication.runs,
            **facts.to_dict(),
        )
        for replication in replications
        if replication.runs
    )
    if not levels:
        return None
    first = settings.base.seed + 1
    return StudyResult(
        param="trial",
        looks=tuple(looks),
        epochs=settings.max_epochs,
        patience=settings.patience,
        seeds=tuple(range(first, first + settings.replicates)),
        levels=levels,
        margin=settings.metric.margin,
    )
