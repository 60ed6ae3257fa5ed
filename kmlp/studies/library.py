"""The studies and runs of a runs folder: load, list, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kmlp.store import RunSummary, Store, StudySummary, runs_folder
from kmlp.store import listing as stored_runs
from kmlp.store import studies as stored
from kmlp.store.environments import environments_of
from kmlp.studies import kinds
from kmlp.studies.execution import RunsDir
from kmlp.studies.study import Study


def load_study(name: str, runs_dir: RunsDir = None) -> Study:
    """Load a study as far as it has come.

    Args:
        name: The study's name: see `list_studies`.
        runs_dir: The folder that keeps the runs. Defaults to None: KMLP_RUNS_DIR, else
            `kmlp_runs`.

    Returns:
        An `Ablation`, a `kmlp_tuning.Search`, or a study of another kind.

    Raises:
        StoreError: if there is no such study, or if it has no run yet.

    Example:
    >>> from kmlp import ablate, load_study
    >>> study = ablate("depth", [0, 1], train_size=1000, seeds=2, epochs=1, jobs=1)
    >>> again = load_study(study.name)
    >>> again.conclusion.text == study.conclusion.text
    True
    """
    with open_to_read(runs_dir) as store:
        return load_from(store, name)


def load_from(store: Store, name: str) -> Study:
    """Load a study from an open store. Raises what `load_study` does."""
    record = stored.get_study(store, name)
    study = kinds.kind_named(record.kind).load(store, record)
    if study.missing:
        store.name_strays()
    noted = tuple(environments_of(store, record.name))
    loaded: Study = replace(study, environments=noted)
    return loaded


def list_studies(runs_dir: RunsDir = None) -> list[StudySummary]:
    """List the studies of a runs folder, the one that was used last first.

    Args:
        runs_dir: As `load_study` takes it.

    Returns:
        A line for each study: `summary.record.name`, the numbers of runs, the best
        accuracy. A study that is damaged is left out.

    Raises:
        StoreError: if there is no such folder.

    Example:
    >>> from kmlp import list_studies, train
    >>> run = train(train_size=1000, epochs=1, name="one")
    >>> [summary.record.name for summary in list_studies()][0]
    'one'
    """
    with open_to_read(runs_dir) as store:
        return stored.list_studies(store)


def list_runs(
    runs_dir: RunsDir = None, *, study: str | None = None, **where: Any
) -> list[RunSummary]:
    """List the runs of a runs folder, the one that was trained last first.

    Args:
        runs_dir: As `load_study` takes it.
        study: The name of a study. Defaults to None: the runs of all.
        **where: Values that the runs have: fields of `RunConfig`, `backend`, `status`.

    Returns:
        A line for each run. Runs that are damaged are left out.

    Raises:
        ConfigError: if there is no such field.
        StoreError: if there is no such folder or study.

    Example:
    >>> from kmlp import list_runs, train
    >>> run = train(train_size=1000, width=7, epochs=1)
    >>> [line.epochs for line in list_runs(width=7, train_size=1000)]
    [1]
    """
    stored_runs.check_filters(where)
    with open_to_read(runs_dir) as store:
        return stored_runs.list_runs(store, where, study=study)


def delete_study(name: str, runs_dir: RunsDir = None) -> None:
    """Delete a study, and the runs that no other study uses.

    Args:
        name: The study's name.
        runs_dir: As `load_study` takes it.

    Raises:
        StoreError: if there is no such study, or one of its runs is being trained.

    Example:
    >>> from kmlp import delete_study, list_studies, train
    >>> run = train(train_size=1000, epochs=1, name="no more")
    >>> delete_study("no more")
    >>> "no more" in [summary.record.name for summary in list_studies()]
    False
    """
    folder = runs_folder(runs_dir)
    with Store(folder, check_study=kinds.spec_problem) as store:
        stored.check_study(store, name)
        stored.remove_study(store, name)


def open_to_read(runs_dir: RunsDir) -> Store:
    """The store in a runs folder, to be read.

    Raises:
        StoreError: if there is none.
    """
    folder = runs_folder(runs_dir)
    return Store(folder, writable=False, check_study=kinds.spec_problem)
