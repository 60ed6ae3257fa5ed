"""Load, list and delete the studies and runs of a runs folder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kmlp.store import RunSummary, Store, StudySummary, runs_folder
from kmlp.store import listing as stored_runs
from kmlp.store import studies as stored
from kmlp.store.environments import environments_of
from kmlp.store.study_removal import remove_study
from kmlp.studies import kinds
from kmlp.studies.execution import RunsDir
from kmlp.studies.study import Study


def load_study(name: str, runs_dir: RunsDir = None) -> Study:
    """Load a study with the runs that are finished so far.

    Args:
        name: The study's name; `list_studies` returns the names.
        runs_dir: The folder that keeps the runs. Defaults to None: KMLP_RUNS_DIR, else
            `kmlp_runs`.

    Returns:
        An `Ablation`, a `kmlp_tuning.Search`, or a study of another kind.

    Raises:
        StoreError: if there is no such study, or if the study has no run yet.

    Example:
    >>> from tempfile import mkdtemp
    >>> from kmlp import load_study, train
    >>> folder = mkdtemp()
    >>> run = train(train_size=1000, epochs=1, name="one", runs_dir=folder)
    >>> load_study("one", folder).runs[0].epochs
    1
    """
    with open_to_read(runs_dir) as store:
        return load_from(store, name)


def load_from(store: Store, name: str) -> Study:
    """Load a study from an open store. Raises the same errors as `load_study`."""
    record = stored.get_study(store, name)
    study = kinds.kind_named(record.kind).load(store, record)
    if study.missing:
        store.note_damaged_orphans()
    environments = tuple(environments_of(store, record.name))
    loaded: Study = replace(study, environments=environments, asked=record.asked)
    return loaded


def list_studies(runs_dir: RunsDir = None) -> list[StudySummary]:
    """List the studies of a runs folder, the last used first.

    Args:
        runs_dir: As `load_study` takes it.

    Returns:
        A summary of each study: its name and kind, the numbers of runs, and the best
        accuracy. Damaged studies are left out.

    Raises:
        StoreError: if there is no such folder.

    Example:
    >>> from tempfile import mkdtemp
    >>> from kmlp import list_studies, train
    >>> folder = mkdtemp()
    >>> run = train(train_size=1000, epochs=1, name="one", runs_dir=folder)
    >>> list_studies(folder)
    [StudySummary(name='one', kind='run', runs=1, finished=1, failed=0,
     best_val_accuracy=...)]
    """
    with open_to_read(runs_dir) as store:
        return stored.list_studies(store)


def list_runs(
    runs_dir: RunsDir = None, *, study: str | None = None, **where: Any
) -> list[RunSummary]:
    """List the runs of a runs folder, the last trained first.

    Args:
        runs_dir: As `load_study` takes it.
        study: The name of a study. Defaults to None: the runs of all
            studies.
        **where: Values that the runs must have: fields of `RunConfig`, `backend`,
            `status`.

    Returns:
        A summary of each run. Damaged runs are left out.

    Raises:
        ConfigError: if there is no such field, or if the field cannot have the value.
        StoreError: if there is no such folder or study.

    Example:
    >>> from tempfile import mkdtemp
    >>> from kmlp import list_runs, train
    >>> folder = mkdtemp()
    >>> run = train(train_size=1000, width=7, epochs=1, runs_dir=folder)
    >>> [line.epochs for line in list_runs(folder, width=7)], list_runs(folder, width=8)
    ([1], [])
    """
    filters = stored_runs.check_filters(where)
    with open_to_read(runs_dir) as store:
        return stored_runs.list_runs(store, filters, study=study)


def delete_study(name: str, runs_dir: RunsDir = None) -> None:
    """Delete a study and the runs that no other study uses.

    Args:
        name: The study's name.
        runs_dir: As `load_study` takes it.

    Raises:
        StoreError: if there is no such study, or if one of its runs is being trained.

    Example:
    >>> from tempfile import mkdtemp
    >>> from kmlp import delete_study, list_studies, train
    >>> folder = mkdtemp()
    >>> run = train(train_size=1000, epochs=1, name="one", runs_dir=folder)
    >>> delete_study("one", folder)
    >>> list_studies(folder)
    []
    """
    folder = runs_folder(runs_dir)
    with Store(folder, check_study=kinds.spec_problem) as store:
        stored.check_study(store, name)
        remove_study(store, name)


def open_to_read(runs_dir: RunsDir) -> Store:
    """Open the store in a runs folder for reading.

    Raises:
        StoreError: if the folder has no store.
    """
    folder = runs_folder(runs_dir)
    return Store(folder, writable=False, check_study=kinds.spec_problem)
