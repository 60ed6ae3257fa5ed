"""Ablations: studies that vary one field of a configuration and keep all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self, cast

from kmlp._util.text import count_of, protocol_text
from kmlp.engine import Executor, Observer
from kmlp.errors import call_all, raise_problems
from kmlp.model.config import RunConfig
from kmlp.model.identity import identity_fields, varied_fields
from kmlp.model.params import param_field
from kmlp.model.text import value_text
from kmlp.statistics import looks
from kmlp.store import Store, StudyRecord
from kmlp.studies._keywords import config_of
from kmlp.studies._planned import Planned
from kmlp.studies.ablation_plan import SEEDS, Seeds, check_baseline, check_margin, plan
from kmlp.studies.auto_seeds import AutoSeeds, read_seeds
from kmlp.studies.axis import axis_of
from kmlp.studies.execution import Execution, ExecutorName, RunsDir
from kmlp.studies.judging import check_at, stored_at
from kmlp.studies.learning import facts_from_lists, facts_of, facts_to_lists
from kmlp.studies.level_conclusion import LevelConclusion, conclude
from kmlp.studies.level_result import LevelResult
from kmlp.studies.results import MARGIN, StudyResult
from kmlp.studies.rows import StudyRun, StudyRuns
from kmlp.studies.runner import StudySpec, train_all
from kmlp.studies.study import Study
from kmlp.training.run import At, Run


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class Ablation(StudyResult, Study):
    """The results of an ablation: the levels of one parameter, each with its runs."""

    kind = "ablation"

    base: RunConfig
    """The configuration of every run; its parameter and seed are not used."""
    backend: str
    """The name of the Keras backend."""
    fused: bool
    """True if an epoch was one compiled program (see `kmlp.fit`)."""
    convergence: bool = False
    """True if `tables` include the convergence: the speed at which each level learned."""
    target_accuracy: float | None = None
    """A validation accuracy, from 0 to 1. `tables` and `to_dict` include the time that each
    level took to reach this target. None: no target."""

    @property
    def headline(self) -> str:
        """The dataset, epochs, seeds and backend, in one line."""
        return (
            f"{self.base.dataset}, {self.epochs_text}, "
            f"{count_of(len(self.seeds), 'seed')}, {self.backend}"
            f"{protocol_text(on_test=self.validates_on_test)}"
        )

    @property
    def derived(self) -> tuple[dict[str, Any], ...]:
        """The defaults that follow the parameter and differ, as values by field.

        There is one dictionary for each level: with the optimizer, the learning rate
        differs. They are empty for most parameters.
        """
        configs = [level.runs[0].config for level in self.levels]
        names = [name for name in varied_fields(configs) if name != self.param]
        return tuple({name: getattr(config, name) for name in names} for config in configs)

    @property
    def conclusion(self) -> LevelConclusion:
        """The levels that are better, worse or undecided, with advice and caveats."""
        return conclude(self)

    def compared_with(self, baseline: Any) -> Ablation:
        """Return the same ablation with a baseline in place of the best level.

        Its conclusion says so if the baseline is not the one that `ablate` was called with:
        a baseline that is chosen after the results shows differences too easily.

        Args:
            baseline: The value of a level.

        Raises:
            ConfigError: if no level has this value.
        """
        values = [level.value for level in self.levels]
        level = self.levels[check_baseline(self.param, values, baseline)]
        return replace(self, baseline=level)

    def viewed(
        self,
        *,
        baseline: Any = None,
        margin: float | None = None,
        at: At | None = None,
        convergence: bool = False,
        target_accuracy: float | None = None,
    ) -> Ablation:
        """Return the study as it is to be shown; see `Study.viewed`."""
        study = self if at is None else self.judged_at(check_at(at))
        if margin is not None:
            study = replace(study, margin=check_margin(margin))
        if baseline is not None:
            study = study.compared_with(_value_of(self.param, baseline))
        return replace(study, convergence=convergence, target_accuracy=target_accuracy)

    def _longest_runs(self) -> list[Run]:
        """Return every run once, with the most epochs that a level has of it."""
        longest: dict[RunConfig, Run] = {}
        for run in sorted(self.runs, key=lambda run: run.epochs):
            longest[run.config] = run
        return [
            longest[config] for config in dict.fromkeys(run.config for run in self.runs)
        ]

    def judged_at(self, at: At) -> Self:
        """Return the study with each run judged at its best or at its last epoch.

        Raises:
            ConfigError: if the values themselves state the epoch at which they are judged.
        """
        _check_at(self.param, at)
        return StudyResult.judged_at(self, at)

    def study_runs(self) -> StudyRuns:
        """Return the runs as a flat table."""
        return StudyRuns(
            study=self.name,
            kind=self.kind,
            varied=(self.param,) if axis_of(self.param).of_config else (),
            runs=tuple(StudyRun(run=run) for run in self._longest_runs()),
        )


def ablate(
    param: str,
    values: Sequence[Any],
    *,
    base: RunConfig | None = None,
    seeds: Seeds = SEEDS,
    epochs: int | None = None,
    patience: int | None = None,
    baseline: Any = None,
    margin: float | None = None,
    at: At | None = None,
    fused: bool = True,
    observer: Observer | None = None,
    executor: ExecutorName | Executor = "local",
    jobs: int | None = None,
    runs_dir: RunsDir = None,
    fresh: bool = False,
    name: str | None = None,
    **fields: Any,
) -> Ablation:
    """Train a model for every value of one hyperparameter and every seed.

    Args:
        param: The field of `RunConfig` to vary, any but `seed`; or "epochs" or "patience",
            whose values are read from the same runs. Those of "epochs" are judged after
            that epoch; those of "patience" by the test accuracy at the epoch that early
            stopping would have kept.
        values: The values of the field, at least one, each given once. A value of `width`
            can be a sequence with a number for each hidden layer: `[32, (300, 100)]`.
        base: The other fields, as a configuration in place of `fields`. Defaults to None.
        seeds: The seeds of the replicates, the same for every value; a number
            `n` stands for `base.seed`, ..., `base.seed + n - 1`. "auto" trains as many as
            the question needs, with looks at the results that the p-values are corrected
            for; "auto:N" at most `N`, 20 for "auto". Defaults to 5.
        epochs: The number of epochs of every run, `epochs >= 1`. Defaults to None: 10, or
            the largest value if `epochs` varies.
        patience: The number of epochs without a better validation accuracy after which a
            run stops early, `1 <= patience < epochs`; `epochs` is then the most epochs.
            Studies with different patiences are different studies, which share their runs.
            Defaults to None: no early stopping.
        baseline: The value that the others are compared with, or its text. It is kept with
            the study, like `margin` and `at`: one that is chosen after the results is shown
            as such. Defaults to None: the one that the study was shown with, else the best
            value.
        margin: The difference of two accuracies, from 0 to 1, up to which two values count
            as the same. Defaults to None: the one that the study was shown with, else
            0.002, which is 0.2 points.
        at: The epoch at which each run is judged: "best", the one with the highest
            validation accuracy, which early stopping would keep; or "last". Defaults to
            None: the one that the study was shown with, else "best".
        fused: See `kmlp.Execution`.
        observer: See `kmlp.Execution`.
        executor: See `kmlp.Execution`.
        jobs: See `kmlp.Execution`.
        runs_dir: See `kmlp.Execution`.
        fresh: See `kmlp.Execution`.
        name: The name of the study. Defaults to None: derived from the other arguments.
        **fields: The other fields of `RunConfig` that differ from their defaults.

    Returns:
        The ablation: every run, and the comparison of the values.

    Raises:
        ConfigError: with every problem of the arguments, before any training.
        BackendError: if there is no backend.
        StoreError: if the runs folder cannot be used.

    Example:
    >>> from kmlp import ablate
    >>> study = ablate("depth", [0, 1], train_size=2000, seeds=2, epochs=2, jobs=1)
    >>> [value.parameters for value in study.levels]
    [7850, 101770]
    """
    raise_problems(
        f"`{field}` is the parameter that varies, so a single value has no effect. Leave "
        f"`{field}` out."
        for field in fields
        if field == param
    )
    spec = ablation_spec(
        param,
        values,
        base=config_of(base, fields, ablate),
        seeds=seeds,
        epochs=epochs,
        patience=patience,
        baseline=baseline,
        margin=margin,
        at=at,
        fused=fused,
        name=name,
    )
    execution = Execution(
        fused=fused,
        observer=observer,
        executor=executor,
        jobs=jobs,
        runs_dir=runs_dir,
        fresh=fresh,
    )
    [trained] = train_all([spec], execution)
    # A study that was shown before keeps the choices with which it was shown.
    return cast(Ablation, trained).viewed(baseline=baseline, margin=margin, at=at)


def ablation_spec(
    param: str,
    values: Sequence[Any],
    *,
    base: RunConfig,
    seeds: Seeds = SEEDS,
    epochs: int | None = None,
    patience: int | None = None,
    baseline: Any = None,
    margin: float | None = None,
    at: At | None = None,
    fused: bool = True,
    name: str | None = None,
) -> StudySpec[Ablation]:
    """Return the specification of an ablation, for `train_all`.

    Takes the arguments of `ablate`, and raises the same errors.
    """
    planner = partial(
        plan,
        param,
        values,
        base=base,
        seeds=seeds,
        epochs=epochs,
        patience=patience,
        fused=fused,
    )
    margin = MARGIN if margin is None else margin
    levels, margin, at = call_all(
        [planner, partial(check_margin, margin), partial(_check_at, param, at, patience)]
    )
    rows = [level.configs for level in levels]
    auto = read_seeds(seeds)
    chooses = isinstance(auto, AutoSeeds)
    first = rows
    if isinstance(auto, AutoSeeds):
        first = [row[: looks(auto.most)[0]] for row in rows]
    values = [level.value for level in levels]
    epochs_by_level = [level.epochs for level in levels]
    planned = None
    if baseline is not None:
        place = check_baseline(param, values, _value_of(param, baseline))
        planned = value_text(param, values[place])
    return StudySpec(
        kind="ablation",
        prefix=param,
        # The choice of the number of seeds is made before there are results.
        identity={"param": param, "base": _without(base, param)}
        | ({"seeds": str(auto)} if chooses else {}),
        extent={"values": values, "seeds": [config.seed for config in first[0]]},
        progress={
            **facts_to_lists(facts_of(row[0]) for row in rows),
            "baseline": planned,
            "margin": margin,
            "at": at,
            "values": [value_text(param, value) for value in values],
            **({"epochs": epochs_by_level} if len(set(epochs_by_level)) > 1 else {}),
            **({} if chooses else {"seeds": [config.seed for config in first[0]]}),
        },
        planned=("baseline", "margin", "at", "values", "seeds"),
        runs_by_level=first,
        all_runs=rows if chooses else (),
        epochs=epochs_by_level,
        patience=patience,
        name=name,
        build_result=_ablation_of,
    )


def load_ablation(store: Store, study: StudyRecord) -> Ablation:
    """Load an ablation with the runs that are finished.

    Values without a finished run are left out.

    Args:
        store: The open store.
        study: The record of the ablation.

    Raises:
        StoreError: if no run is finished.
    """
    runs_by_level = study.finished_runs(store)
    ablation = _ablation_of(study, runs_by_level, study.epochs_by_level)
    return replace(ablation, missing=study.missing(runs_by_level))


def _ablation_of(
    record: StudyRecord, runs_by_level: list[list[Run]], epochs: Sequence[int]
) -> Ablation:
    """Build an ablation from its record and its runs; values without a run are left out."""
    param, progress = record.identity["param"], record.progress
    axis = axis_of(param)
    study = Ablation(
        name=record.name,
        param=param,
        base=RunConfig.restored(record.identity["base"]),
        epochs=max(epochs),
        patience=record.patience,
        seeds=tuple(record.extent["seeds"]),
        backend=record.identity["backend"],
        fused=record.identity["fused"],
        levels=tuple(
            LevelResult(
                value=axis.value(runs[0].config, value),
                parameters=runs[0].parameters,
                runs=tuple(axis.read(run, value) for run in runs),
                **facts.to_dict(),
            )
            for value, runs, facts in zip(
                record.extent["values"],
                runs_by_level,
                facts_from_lists(progress),
                strict=True,
            )
            if runs
        ),
        planned=Planned.restored(progress),
        asked_values=tuple(value_text(param, value) for value in record.extent["values"]),
        margin=progress.get("margin", MARGIN),
        looks=tuple(progress.get("looks", ())),
        most_seeds=_most_seeds(record),
    )
    study = study.judged_at(stored_at(progress))
    # An interruption can come before the baseline is trained.
    planned = [it for it in study.levels if study.text(it) == study.planned.baseline]
    return replace(study, baseline=planned[0]) if planned else study


def _check_at(param: str, at: Any, patience: int | None = None) -> At:
    """Return the epoch at which the values of a parameter are judged.

    Raises:
        ConfigError: if it is neither "best" nor "last", if the values state another, or if
            it is "last" after early stopping.
    """
    own = axis_of(param).at
    chosen = check_at(at or own or "best", None if own else patience)
    raise_problems(
        f"`at` is {chosen}, but the values of `{param}` state the epoch at which they are "
        "judged. Leave `at` out."
        for _ in [own]
        if own not in (None, chosen)
    )
    return chosen


def _value_of(param: str, value: Any) -> Any:
    """Return a value of a parameter that may be given as its text."""
    return param_field(param).parse(value) if isinstance(value, str) else value


def _most_seeds(record: StudyRecord) -> int | None:
    auto = read_seeds(record.identity.get("seeds", SEEDS))
    return auto.most if isinstance(auto, AutoSeeds) else None


def _without(base: RunConfig, param: str) -> dict[str, Any]:
    """Return the fields that an ablation keeps: all but the parameter and the seed."""
    return identity_fields(base.fixed_fields((param, "seed")))
