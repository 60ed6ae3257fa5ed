"""`tune`: searches good hyperparameters, keeps every run, and confirms the best."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from kmlp import backend
from kmlp.ablation import table_value
from kmlp.checks import check_count, check_trainable
from kmlp.comparison import Comparison, ValueResult, chance_limit_of
from kmlp.config import RunConfig, dataset_of
from kmlp.engine import Event, Observer, RunFinished, RunStarted, StudyStarted, execute
from kmlp.errors import StoreError
from kmlp.run import EpochRecord, Run, RunIdentity, identify
from kmlp.runner import (
    RunsDir,
    default_jobs,
    default_name,
    make_executor,
    open_store,
    work,
)
from kmlp.store import Store, StudyRecord
from kmlp.store.studies import get_study, put_study
from kmlp_tuning.schedule import total_epochs
from kmlp_tuning.settings import SearchSettings, make_settings
from kmlp_tuning.space import SearchSpace, default_space
from kmlp_tuning.trial import (
    CONFIRMED,
    Confirmed,
    SearchAssignment,
    Status,
    Trial,
    rank,
)

if TYPE_CHECKING:
    import pandas

    from kmlp_tuning.importance import Importances
    from kmlp_tuning.planner import SearchPlanner

SECONDS_BETWEEN_NOTES = 1.0
"""How often the store is told how far a search has come, beside what every run has."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Search:
    """What came of a search."""

    name: str
    """Of the study, by which `kmlp show` finds it."""
    settings: SearchSettings
    backend: str
    trials: tuple[Trial, ...]
    """In the order in which they were chosen."""
    confirmed: Comparison | None
    """The best configurations with other seeds, the values being the numbers of their
    trials; None: none was."""
    chance: float
    """Validation accuracy of naming the most frequent class always."""
    complete: bool
    """Whether all of it is done."""

    def ranked(self) -> list[Trial]:
        """The trials with a score, the best first."""
        return rank(self.trials, self.settings.objective)

    def best(self) -> Trial | None:
        """The best trial; None if all diverged or failed.

        Of those that were confirmed, it is the one with the highest mean over the other
        seeds; a search's own scores are too high, the highest most of all: see `bias`.
        """
        if self.confirmed is not None and (value := self.confirmed.best()) is not None:
            return next(it for it in self.trials if it.number == value.value)
        return next(iter(self.ranked()), None)

    def status(self, trial: Trial) -> Status:
        """What came of a trial."""
        if trial.run is None or (
            trial.run.status == "finished" and trial.run.epochs < trial.epochs
        ):
            return "waiting"
        if trial.run.status != "finished":
            return trial.run.status
        if trial.epochs >= self.settings.max_epochs:
            return "finished"
        return "stopped" if self.complete else "waiting"

    @property
    def failed(self) -> int:
        """How many runs failed: training them ended in errors."""
        return sum(run.status == "failed" for run in self.runs)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run: those of the trials, then those with other seeds."""
        values = self.confirmed.values if self.confirmed is not None else ()
        trials = [trial.run for trial in self.trials if trial.run is not None]
        return (*trials, *(run for value in values for run in value.runs))

    def bias(self, trial: Trial) -> float | None:
        """By how much the validation accuracy of a trial that was confirmed was higher in
        the search than with other seeds, in the mean after as many epochs; None if it
        was not confirmed.
        """
        for value in self.confirmed.values if self.confirmed else ():
            accuracy = trial.score("val_accuracy")
            again = [run.until(trial.epochs).val_accuracy for run in value.finished]
            if value.value == trial.number and accuracy is not None and again:
                return accuracy - sum(again) / len(again)
        return None

    def importance(self, *, repeats: int = 20) -> Importances | None:
        """Which hyperparameter mattered: see `kmlp_tuning.importance.importances`."""
        from kmlp_tuning.importance import importances

        return importances(
            self.trials, self.settings.space, chance=self.chance, repeats=repeats
        )

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table with a row for every epoch of every trial.

        Its columns are `trial`, `bracket`, `status`, the fields that were searched,
        `epoch` and the figures of `EpochRecord` but for the step losses.

        Raises:
            ImportError: if pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("`to_frame` needs pandas: `pip install pandas`.") from error
        searched = list(self.settings.space.fields)
        names = [field.name for field in fields(EpochRecord)]
        figures = [name for name in names if name != "step_losses"]
        return pandas.DataFrame(
            [
                {
                    "trial": trial.number,
                    "bracket": trial.bracket,
                    "status": self.status(trial),
                    **{name: table_value(name, trial.config) for name in searched},
                    **{name: getattr(record, name) for name in figures},
                }
                for trial in self.trials
                for record in (trial.run.history if trial.run else ())
            ],
            columns=["trial", "bracket", "status", *searched, *figures],
        )


def tune(
    space: SearchSpace | Mapping[str, Any] | None = None,
    *,
    base: RunConfig | None = None,
    max_trials: int | None = None,
    algorithm: str = "hyperband",
    objective: str = "val_accuracy",
    max_epochs: int = 10,
    min_epochs: int | None = None,
    factor: int | None = None,
    confirm: int = 3,
    fused: bool = True,
    observer: Observer | None = None,
    jobs: int | None = None,
    runs_dir: RunsDir = None,
    fresh: bool = False,
    name: str | None = None,
) -> Search:
    """Searches for the hyperparameters with the best validation accuracy.

    Args:
        space: What may be chosen: a `SearchSpace`, or its fields. Defaults to None:
            `default_space()`.
        base: The fields that are fixed. All runs have its seed, on which depends what
            is chosen, too. Defaults to `RunConfig()`.
        max_trials: How many configurations are chosen, all of them different. Defaults
            to None: 25, and for a grid all of it.
        algorithm: "hyperband": many configurations for a few epochs, of which the best
            go on; "asha": the same without waiting, so that what is promoted depends on
            timing; "random"; "bayesian": by a Gaussian process, four at a time; "grid".
            Defaults to "hyperband".
        objective: What chooses, after the last epoch: "val_accuracy", "val_loss",
            "accuracy" or "loss". Defaults to "val_accuracy".
        max_epochs: Epochs of the best. Defaults to 10.
        min_epochs: Epochs of every configuration at least. Defaults to None: 1.
        factor: One of so many is promoted. Defaults to None: 3.
        confirm: With how many other seeds the best three are trained again, for all
            epochs: a search's best score is too good. Defaults to 3.
        fused: As `kmlp.train` takes it.
        observer: As `kmlp.train` takes it.
        jobs: As `kmlp.ablate` takes it.
        runs_dir: As `kmlp.train` takes it.
        fresh: As `kmlp.train` takes it.
        name: As `kmlp.train` takes it.

    Returns:
        Every trial, the best, and how it did with other seeds.

    Raises:
        ConfigError: with every problem of the arguments, before anything is trained.
        BackendError: if there is no backend.
        StoreError: if the runs folder cannot be used.

    Example:
    >>> from kmlp import RunConfig
    >>> from kmlp_tuning import tune
    >>> search = tune(
    ...     {"width": [16, 32], "learning_rate": "1e-2:1:log"},
    ...     base=RunConfig(train_size=1000, depth=1),
    ...     max_trials=3, max_epochs=3, confirm=0, jobs=1, runs_dir=":memory:",
    ... )
    >>> sorted(trial.epochs for trial in search.trials)
    [1, 3, 3]
    """
    if not isinstance(space, SearchSpace):
        space = default_space() if space is None else SearchSpace(space)
    settings = make_settings(
        space,
        base or RunConfig(),
        max_trials=max_trials,
        algorithm=algorithm,
        objective=objective,
        max_epochs=max_epochs,
        min_epochs=min_epochs,
        factor=factor,
        confirm=confirm,
        fused=fused,
    )
    about = {"backend": backend.select(), "fused": fused, **settings.about()}
    if jobs is not None:
        check_count("jobs", jobs)
    corners = settings.space.corners(settings.base)
    check_trainable(corners, epochs=settings.max_epochs, fused=fused)
    name = name or default_name("search", about)
    tell = observer or (lambda event: None)
    with open_store(runs_dir) as store:
        found = None if fresh else _answer(store, name, about, settings)
        if found is None:
            found = _train(store, name, about, settings, tell, jobs, fresh)
        else:
            _tell_stored(found, tell)
        return _read(found) if store.temporary else found


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
        confirm=question["confirm"],
        fused=about["fused"],
    )
    rows = list(zip(study.rows, log["epochs"], strict=True))
    trials = []
    for number, (([key], epochs), (bracket, rung)) in enumerate(
        zip(rows, log["places"], strict=False), start=1
    ):
        run = store.run_of_key(key)
        if run is not None:
            run = run.until(epochs)
            trials.append(Trial(number, run.config, bracket, rung, epochs, run))
    if not trials:
        raise StoreError(
            f'No run of "{study.name}" has an epoch yet. The command that began it goes on '
            "where it ended."
        )
    confirmed = []
    for number, (keys, epochs) in zip(
        log["confirmed"], rows[len(log["places"]) :], strict=True
    ):
        runs = [run.until(epochs) for key in keys if (run := store.run_of_key(key))]
        done = [run for run in runs if run.epochs >= epochs or run.status != "finished"]
        confirmed.append(Confirmed(number, (), tuple(done)))
    return Search(
        name=study.name,
        settings=settings,
        backend=about["backend"],
        trials=tuple(trials),
        confirmed=_comparison(settings, confirmed, log["chance_limit"]),
        chance=log["chance"],
        complete=log["complete"],
    )


def unfinished(search: Search, study: StudyRecord) -> int:
    """How many of a search's runs are not as far as they were to go."""
    done = sum(search.status(it) != "waiting" for it in search.trials)
    again = sum(len(it.runs) for it in search.confirmed.values) if search.confirmed else 0
    return sum(map(len, study.rows)) - done - again


def _train(
    store: Store,
    name: str,
    about: dict[str, Any],
    settings: SearchSettings,
    tell: Observer,
    jobs: int | None,
    fresh: bool,
) -> Search:
    """The search, of which the store remembers all runs."""
    backend.load()
    from kmlp_tuning.aliases import check_different
    from kmlp_tuning.planner import SearchPlanner

    check_different(settings)
    identity = cache(partial(identify, fused=settings.fused))
    planner = SearchPlanner(
        settings,
        work=lambda config: work(identity(config)),
        check=partial(check_trainable, epochs=settings.max_epochs, fused=settings.fused),
    )

    noted = (0, 0.0)

    def note(*, complete: bool = False) -> None:
        nonlocal noted
        record = _record(name, about, settings, planner, identity, complete=complete)
        put_study(store, record)
        noted = len(record.rows), time.monotonic()

    def watch(event: Event) -> None:
        if isinstance(event, RunStarted):
            rows, when = noted
            # A run is its study's before it is trained; where it stands can wait.
            known = rows == len(planner.trials) + len(planner.confirmed)
            if not known or time.monotonic() - when > SECONDS_BETWEEN_NOTES:
                note()
        tell(event)

    note()
    plan = settings.plan()
    runs = sum(rung.configurations for bracket in plan for rung in bracket.rungs)
    again = min(3, settings.max_trials) * settings.confirm
    tell(StudyStarted(name, runs + again, total_epochs(plan) + again * settings.max_epochs))
    jobs = default_jobs(settings.max_trials) if jobs is None else jobs
    with make_executor(jobs, fused=settings.fused) as executor:
        execute(
            planner,
            store=store,
            executor=executor,
            identify=identity,
            observer=watch,
            fresh=fresh,
        )
    note(complete=True)
    return Search(
        name=name,
        settings=settings,
        backend=about["backend"],
        trials=planner.trials,
        confirmed=_comparison(settings, planner.confirmed, chance_limit_of(settings.base)),
        chance=dataset_of(settings.base).chance,
        complete=True,
    )


def _record(
    name: str,
    about: dict[str, Any],
    settings: SearchSettings,
    planner: SearchPlanner,
    identity: Callable[[RunConfig], RunIdentity],
    *,
    complete: bool,
) -> StudyRecord:
    """The search as the store keeps it, as far as it has come."""
    trials, confirmed = planner.trials, planner.confirmed
    rows = [(trial.config,) for trial in trials] + [it.configs for it in confirmed]
    return StudyRecord(
        name=name,
        kind="search",
        about=about,
        question={
            "max_trials": settings.max_trials,
            "confirm": settings.confirm,
            "log": {
                "complete": complete,
                "epochs": [it.epochs for it in trials]
                + [settings.max_epochs] * len(confirmed),
                "places": [(it.bracket, it.rung) for it in trials],
                "confirmed": [it.number for it in confirmed],
                "chance": dataset_of(settings.base).chance,
                "chance_limit": chance_limit_of(settings.base),
            },
        },
        epochs=settings.max_epochs,
        rows=tuple(tuple(identity(config).key for config in row) for row in rows),
    )


def _answer(
    store: Store, name: str, about: dict[str, Any], settings: SearchSettings
) -> Search | None:
    """The search of the store, if it has all of it: Keras Tuner need not be loaded."""
    try:
        study = get_study(store, name)
        if (study.kind, study.about) != ("search", _as_stored(about)):
            return None
        question = study.question
        asked = (settings.max_trials, settings.confirm)
        if not question["log"]["complete"] or asked != (
            question["max_trials"],
            question["confirm"],
        ):
            return None
        found = load_search(store, study)
    except StoreError:
        return None
    runs = found.runs
    same = [identify(run.config, fused=settings.fused).key for run in runs]
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


def _tell_stored(search: Search, tell: Observer) -> None:
    trials = [
        SearchAssignment(
            it.config, it.epochs, str(it.number), it.number, it.bracket, it.rung
        )
        for it in search.trials
    ]
    again = [
        SearchAssignment(run.config, run.epochs, CONFIRMED, value.value, 0, 0)
        for value in (search.confirmed.values if search.confirmed else ())
        for run in value.runs
    ]
    assignments = [*trials, *again]
    epochs = sum(assignment.epochs for assignment in assignments)
    tell(StudyStarted(search.name, len(assignments), epochs))
    for assignment, run in zip(assignments, search.runs, strict=True):
        tell(RunStarted(assignment))
        tell(RunFinished(assignment, run, 0))


def _comparison(
    settings: SearchSettings, confirmed: Sequence[Confirmed], chance_limit: float
) -> Comparison | None:
    values = tuple(
        ValueResult(
            value=it.number,
            parameters=it.runs[0].parameters,
            runs=it.runs,
            chance_limit=chance_limit,
        )
        for it in confirmed
        if it.runs
    )
    if not values:
        return None
    first = settings.base.seed + 1
    return Comparison(
        axis="trial",
        epochs=settings.max_epochs,
        seeds=tuple(range(first, first + settings.confirm)),
        values=values,
    )


def _read(search: Search) -> Search:
    """The search with its models in memory, for when the store is gone."""
    trials = tuple(
        replace(trial, run=trial.run.read() if trial.run else None)
        for trial in search.trials
    )
    confirmed = search.confirmed
    if confirmed is not None:
        values = tuple(
            replace(value, runs=tuple(run.read() for run in value.runs))
            for value in confirmed.values
        )
        confirmed = replace(confirmed, values=values)
    return replace(search, trials=trials, confirmed=confirmed)
