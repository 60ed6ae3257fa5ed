"""A study out of the runs folder, of whatever kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kmlp_cli.terminal.output import say

if TYPE_CHECKING:
    from kmlp.store import Store, StudyRecord
    from kmlp.studies.rows import StudyRuns


@dataclass(frozen=True, slots=True)
class Loaded:
    """A study as far as it has come."""

    record: StudyRecord
    answer: Any
    """A `Run`, an `Ablation`, `ConfigList` or a `Search`."""
    missing: int
    """How many of its runs are not finished."""
    environments: list[dict[str, Any]] = field(default_factory=list)
    """Where it was trained: see `kmlp.training.environment`."""

    @property
    def runs(self) -> StudyRuns:
        """Its runs, for tables and logs."""
        if self.record.kind == "run":
            from kmlp.studies.rows import one_run

            return one_run(self.record.name, self.answer)
        found: StudyRuns = self.answer.study_runs()
        return found

    def say_limits(self) -> None:
        """Says how many runs are not finished, if any, and whether it mixes machines on
        which results differ.
        """
        from kmlp.training.environment import mixed_text

        if self.missing:
            wanted = sum(map(len, self.record.runs_by_level))
            say(f"{self.missing} of {wanted} runs are not finished.")
        if (mixed := mixed_text(self.environments)) is not None:
            say(mixed)


@contextmanager
def opened(runs_dir: str | None, *, writable: bool = False) -> Iterator[Store]:
    """The store in the runs folder; at the end it is said what of it is damaged.

    Raises:
        StoreError: if there is none.
    """
    from kmlp.store import Store, runs_folder

    with Store(runs_folder(runs_dir), writable=writable) as store:
        try:
            yield store
        finally:
            for error in store.damaged.values():
                say(f"Left out: {error}")


def load_study(store: Store, name: str) -> Loaded:
    """The study of that name.

    Raises:
        StoreError: if there is none, or if it has no run yet.
    """
    from kmlp.store.environments import environments_of
    from kmlp.store.studies import get_study

    record = get_study(store, name)
    load = {
        "run": _load_run,
        "ablation": _load_ablation,
        "configs": _load_trials,
        "search": _load_search,
    }
    found = load[record.kind](store, record)
    if found.missing:
        store.name_strays()
    return replace(found, environments=environments_of(store, name))


def _load_run(store: Store, record: StudyRecord) -> Loaded:
    run = record.only_run(store)
    missing = int(run.status == "finished" and run.epochs < record.epochs)
    return Loaded(record, run, missing)


def _load_ablation(store: Store, record: StudyRecord) -> Loaded:
    from kmlp.studies.ablation import load_ablation

    ablation = load_ablation(store, record)
    missing = sum(map(len, record.runs_by_level)) - len(ablation.runs)
    return Loaded(record, ablation, missing)


def _load_trials(store: Store, record: StudyRecord) -> Loaded:
    from kmlp.studies.config_list import load_config_list

    trials = load_config_list(store, record)
    missing = sum(map(len, record.runs_by_level)) - len(trials.runs)
    return Loaded(record, trials, missing)


def _load_search(store: Store, record: StudyRecord) -> Loaded:
    from kmlp_tuning.search.records import load_search, unfinished

    search = load_search(store, record)
    return Loaded(record, search, unfinished(search, record))


def against(study: Loaded, baseline: str | None) -> Loaded:
    """A study whose values are compared with one of them; None: with the best.

    Raises:
        ConfigError: if it has no such value.
    """
    if baseline is None:
        return study
    from kmlp.errors import ConfigError
    from kmlp.model.config import param_field

    if study.record.kind != "ablation":
        raise ConfigError(
            [
                f'--baseline is for ablations, but "{study.record.name}" is of the kind '
                f"{study.record.kind}."
            ]
        )
    value = param_field(study.answer.param).parse(baseline)
    return replace(study, answer=study.answer.compared_with(value))
