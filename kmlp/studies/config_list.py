"""Lists of configurations that a person chose, each with its own epochs and seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kmlp._util.text import count_of, protocol_text
from kmlp.errors import ConfigError, call_all, raise_problems, with_context
from kmlp.model.config import RunConfig
from kmlp.model.identity import identity_fields, varied_fields
from kmlp.model.metrics import Metric
from kmlp.model.text import short_text
from kmlp.store import Store, StudyRecord
from kmlp.studies.judging import (
    check_at,
    check_same_losses,
    epochs_text,
    moment_text,
    stored_at,
)
from kmlp.studies.learning import (
    DataFacts,
    facts_from_lists,
    facts_of,
    facts_to_lists,
)
from kmlp.studies.level_conclusion import LevelConclusion, conclude
from kmlp.studies.level_result import LevelResult
from kmlp.studies.measure import metric_of
from kmlp.studies.replicates import on_folds
from kmlp.studies.results import StudyResult
from kmlp.studies.rows import StudyRun, StudyRuns
from kmlp.studies.runner import StudySpec
from kmlp.studies.study import Study
from kmlp.training.checks import check_count, check_patience, check_trainable
from kmlp.training.run import At, Run


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class ConfigList(StudyResult, Study):
    """The results of a list of configurations.

    Each level is a configuration. Its value is the number of the configuration, from 1.
    """

    kind = "configs"

    base: RunConfig
    """The fields that all configurations share: all but `varied` and the seed."""
    varied: tuple[str, ...]
    """The fields that differ, without the seed, in the order of `RunConfig`."""
    epochs_by_level: tuple[int, ...]
    """The target epochs of each level; `epochs` is the highest of the whole list."""
    backend: str
    """The name of the Keras backend."""
    fused: bool
    """True if an epoch was one compiled program (see `kmlp.fit`)."""

    @property
    def epochs_text(self) -> str:
        """The target epochs as text, such as `1 to 10 epochs`."""
        least, most = min(self.epochs_by_level), max(self.epochs_by_level)
        if least == most:
            return epochs_text(most, self.patience)
        patience = "" if self.patience is None else f" (patience {self.patience})"
        return f"{least} to {most} epochs{patience}"

    @property
    def headline(self) -> str:
        """The dataset, number of configurations, epochs and backend, in one line."""
        epochs = epochs_text(self.epochs, self.patience)
        if self.patience is None and min(self.epochs_by_level) < self.epochs:
            epochs = f"up to {epochs}"
        return (
            f"{self.base.dataset}, {count_of(len(self.levels), 'configuration')}, "
            f"{epochs}, {self.backend}"
            f"{protocol_text(self.noun, on_test=self.validates_on_test)}"
        )

    @property
    def conclusion(self) -> LevelConclusion:
        """The configurations that are better, worse or undecided, with caveats."""
        return conclude(self)

    @property
    def answer(self) -> tuple[str, ...]:
        """The best configuration and the conclusion, as sentences."""
        return (self.best_text(), self.conclusion.text)

    def changes(self, level: LevelResult) -> dict[str, str]:
        """Return the fields that distinguish a configuration, as texts by name."""
        config = level.runs[0].config
        return {name: short_text(name, getattr(config, name)) for name in self.varied}

    def changes_text(self, level: LevelResult) -> str:
        """Return the fields that distinguish a configuration, as one line of text.

        The line can break between fields only. It is empty if no field varies.
        """
        return ", ".join(
            f"{name}\u00a0{text}" for name, text in self.changes(level).items()
        )

    def best_text(self) -> str:
        """Return a sentence about the best configuration and its results."""
        best = self.best()
        if best is None or best.val_value is None or best.test_value is None:
            return "Every configuration diverged or failed."
        words, metric = self.changes_text(best), self.metric
        values = f"{metric.named('val')} {metric.text(best.val_value.mean)}"
        if not self.validates_on_test:
            values += f", {metric.named('test')} {metric.text(best.test_value.mean)}"
        seeds = len(best.finished)
        return (
            f"{'The best is c' if len(self.levels) > 1 else 'C'}onfiguration {best.value}"
            f"{f' ({words})' if words else ''}: {values} "
            f"{moment_text(self.at, self.epochs_of(best), self.patience)}"
            f"{f', means over {seeds} seeds' if seeds > 1 else ''}."
        )

    @property
    def label_headers(self) -> tuple[str, ...]:
        """The headers of the columns that `labels` fills."""
        return ("number", *self.varied)

    def labels(self, level: LevelResult) -> tuple[str, ...]:
        """Return the number of a configuration and the fields that distinguish it."""
        return (str(level.value), *self.changes(level).values())

    def epochs_of(self, level: LevelResult) -> int:
        """Return the target epochs of a configuration."""
        return self.epochs_by_level[self.levels.index(level)]

    def study_runs(self) -> StudyRuns:
        """Return the runs as a flat table; `config` is the number of the configuration."""
        return StudyRuns(
            study=self.name,
            kind=self.kind,
            varied=self.varied,
            runs=tuple(
                StudyRun(run=run, config=level.value)
                for level in self.levels
                for run in level.runs
            ),
        )


def config_list_spec(
    configs: Sequence[RunConfig],
    *,
    epochs: Sequence[int],
    seeds: Sequence[int],
    base: RunConfig,
    patience: int | None = None,
    at: At = "best",
    metric: Metric | str | None = None,
    fused: bool = True,
    name: str | None = None,
) -> StudySpec[ConfigList]:
    """Return the specification of a list of configurations, for `train_all`.

    Args:
        configs: The configurations, at least one, each given once.
        epochs: The number of epochs of each configuration, `epochs >= 1`.
        seeds: The number of seeds of each configuration, `seeds >= 1`. The first seed is
            that of the configuration; the others are the next integers.
        base: The configuration that the list was derived from. Fields that all of `configs`
            share replace those of `base`.
        patience: The patience of early stopping, of all runs; smaller than the largest of
            `epochs`. Defaults to None: no early stopping.
        at: As `train` takes it. Defaults to "best".
        metric: As `train` takes it. Defaults to None: "accuracy".
        fused: As `train` takes it. Defaults to True.
        name: The name of the study. Defaults to None: derived from the whole list, so that
            an edited list is another study. With more seeds, it is the same study.

    Returns:
        The specification, whose result has every run and compares the configurations.

    Raises:
        ConfigError: with the problems of all configurations at once.
        DataError: if a dataset cannot be read.

    Example:
    >>> base = RunConfig(train_size=1000)
    >>> configs = [base, base.with_fields(width=32)]
    >>> spec = config_list_spec(configs, epochs=[3, 10], seeds=[2, 1], base=base)
    >>> [[(run.width, run.seed) for run in row] for row in spec.runs_by_level], spec.epochs
    ([[(128, 0), (128, 1)], [(32, 0)]], [3, 10])
    """
    epochs, seeds = _checked(configs, epochs, seeds, fused=fused)
    patience, at, measure = call_all(
        [
            partial(check_patience, patience, max(epochs)),
            partial(check_at, at, patience),
            partial(metric_of, [config.dataset for config in configs], metric),
        ]
    )
    check_same_losses(measure, configs)
    changed = varied_fields(configs)
    shared = configs[0].fixed_fields((*changed, "seed"))
    own = {name: base.to_dict()[name] for name in changed}
    base = RunConfig.restored({**base.fixed_fields(changed), **own, **shared})
    rows = [
        [
            config.with_fields(seed=seed)
            for seed in on_folds(range(config.seed, config.seed + count), config.folds)
        ]
        for config, count in zip(configs, seeds, strict=True)
    ]
    facts = [facts_of(config) for config in configs]

    def build_result(
        record: StudyRecord, runs: list[list[Run]], epochs: Sequence[int]
    ) -> ConfigList:
        return _config_list(
            record,
            base,
            backend=next(run.backend for row in runs for run in row),
            fused=fused,
            epochs=max(epochs),
            varied=changed,
            configs=[
                (number, count, known, row)
                for number, (count, known, row) in enumerate(
                    zip(epochs, facts, runs, strict=True), start=1
                )
                if row
            ],
        )

    return StudySpec(
        kind="configs",
        prefix="configs",
        identity={
            "base": identity_fields(base.to_dict()),
            "varied": changed,
            "configs": [
                {"epochs": count, **_changes(config, base)}
                for config, count in zip(configs, epochs, strict=True)
            ],
        },
        extent={"seeds": seeds},
        progress={**facts_to_lists(facts), "epochs": epochs, "at": at},
        runs_by_level=rows,
        epochs=epochs,
        patience=patience,
        metric=measure,
        name=name,
        build_result=build_result,
    )


def load_config_list(store: Store, study: StudyRecord) -> ConfigList:
    """Load a list of configurations with the runs that are finished.

    Configurations without a finished run are left out; the others keep their numbers.

    Args:
        store: The open store.
        study: The record of the list.

    Raises:
        StoreError: if no run is finished.
    """
    runs_by_level = study.finished_runs(store)
    levels = zip(
        study.epochs_by_level, facts_from_lists(study.progress), runs_by_level, strict=True
    )
    return _config_list(
        study,
        RunConfig.restored(study.identity["base"]),
        backend=study.identity["backend"],
        fused=study.identity["fused"],
        epochs=study.epochs,
        varied=study.identity["varied"],
        configs=[
            (number, epochs, facts, runs)
            for number, (epochs, facts, runs) in enumerate(levels, start=1)
            if runs
        ],
        missing=study.missing(runs_by_level),
    )


def _checked(
    configs: Sequence[RunConfig],
    epochs: Sequence[int],
    seeds: Sequence[int],
    *,
    fused: bool,
) -> tuple[list[int], list[int]]:
    """Return the epochs and the numbers of seeds, after all were checked."""
    if not configs:
        raise ConfigError(["There are no configurations. Give at least one."])
    raise_problems(
        f"There are {len(configs)} configurations, but {len(counts)} `{name}`. Give one "
        "for each configuration."
        for name, counts in (("epochs", epochs), ("seeds", seeds))
        if len(counts) != len(configs)
    )
    first: dict[RunConfig, int] = {}
    problems = [
        f"Configuration {number} is the same as configuration {first[config]}. Give each "
        "configuration once."
        for number, config in enumerate(configs, start=1)
        if first.setdefault(config, number) != number
    ]
    folds = {config.folds for config in configs}
    if len(folds) > 1:
        problems.append(
            "The configurations have different values of `folds`, so that no two runs have "
            "the same validation examples. Give all of them the same."
        )
    numbered = enumerate(zip(configs, epochs, seeds, strict=True), start=1)
    _, *checked = call_all(
        [
            partial(raise_problems, problems),
            *(
                partial(_checked_config, number, *request, fused=fused)
                for number, request in numbered
            ),
        ]
    )
    return [count for count, _ in checked], [count for _, count in checked]


def _checked_config(
    number: int, config: RunConfig, epochs: int, seeds: int, *, fused: bool
) -> list[int]:
    checks: list[Callable[[], Any]] = [
        partial(check_count, "epochs", epochs),
        partial(check_count, "seeds", seeds),
        partial(check_trainable, [config], epochs=epochs, fused=fused),
    ]
    *counts, _ = with_context(f"Configuration {number}", partial(call_all, checks))
    return list(counts)


def _changes(config: RunConfig, base: RunConfig) -> dict[str, Any]:
    """Return the seed, and the fields of a configuration that differ from the base."""
    shared = base.to_dict()
    return {k: v for k, v in config.to_dict().items() if k == "seed" or v != shared[k]}


def _config_list(
    record: StudyRecord,
    base: RunConfig,
    *,
    backend: str,
    fused: bool,
    epochs: int,
    varied: Sequence[str],
    configs: Sequence[tuple[int, int, DataFacts, list[Run]]],
    missing: int = 0,
) -> ConfigList:
    """Build a list from the number, epochs, facts and runs of each configuration."""
    study = ConfigList(
        name=record.name,
        looks=tuple(record.progress.get("looks", ())),
        missing=missing,
        param="configuration",
        base=base,
        varied=tuple(varied),
        epochs=epochs,
        patience=record.patience,
        epochs_by_level=tuple(count for _, count, _, _ in configs),
        seeds=tuple(sorted({run.config.seed for *_, runs in configs for run in runs})),
        backend=backend,
        fused=fused,
        levels=tuple(
            LevelResult(
                value=number,
                parameters=runs[0].parameters,
                runs=tuple(runs),
                **facts.to_dict(),
            )
            for number, _, facts, runs in configs
        ),
    )
    return study.measured_by(record.metric).judged_at(stored_at(record.progress))
