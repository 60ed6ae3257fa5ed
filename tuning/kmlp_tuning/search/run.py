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
from kmlp.model.config import RunConfig
from kmlp.model.hyperparameters import config_fields
from kmlp.model.metrics import Metric
from kmlp.model.run_data import dataset_of
from kmlp.store import Store
from kmlp.store.environments import environments_of
from kmlp.store.studies import check_name, get_study, put_study
from kmlp.studies.execution import Execution, ExecutorName, RunsDir
from kmlp.studies.learning import facts_of
from kmlp.studies.runner import default_name, identify_backend, work
from kmlp.training.checks import check_trainable
from kmlp.training.identity import identify
from kmlp.training.run import At, Run
from kmlp_tuning.oracles.schedule import total_epochs
from kmlp_tuning.search.importance import Importances, estimate_importances
from kmlp_tuning.search.options import DEFAULTS, SearchOptions
from kmlp_tuning.search.records import comparison, record, stored_looks, stored_search
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import SearchSettings, make_settings
from kmlp_tuning.search.trial import TrialRequest
from kmlp_tuning.space.default import SEARCHED
from kmlp_tuning.space.parsing import default_space, space_and_base
from kmlp_tuning.space.space import SearchSpace

SECONDS_BETWEEN_UPDATES = 1.0
"""The shortest time between two updates of the search's record in the store, in seconds.
Runs are stored independently of it.
"""


def tune(
    space: SearchSpace | Mapping[str, Any] | None = None,
    *,
    base: RunConfig | None = None,
    max_trials: int | None = DEFAULTS.max_trials,
    algorithm: str = DEFAULTS.algorithm,
    objective: str | None = DEFAULTS.objective,
    metric: Metric | str | None = DEFAULTS.metric,
    at: At = DEFAULTS.at,
    max_epochs: int = DEFAULTS.max_epochs,
    patience: int | None = DEFAULTS.patience,
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

    The fields of a configuration are keywords, as they are options of `kmlp tune`. A field
    with several values or a range is searched, and a field with one value is fixed. The
    others are as in the default space.

    Args:
        space: The search space, as a `SearchSpace` or as its fields. Keywords override it.
            Defaults to None: `default_space()`.
        base: The configuration with the fixed fields. Its seed is the seed of all runs and
            of the choice of configurations. Defaults to None: `RunConfig()`.
        max_trials: The number of configurations to try, all different. Defaults to None:
            25, or all configurations for a grid.
        algorithm: "hyperband": train many configurations for a few epochs, and promote the
            best to more epochs. "asha": the same without waiting, so that promotions depend
            on timing. "random". "bayesian": choose by a Gaussian process, four at a time.
            "grid". Defaults to "hyperband".
        objective: The figure by which trials are ranked: "val_accuracy", "val_loss",
            "accuracy" or "loss". Defaults to None: the validation value of the metric.
        metric: The metric that compares the best trials over other seeds, and that early
            stopping watches: "accuracy" or "loss". Defaults to None: "accuracy".
        at: The epoch that ranks a trial: "best", the best of its epochs so far, also at
            each rung, or "last". All figures are those of the epoch with the best
            validation value of the metric, or of the last epoch. Defaults to "best".
        max_epochs: Epochs of the trials that are promoted to the end. Defaults to 10.
        patience: The number of epochs without a better validation value after which a run
            stops early, `1 <= patience < max_epochs`. It keeps its score, and is not
            trained again if it is promoted. Defaults to None: no early stopping.
        min_epochs: The smallest number of epochs of a trial. Defaults to None: 1.
        factor: At each rung, the best `1 / factor` of the trials are promoted. Defaults to
            None: 3.
        replicates: The number of other seeds with which the best three are trained
            again, for all epochs. The best score of a search is too high on average.
            Defaults to 5.
        fused: See `kmlp.Execution`.
        observer: See `kmlp.Execution`.
        executor: See `kmlp.Execution`.
        jobs: See `kmlp.Execution`.
        runs_dir: See `kmlp.Execution`.
        fresh: See `kmlp.Execution`.
        name: The name of the study. Defaults to None: derived from the arguments.
        **fields: Fields of `RunConfig`: one value, a list of values, a `Range`, or a text
            as on the command line: `width=[64, 128]`, `learning_rate="1e-4:1e-1:log"`. Or
            one of these for each value of another searched field:
            `learning_rate={"sgd": "1e-3:1:log", "adam": "1e-4:1e-1:log"}`.

    Returns:
        Every trial, the best one, and its replication with other seeds.

    Raises:
        ConfigError: with every problem of the arguments, before any training.
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
        metric=metric,
        at=at,
        max_epochs=max_epochs,
        patience=patience,
        min_epochs=min_epochs,
        factor=factor,
        replicates=replicates,
    )
    settings = make_settings(
        default_space(base) if space is None else space,
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
    """Search as `tune` does, with settings that are checked already.

    Args:
        settings: The settings; `settings.fused` equals `execution.fused`.
        execution: The place and the way of training.
        name: The name of the study. Defaults to None: derived from the settings.

    Returns:
        The search; see `tune`.

    Raises:
        ConfigError: see `tune`. `tune` lists the other errors as well.
    """
    identity = {**identify_backend(fused=execution.fused), **settings.identity()}
    opened = execution.open_executor(runs=settings.max_trials)
    corners = settings.space.corners(settings.base)
    check_trainable(corners, epochs=settings.max_epochs, fused=execution.fused)
    name = default_name("search", identity) if name is None else name
    check_name(name)
    observer = execution.observer or (lambda event: None)
    with execution.open_store() as store:
        search = None
        if not execution.fresh:
            search = stored_search(store, name, identity, settings)
        if search is None:
            search = _train(
                store, name, identity, settings, observer, opened, execution.fresh
            )
        else:
            put_study(store, get_study(store, name))  # updates the time of its last use
            _observe_stored(search, observer)
        search = replace(search, environments=tuple(environments_of(store, name)))
        return search.with_models_loaded() if store.temporary else search


def _check_names(fields: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if `tune` does not have some of the keywords."""
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
    observer: Observer,
    opened: AbstractContextManager[Executor],
    fresh: bool,
) -> Search:
    """Train the search, and keep all of its runs in the store."""
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

    looks = stored_looks(store, name)
    last_update = (0, 0.0)

    def update(importances: Importances | None = None, *, complete: bool = False) -> None:
        nonlocal last_update
        study = record(
            name,
            identity,
            settings,
            planner,
            identify_run,
            complete=complete,
            importances=importances,
            looks=looks,
        )
        put_study(store, study)
        last_update = len(study.runs_by_level), time.monotonic()

    def watch(event: Event) -> None:
        if isinstance(event, RunStarted):
            rows, when = last_update
            # A run must belong to its study before it is trained; its rung can wait.
            known = rows == len(planner.trials) + len(planner.replications)
            if not known or time.monotonic() - when > SECONDS_BETWEEN_UPDATES:
                update()
        observer(event)

    def search(unfinished: Mapping[RunConfig, Run], *, complete: bool) -> Search:
        late = {
            config: run.measured_by(settings.metric).judged_at(settings.at)
            for config, run in unfinished.items()
        }
        trials = tuple(
            replace(trial, run=late.get(trial.config, trial.run))
            for trial in planner.trials
        )
        chance = dataset_of(settings.base).chance
        facts = facts_of(settings.base)
        return Search(
            name=name,
            settings=settings,
            backend=identity["backend"],
            trials=trials,
            replication=comparison(settings, planner.replications, facts, looks=looks),
            selected_at_epoch={
                replication.number: replication.selected_at_epoch
                for replication in planner.replications
            },
            chance=chance,
            complete=complete,
            importances=estimate_importances(trials, settings.space, chance=chance),
        )

    plan = settings.plan()
    runs = sum(rung.configurations for bracket in plan for rung in bracket.rungs)
    runs += settings.replicated * settings.replicates
    with opened as executor:
        update()
        epochs = total_epochs(plan) + settings.replication_epochs
        observer(StudyStarted((name,), runs, epochs))
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
            result = search({}, complete=True)
            update(result.importances, complete=True)
        except StoreLostError as error:
            so_far = search(error.unfinished, complete=False)
            error.results = [so_far if so_far.runs else None]
            raise
    return result


def _observe_stored(search: Search, observer: Observer) -> None:
    """Send the observer the events of a search whose runs are all stored."""
    requests = [
        TrialRequest(
            trial.config,
            search.settings.target(trial.epochs),
            str(trial.number),
            trial.number,
            trial.bracket,
            trial.rung,
        )
        for trial in search.trials
    ]
    target_of = search.settings.target
    requests += [
        TrialRequest(run.config, target_of(run.epochs), None, level.value, 0, 0)
        for level in (search.replication.levels if search.replication else ())
        for run in level.runs
    ]
    epochs = sum(request.target.epochs for request in requests)
    observer(StudyStarted((search.name,), len(requests), epochs))
    for request, run in zip(requests, search.runs, strict=True):
        observer(RunStarted(request))
        observer(RunFinished(request, run, 0))
