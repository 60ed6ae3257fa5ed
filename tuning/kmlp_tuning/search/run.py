"""`tune`: search for good hyperparameters, keep every run, replicate the best trials."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache, partial
from inspect import signature
from typing import Any

from kmlp import backend
from kmlp.engine import (
    Event,
    Executor,
    Observer,
    RunFinished,
    RunStarted,
    StudyStarted,
    execute,
)
from kmlp.errors import StoreLostError, raise_problems, unknown_name
from kmlp.model.config import RunConfig, config_fields, dataset_of
from kmlp.store import Store
from kmlp.store.environments import environments_of
from kmlp.store.studies import check_name, get_study, put_study
from kmlp.studies.execution import Execution, ExecutorName, RunsDir
from kmlp.studies.results import chance_limit_of
from kmlp.studies.runner import default_name, identify_backend, work
from kmlp.training.checks import check_trainable
from kmlp.training.run import Run, identify
from kmlp_tuning.oracles.schedule import total_epochs
from kmlp_tuning.search.importance import Importances, importances
from kmlp_tuning.search.options import DEFAULTS, SearchOptions
from kmlp_tuning.search.records import answer, comparison, record
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import SearchSettings, make_settings
from kmlp_tuning.search.trial import TrialRequest
from kmlp_tuning.space.domains import SEARCHED
from kmlp_tuning.space.space import SearchSpace, default_space, space_and_base

SECONDS_BETWEEN_NOTES = 1.0
"""How often the store is told how far a search has come, beside what every run has."""


def tune(
    space: SearchSpace | Mapping[str, Any] | None = None,
    *,
    base: RunConfig | None = None,
    max_trials: int | None = DEFAULTS.max_trials,
    algorithm: str = DEFAULTS.algorithm,
    objective: str = DEFAULTS.objective,
    max_epochs: int = DEFAULTS.max_epochs,
    min_epochs: int | None = DEFAULTS.min_epochs,
    factor: int | None = DEFAULTS.factor,
    replicates: int = DEFAULTS.replicates,
    fused: bool = True,
    observer: Observer | None = None,
    executor: ExecutorName | Executor = "local",
    jobs: int | None = None,
    runs_dir: RunsDir = None,
    fresh: bool = False,
    name: str | None = None,
    **fields: Any,
) -> Search:
    """Search for the hyperparameters with the best validation accuracy.

    The fields of a configuration are keywords, as they are options of `kmlp tune`: one
    with several values or a range is searched, one with one value is fixed, and the others
    are as in the default space.

    Args:
        space: The search space in the place of the default one: a `SearchSpace`, or its
            fields. Keywords override it. Defaults to None: `default_space()`.
        base: The configuration that has the fixed fields. All runs have its seed, on which
            the choice of configurations depends as well. Defaults to None: `RunConfig()`.
        max_trials: Number of configurations to try, all different. Defaults to None: 25,
            and for a grid all of them.
        algorithm: "hyperband": many configurations for a few epochs, of which the best
            go on; "asha": the same without waiting, so that promotions depend on timing;
            "random"; "bayesian": by a Gaussian process, four at a time; "grid". Defaults
            to "hyperband".
        objective: The figure of the last epoch by which trials are ranked:
            "val_accuracy", "val_loss", "accuracy" or "loss". Defaults to "val_accuracy".
        max_epochs: Epochs of the trials that are promoted to the end. Defaults to 10.
        min_epochs: Epochs of every trial at least. Defaults to None: 1.
        factor: At each rung, the best `1 / factor` of the trials go on. Defaults to
            None: 3.
        replicates: Number of other seeds with which the best three are trained again, for
            all epochs: the best score of a search is optimistic. Defaults to 3.
        fused: See `kmlp.Execution`.
        observer: See `kmlp.Execution`.
        executor: See `kmlp.Execution`.
        jobs: See `kmlp.Execution`.
        runs_dir: See `kmlp.Execution`.
        fresh: See `kmlp.Execution`.
        name: The name of the study. Defaults to None: made of what is asked.
        **fields: Fields of `RunConfig`: one value, a list of values, a `Range`, or a text
            as on the command line: `width=[64, 128]`, `learning_rate="1e-4:1e-1:log"`.

    Returns:
        Every trial, the best one, and its replication with other seeds.

    Raises:
        ConfigError: with every problem of the arguments, before anything is trained.
        BackendError: if there is no backend.
        StoreError: if the runs folder cannot be used.

    Example:
    >>> from kmlp_tuning import tune
    >>> search = tune(
    ...     width=[16, 32], learning_rate="1e-2:1:log", depth=1, train_size=1000,
    ...     activation="relu", batch_size=32,
    ...     max_trials=3, max_epochs=3, replicates=0, jobs=1, runs_dir=":memory:",
    ... )
    >>> sorted(trial.epochs for trial in search.trials)
    [1, 3, 3]
    """
    if space is not None and not isinstance(space, SearchSpace):
        space = SearchSpace(space)
    if fields:
        _check_names(fields)
        searched = SEARCHED if space is None else space.fields
        space, base = space_and_base(fields, searched=searched, base=base)
    options = SearchOptions(
        max_trials=max_trials,
        algorithm=algorithm,
        objective=objective,
        max_epochs=max_epochs,
        min_epochs=min_epochs,
        factor=factor,
        replicates=replicates,
    )
    settings = make_settings(
        default_space() if space is None else space,
        RunConfig() if base is None else base,
        options,
        fused=fused,
    )
    execution = Execution(
        fused=fused,
        observer=observer,
        executor=executor,
        jobs=jobs,
        runs_dir=runs_dir,
        fresh=fresh,
    )
    return run_search(settings, execution, name=name)


def run_search(
    settings: SearchSettings, execution: Execution, *, name: str | None = None
) -> Search:
    """Search as `tune` does, with settings that are made already.

    Args:
        settings: The search; its `fused` is that of the execution.
        execution: Where and how runs are trained.
        name: The name of the study. Defaults to None: made of what is asked.

    Returns:
        What `tune` returns. Raises what it raises.
    """
    identity = {**identify_backend(fused=execution.fused), **settings.identity()}
    opened = execution.open_executor(runs=settings.max_trials)
    corners = settings.space.corners(settings.base)
    check_trainable(corners, epochs=settings.max_epochs, fused=execution.fused)
    name = default_name("search", identity) if name is None else name
    check_name(name)
    tell = execution.observer or (lambda event: None)
    with execution.open_store() as store:
        found = None if execution.fresh else answer(store, name, identity, settings)
        if found is None:
            found = _train(store, name, identity, settings, tell, opened, execution.fresh)
        else:
            put_study(store, get_study(store, name))  # it is asked now
            _tell_stored(found, tell)
        noted = tuple(environments_of(store, name))
        found = replace(found, environments=noted)
        return found.with_models_loaded() if store.temporary else found


def _check_names(fields: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for every keyword that `tune` does not have."""
    options = signature(tune).parameters.keys() - {"fields"}
    raise_problems(
        unknown_name("argument", name, [*config_fields(), *options])
        for name in fields
        if name not in config_fields()
    )


def _train(
    store: Store,
    name: str,
    identity: dict[str, Any],
    settings: SearchSettings,
    tell: Observer,
    opened: AbstractContextManager[Executor],
    fresh: bool,
) -> Search:
    """The search, of which the store remembers all runs."""
    backend.load()
    from kmlp_tuning.search._planner import SearchPlanner
    from kmlp_tuning.search.aliases import check_different

    check_different(settings)
    stated = identity.get("settings", {})
    identify_run = cache(partial(identify, fused=settings.fused, settings=stated))
    planner = SearchPlanner(
        settings,
        work=lambda config: work(identify_run(config)),
        check=partial(check_trainable, epochs=settings.max_epochs, fused=settings.fused),
    )

    noted = (0, 0.0)

    def note(found: Importances | None = None, *, complete: bool = False) -> None:
        nonlocal noted
        kept = record(
            name,
            identity,
            settings,
            planner,
            identify_run,
            complete=complete,
            mattered=found,
        )
        put_study(store, kept)
        noted = len(kept.runs_by_level), time.monotonic()

    def watch(event: Event) -> None:
        if isinstance(event, RunStarted):
            rows, when = noted
            # A run is its study's before it is trained; where it stands can wait.
            known = rows == len(planner.trials) + len(planner.replications)
            if not known or time.monotonic() - when > SECONDS_BETWEEN_NOTES:
                note()
        tell(event)

    def search(unfinished: Mapping[RunConfig, Run], *, complete: bool) -> Search:
        trials = tuple(
            replace(it, run=unfinished.get(it.config, it.run)) for it in planner.trials
        )
        chance = dataset_of(settings.base).chance
        limit = chance_limit_of(settings.base)
        return Search(
            name=name,
            settings=settings,
            backend=identity["backend"],
            trials=trials,
            replication=comparison(settings, planner.replications, limit),
            selected_at_epoch={
                it.number: it.selected_at_epoch for it in planner.replications
            },
            chance=chance,
            complete=complete,
            importances=importances(trials, settings.space, chance=chance),
        )

    plan = settings.plan()
    runs = sum(rung.configurations for bracket in plan for rung in bracket.rungs)
    runs += settings.replicated * settings.replicates
    with opened as executor:
        note()
        tell(StudyStarted((name,), runs, total_epochs(plan) + settings.replication_epochs))
        try:
            execute(
                planner,
                store=store,
                executor=executor,
                identify=identify_run,
                load=dataset_of,
                observer=watch,
                fresh=fresh,
            )
            found = search({}, complete=True)
            note(found.importances, complete=True)
        except StoreLostError as error:
            so_far = search(error.unfinished, complete=False)
            error.results = [so_far if so_far.runs else None]
            raise
    return found


def _tell_stored(search: Search, tell: Observer) -> None:
    trials = [
        TrialRequest(it.config, it.epochs, str(it.number), it.number, it.bracket, it.rung)
        for it in search.trials
    ]
    again = [
        TrialRequest(run.config, run.epochs, None, value.value, 0, 0)
        for value in (search.replication.levels if search.replication else ())
        for run in value.runs
    ]
    requests = [*trials, *again]
    epochs = sum(request.epochs for request in requests)
    tell(StudyStarted((search.name,), len(requests), epochs))
    for request, run in zip(requests, search.runs, strict=True):
        tell(RunStarted(request))
        tell(RunFinished(request, run, 0))
