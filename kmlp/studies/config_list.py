"""Configurations that somebody chose, each trained as it stands: what do they come to?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from kmlp._util.text import count_of, protocol_text
from kmlp.errors import ConfigError, StoreError, call_all, raise_problems, with_context
from kmlp.model.config import RunConfig, identity_fields, param_names, short_text
from kmlp.store import Store, StudyRecord
from kmlp.studies.results import LevelResult, StudyResult, chance_limit_of
from kmlp.studies.rows import StudyRun, StudyRuns
from kmlp.studies.runner import StudySpec
from kmlp.training.checks import check_count, check_trainable
from kmlp.training.run import Run

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ConfigList(StudyResult):
    """What came of trials; the `value` of each is its number in their list, from 1."""

    name: str
    """Of the study, by which `kmlp show` finds it."""
    base: RunConfig
    """What they share: all fields but `varied` and the seed."""
    varied: tuple[str, ...]
    """The fields in which they differ, but for the seed, in the order of `RunConfig`."""
    trial_epochs: tuple[int, ...]
    """Of each of `values`; `epochs` is the highest of the whole list."""
    backend: str
    fused: bool
    """Whether an epoch was one compiled program (see `kmlp.fit`)."""

    @property
    def after(self) -> str:
        """After how many epochs their results are."""
        least, most = min(self.trial_epochs), max(self.trial_epochs)
        text = f"{least} to {most} epochs" if least < most else count_of(most, "epoch")
        return f"after {text}"

    @property
    def headline(self) -> str:
        """What was trained, in a line."""
        up_to = "up to " if min(self.trial_epochs) < self.epochs else ""
        return (
            f"{self.base.dataset}, {count_of(len(self.levels), 'trial')}, {up_to}"
            f"{count_of(self.epochs, 'epoch')}, {self.backend}"
            f"{protocol_text(on_test=self.validates_on_test)}"
        )

    def changes(self, level: LevelResult) -> dict[str, str]:
        """What tells a trial from the others: its values of `varied` as text, by field."""
        config = level.runs[0].config
        return {name: short_text(name, getattr(config, name)) for name in self.varied}

    def changes_text(self, level: LevelResult) -> str:
        """The same in a line, which breaks between fields only; empty for a single one."""
        return ", ".join(f"{name}\u00a0{it}" for name, it in self.changes(level).items())

    def best_text(self) -> str:
        """What the best trial is, and what it comes to, in a sentence."""
        best = self.best()
        if best is None or best.val_accuracy is None or best.test_accuracy is None:
            return "Every trial diverged or failed."
        words = self.changes_text(best)
        accuracies = f"validation accuracy {100 * best.val_accuracy.mean:.2f} %"
        if not self.validates_on_test:
            accuracies += f", test accuracy {100 * best.test_accuracy.mean:.2f} %"
        seeds = len(best.finished)
        return (
            f"{'The best is t' if len(self.levels) > 1 else 'T'}rial {best.value}"
            f"{f' ({words})' if words else ''}: {accuracies} after "
            f"{count_of(self.epochs_of(best), 'epoch')}"
            f"{f', means over {seeds} seeds' if seeds > 1 else ''}."
        )

    def epochs_of(self, level: LevelResult) -> int:
        """The epochs that a trial was to have."""
        return self.trial_epochs[self.levels.index(level)]

    def study_runs(self) -> StudyRuns:
        """Its runs, for tables and logs."""
        return StudyRuns(
            study=self.name,
            kind="configs",
            varied=self.varied,
            runs=tuple(
                StudyRun(run=run, trial=level.value)
                for level in self.levels
                for run in level.runs
            ),
        )

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table with a row for every epoch of every run.

        Its columns are `kmlp.studies.rows.COLUMNS`, as those of `kmlp export`; `trial` is
        the number of the trial.

        Raises:
            ImportError: if pandas is not installed.
        """
        return self.study_runs().to_frame()


def config_list_spec(
    configs: Sequence[RunConfig],
    *,
    epochs: Sequence[int],
    seeds: Sequence[int],
    base: RunConfig,
    fused: bool = True,
    name: str | None = None,
) -> StudySpec[ConfigList]:
    """What a list of trials asks, for `train_all`.

    Args:
        configs: The trials' configurations, at least one, none twice.
        epochs: Of each trial, `epochs >= 1`.
        seeds: How many seeds each trial is trained with, `seeds >= 1`: that of its
            configuration and those that follow it.
        base: The configuration that they are changes of. A field in which they all agree
            is taken from them.
        fused: As `train` takes it. Defaults to True.
        name: The name of the study. Defaults to None: made of all of the list, so that
            an edited one is another study. More seeds are the same study.

    Returns:
        The specification; its result has every run, and compares the configurations.

    Raises:
        ConfigError: with the problems of all trials at once, each with its number.
        DataError: if a dataset cannot be read.

    Example:
    >>> base = RunConfig(train_size=1000)
    >>> configs = [base, replace(base, width=32)]
    >>> spec = config_list_spec(configs, epochs=[3, 10], seeds=[2, 1], base=base)
    >>> [[(it.width, it.seed) for it in row] for row in spec.runs_by_level], spec.epochs
    ([[(128, 0), (128, 1)], [(32, 0)]], [3, 10])
    """
    epochs, seeds = _checked(configs, epochs, seeds, fused=fused)
    changed = [
        name for name in param_names() if len({getattr(it, name) for it in configs}) > 1
    ]
    shared = {k: v for k, v in configs[0].to_dict().items() if k not in (*changed, "seed")}
    base = RunConfig.restored({**base.to_dict(), **shared})
    rows = [
        [replace(config, seed=config.seed + place) for place in range(count)]
        for config, count in zip(configs, seeds, strict=True)
    ]
    limits = [chance_limit_of(config) for config in configs]

    def build_result(name: str, runs: list[list[Run]], epochs: Sequence[int]) -> ConfigList:
        return _trials(
            name,
            base,
            backend=next(run.backend for row in runs for run in row),
            fused=fused,
            epochs=max(epochs),
            varied=changed,
            trials=[
                (number, count, limit, row)
                for number, (count, limit, row) in enumerate(
                    zip(epochs, limits, runs, strict=True), start=1
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
        # The limits show a study without its dataset.
        progress={"chance_limits": limits, "epochs": epochs},
        runs_by_level=rows,
        epochs=epochs,
        name=name,
        build_result=build_result,
    )


def load_config_list(store: Store, study: StudyRecord) -> ConfigList:
    """Trials as far as a store has their runs.

    Trials of which there is no run yet are left out; the others keep their numbers.

    Raises:
        StoreError: if there is no run at all.
    """
    found = []
    asked = zip(
        study.runs_by_level,
        study.epochs_by_level,
        study.progress["chance_limits"],
        strict=True,
    )
    for number, (keys, epochs, limit) in enumerate(asked, start=1):
        runs = [
            run.truncated(epochs)
            for key in keys
            if (run := store.run_of_key(key)) is not None
            and (run.epochs >= epochs or run.status != "finished")
        ]
        if runs:
            found.append((number, epochs, limit, runs))
    if not found:
        raise StoreError(
            f'No run of "{study.name}" is finished yet. The command that began it goes on '
            "where it ended."
        )
    return _trials(
        study.name,
        RunConfig.restored(study.identity["base"]),
        backend=study.identity["backend"],
        fused=study.identity["fused"],
        epochs=study.epochs,
        varied=study.identity["varied"],
        trials=found,
    )


def _checked(
    configs: Sequence[RunConfig],
    epochs: Sequence[int],
    seeds: Sequence[int],
    *,
    fused: bool,
) -> tuple[list[int], list[int]]:
    """The epochs and the numbers of seeds, if all can be trained."""
    if not configs:
        raise ConfigError(["There are no trials. Give at least one configuration."])
    raise_problems(
        f"There are {len(configs)} trials, but {len(found)} `{name}`. Give one of each."
        for name, found in (("epochs", epochs), ("seeds", seeds))
        if len(found) != len(configs)
    )
    first: dict[RunConfig, int] = {}
    twice = [
        f"Trial {number} is the same configuration as trial {first[config]}. Give it once."
        for number, config in enumerate(configs, start=1)
        if first.setdefault(config, number) != number
    ]
    trials = enumerate(zip(configs, epochs, seeds, strict=True), start=1)
    _, *found = call_all(
        [
            partial(raise_problems, twice),
            *(partial(_checked_trial, number, *it, fused=fused) for number, it in trials),
        ]
    )
    return [count for count, _ in found], [count for _, count in found]


def _checked_trial(
    number: int, config: RunConfig, epochs: int, seeds: int, *, fused: bool
) -> list[int]:
    checks: list[Callable[[], Any]] = [
        partial(check_count, "epochs", epochs),
        partial(check_count, "seeds", seeds),
        partial(check_trainable, [config], epochs=epochs, fused=fused),
    ]
    *counts, _ = with_context(f"Trial {number}", partial(call_all, checks))
    return list(counts)


def _changes(config: RunConfig, base: RunConfig) -> dict[str, Any]:
    """The fields of a configuration that are not the base's, the seed always."""
    there = base.to_dict()
    return {k: v for k, v in config.to_dict().items() if k == "seed" or v != there[k]}


def _trials(
    name: str,
    base: RunConfig,
    *,
    backend: str,
    fused: bool,
    epochs: int,
    varied: Sequence[str],
    trials: Sequence[tuple[int, int, float, list[Run]]],
) -> ConfigList:
    """Trials, each given as its number, its epochs, its chance limit and its runs."""
    return ConfigList(
        name=name,
        param="trial",
        base=base,
        varied=tuple(varied),
        epochs=epochs,
        trial_epochs=tuple(count for _, count, _, _ in trials),
        seeds=tuple(sorted({run.config.seed for *_, runs in trials for run in runs})),
        backend=backend,
        fused=fused,
        levels=tuple(
            LevelResult(
                value=number,
                parameters=runs[0].parameters,
                runs=tuple(runs),
                chance_limit=limit,
            )
            for number, _, limit, runs in trials
        ),
    )
