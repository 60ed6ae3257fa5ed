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
    from kmlp_tuning.search._planner import SearchPlanner


def record(
    name: str,
    identity: dict[str, Any],
    settings: SearchSettings,
    planner: SearchPlanner,
    identify_run: Callable[[RunConfig], RunIdentity],
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
        identity=identity,
        extent={"max_trials": settings.max_trials, "replicates": settings.replicates},
        progress={
            "complete": complete,
            "failed": sum(run.status == "failed" for run in runs),
            "importances": mattered.to_dict() if mattered else None,
            "epochs": [it.epochs for it in trials]
            + [settings.max_epochs] * len(replications),
            "rungs": [(it.bracket, it.rung) for it in trials],
            "replications": [(it.number, it.selected_at_epoch) for it in replications],
            "chance": dataset_of(settings.base).chance,
            "chance_limit": chance_limit_of(settings.base),
        },
        epochs=settings.max_epochs,
        runs_by_level=tuple(
            tuple(identify_run(config).key for config in row) for row in rows
        ),
    )


def answer(
    store: Store, name: str, identity: dict[str, Any], settings: SearchSettings
) -> Search | None:
    """The search of the store, if it has all of it: Keras Tuner need not be loaded."""
    try:
        study = get_study(store, name)
        if (study.kind, study.identity) != ("search", _as_stored(identity)):
            return None
        asked = (settings.max_trials, settings.replicates)
        if (
            not study.progress["complete"]
            or study.progress[
                "failed"
            ]  # what failed is tried again, and could be promoted then
            or asked != (study.extent["max_trials"], study.extent["replicates"])
        ):
            return None
        found = load_search(store, study)
    except StoreError:
        return None
    runs = found.runs
    stated = identity.get("settings", {})
    identify_run = partial(identify, fused=settings.fused, settings=stated)
    same = [identify_run(run.config).key for run in runs]
    kept = [key for row in study.runs_by_level for key in row]
    targets = study.targets()
    done = all(
        run.status == "diverged"
        or (run.status == "finished" and run.epochs >= targets[key])
        for key, run in zip(same, runs, strict=True)
        if key in targets
    )
    return found if same == kept and done else None


def _as_stored(identity: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(identity))
    return values


def load_search(store: Store, study: StudyRecord) -> Search:
    """A search as far as a store has its runs.

    Raises:
        StoreError: if there is no run at all.
    """
    identity, extent, progress = study.identity, study.extent, study.progress
    space = SearchSpace.restored(identity["space"])
    base = RunConfig.restored(identity["base"])
    settings = SearchSettings(
        space=space,
        base=base,
        max_trials=extent["max_trials"],
        algorithm=identity["algorithm"],
        objective=identity["objective"],
        max_epochs=identity["max_epochs"],
        min_epochs=identity.get("min_epochs", 1),
        factor=identity.get("factor", 3),
        replicates=extent["replicates"],
        fused=identity["fused"],
    )
    levels = study.runs_so_far(store)
    rungs, epochs = progress["rungs"], study.epochs_by_level
    trials = [
        Trial(number, run.config, bracket, rung, epochs[number - 1], run)
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
            epochs[len(rungs) :],
            strict=True,
        )
    ]
    if progress["complete"]:
        kept = progress["importances"]
        found = Importances.restored(kept) if kept is not None else None
    else:
        found = importances(trials, space, chance=progress["chance"])
    return Search(
        name=study.name,
        settings=settings,
        backend=identity["backend"],
        trials=tuple(trials),
        replication=comparison(settings, replications, progress["chance_limit"]),
        selected_at_epoch={it.number: it.selected_at_epoch for it in replications},
        chance=progress["chance"],
        complete=progress["complete"],
        importances=found,
        missing=study.missing(levels),
    )


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
        param="trial",
        epochs=settings.max_epochs,
        seeds=tuple(range(first, first + settings.replicates)),
        levels=levels,
    )
