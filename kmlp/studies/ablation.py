"""Ablations: studies that vary one field of a configuration and keep all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from kmlp._util.text import count_of, protocol_text
from kmlp.engine import Executor, Observer
from kmlp.errors import raise_problems
from kmlp.model.config import RunConfig, identity_fields, param_field
from kmlp.store import Store, StudyRecord
from kmlp.studies._keywords import config_of
from kmlp.studies.ablation_plan import check_baseline, plan
from kmlp.studies.execution import Execution, ExecutorName, RunsDir
from kmlp.studies.level_conclusion import LevelConclusion, conclude
from kmlp.studies.results import LevelResult, StudyResult, chance_limit_of
from kmlp.studies.rows import StudyRun, StudyRuns
from kmlp.studies.runner import StudySpec, train_all
from kmlp.studies.study import Study
from kmlp.training.run import Run


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
            f"{self.base.dataset}, {count_of(self.epochs, 'epoch')}, "
            f"{count_of(len(self.seeds), 'seed')}, {self.backend}"
            f"{protocol_text(on_test=self.validates_on_test)}"
        )

    @property
    def conclusion(self) -> LevelConclusion:
        """The levels that are better, worse or undecided, with advice and caveats."""
        return conclude(self)

    def compared_with(self, baseline: Any) -> Ablation:
        """Return the same ablation with a baseline in place of the best level.

        Args:
            baseline: The value of a level.

        Raises:
            ConfigError: if no level has this value.
        """
        values = [level.value for level in self.levels]
        place = check_baseline(self.param, values, baseline)
        return replace(self, baseline=self.levels[place])

    def viewed(
        self,
        *,
        baseline: Any = None,
        convergence: bool = False,
        target_accuracy: float | None = None,
    ) -> Ablation:
        """Return the study as it is to be shown; see `Study.viewed`."""
        study = self
        if baseline is not None:
            text = isinstance(baseline, str)
            level = param_field(self.param).parse(baseline) if text else baseline
            study = self.compared_with(level)
        return replace(study, convergence=convergence, target_accuracy=target_accuracy)

    def study_runs(self) -> StudyRuns:
        """Return the runs as a flat table."""
        return StudyRuns(
            study=self.name,
            kind=self.kind,
            varied=(self.param,),
            runs=tuple(StudyRun(run=run) for run in self.runs),
        )


def ablate(
    param: str,
    values: Sequence[Any],
    *,
    base: RunConfig | None = None,
    seeds: int | Sequence[int] = 3,
    epochs: int = 10,
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
        param: The field of `RunConfig` to vary, any but `seed`.
        values: The values of the field, at least one, each given once. A value of `width`
            can be a sequence with a number for each hidden layer: `[32, (300, 100)]`.
        base: The other fields, as a configuration in place of `fields`. Defaults to None.
        seeds: The seeds of the replicates, the same for every value; a number
            `n` stands for `base.seed`, ..., `base.seed + n - 1`. Defaults to 3.
        epochs: The number of epochs of every run, `epochs >= 1`. Defaults to 10.
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
    [study] = train_all([spec], execution)
    return cast(Ablation, study)


def ablation_spec(
    param: str,
    values: Sequence[Any],
    *,
    base: RunConfig,
    seeds: int | Sequence[int] = 3,
    epochs: int = 10,
    fused: bool = True,
    name: str | None = None,
) -> StudySpec[Ablation]:
    """Return the specification of an ablation, for `train_all`.

    Takes the arguments of `ablate`, and raises the same errors.
    """
    rows = plan(param, values, base=base, seeds=seeds, epochs=epochs, fused=fused)
    seeds = tuple(config.seed for config in rows[0])
    limits = [chance_limit_of(row[0]) for row in rows]

    def build_result(name: str, runs: list[list[Run]], epochs: Sequence[int]) -> Ablation:
        return Ablation(
            name=name,
            param=param,
            base=base,
            epochs=max(epochs),
            seeds=seeds,
            backend=next(run.backend for row in runs for run in row),
            fused=fused,
            levels=tuple(
                _level_result(param, row, limit)
                for row, limit in zip(runs, limits, strict=True)
                if row
            ),
        )

    return StudySpec(
        kind="ablation",
        prefix=param,
        identity={"param": param, "base": _without(base, param)},
        extent={"values": [getattr(row[0], param) for row in rows], "seeds": seeds},
        progress={"chance_limits": limits},  # to show the study without its dataset
        runs_by_level=rows,
        epochs=[epochs] * len(rows),
        name=name,
        build_result=build_result,
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
    param, limits = study.identity["param"], study.progress["chance_limits"]
    runs_by_level = study.finished_runs(store)
    return Ablation(
        name=study.name,
        param=param,
        base=RunConfig.restored(study.identity["base"]),
        epochs=study.epochs,
        seeds=tuple(study.extent["seeds"]),
        backend=study.identity["backend"],
        fused=study.identity["fused"],
        levels=tuple(
            _level_result(param, runs, limit)
            for runs, limit in zip(runs_by_level, limits, strict=True)
            if runs
        ),
        missing=study.missing(runs_by_level),
    )


def _without(base: RunConfig, param: str) -> dict[str, Any]:
    """Return the fields that an ablation keeps: all but the parameter and the seed."""
    values = identity_fields(base.to_dict())
    return {k: v for k, v in values.items() if k not in (param, "seed")}


def _level_result(param: str, runs: list[Run], limit: float) -> LevelResult:
    return LevelResult(
        value=getattr(runs[0].config, param),
        parameters=runs[0].parameters,
        runs=tuple(runs),
        chance_limit=limit,
    )
