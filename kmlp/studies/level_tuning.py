"""The tuning of one level: its settings, their runs, and the one that is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kmlp.model.config import RunConfig
from kmlp.model.domains import Range
from kmlp.model.metrics import Metric
from kmlp.model.params import goes_beyond
from kmlp.studies._retuning import Retuning, rungs, settings_to_try, tuning_seeds, widened
from kmlp.training.run import At, Run
from kmlp.training.target import Target


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TunedSetting:
    """One setting of the tuned fields, with its runs on the tuning seeds."""

    fields: Mapping[str, float | None]
    """The value of each field. None: the field is not used, as no `clipnorm`."""
    configs: tuple[RunConfig, ...] = ()
    """The configurations of its runs, one for each tuning seed of its rung."""
    epochs: int = 0
    """The epochs of the last rung that the setting was promoted to. Defaults to 0: none."""
    runs: tuple[Run, ...] = ()
    """The runs that have reached these epochs, diverged or failed."""

    @property
    def value(self) -> float:
        """The mean validation value of the metric over its runs; nan if one was lost, or is
        not finished.
        """
        if len(self.runs) < len(self.configs) or self.lost:
            return math.nan
        return math.fsum(run.val_value for run in self.runs) / len(self.runs)

    @property
    def lost(self) -> int:
        """The number of its runs that diverged or failed."""
        return sum(run.status != "finished" for run in self.runs)

    @property
    def diverged(self) -> int:
        """The number of its runs that diverged."""
        return sum(run.status == "diverged" for run in self.runs)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LevelTuning:
    """The tuning of one level."""

    value: Any
    """The value of the parameter."""
    ranges: Mapping[str, Range]
    """The range of each field, widened if it was."""
    widened: tuple[str, ...]
    """The fields whose range was widened, because the best setting was at its edge."""
    settings: tuple[TunedSetting, ...]
    """The settings that were tried."""
    chosen: TunedSetting | None
    """The setting with the best value after all epochs. None: it is not known yet, or every
    run was lost."""
    at_edge: Mapping[str, bool]
    """The fields whose chosen value is at the edge of all that were tried: True for the
    upper one."""
    complete: bool
    """True if the tuning is finished."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every tuning run."""
        return tuple(run for setting in self.settings for run in setting.runs)

    @property
    def diverged(self) -> int:
        """The number of runs that diverged."""
        return sum(setting.diverged for setting in self.settings)


@dataclass(frozen=True, kw_only=True, slots=True)
class TuningRule:
    """The rule that chooses the setting of a level."""

    retuning: Retuning
    epochs: int
    """The epochs of the last rung."""
    metric: Metric
    at: At
    patience: int | None = None
    """The patience of early stopping. Defaults to None: no early stopping."""

    def tune(
        self, value: Any, config: RunConfig, runs: Mapping[RunConfig, Run]
    ) -> LevelTuning:
        """Return the tuning of a level with the runs so far.

        The settings of the next rung follow from the runs alone, so that a study that was
        interrupted goes on where it stopped.

        Args:
            value: The value of the parameter.
            config: The configuration of the level, whose own setting is tried first.
            runs: All runs so far.
        """
        ranges = self.retuning.ranges(config)
        own = {name: getattr(config, name) for name in ranges}
        count, seed = self.retuning.trials, self.retuning.seed
        drawn = settings_to_try(ranges, count, seed=seed)
        first = [own, *(setting for setting in drawn if setting != own)][:count]
        settings, done = self._halve(config, first, runs)
        best = _best(settings, self.metric) if done else None
        edges = _edges(best, settings) if done else {}
        wide: tuple[str, ...] = ()
        if edges:
            own_too = {name: _with(given, best, name) for name, given in ranges.items()}
            wider = {
                name: widened(name, given, larger=edges[name]) if name in edges else given
                for name, given in own_too.items()
            }
            wide = tuple(name for name in ranges if wider[name] != own_too[name])
        more = []
        if wide:
            most = max(1, count // 2)
            more = settings_to_try(wider, most, seed=seed + 1, but=own_too)
        if more:
            further, done = self._halve(config, more, runs)
            settings, ranges = [*settings, *further], wider
            best = _best(settings, self.metric) if done else None
            edges = _edges(best, settings) if done and best is not None else {}
        return LevelTuning(
            value=value,
            ranges=ranges,
            widened=wide if more else (),
            settings=tuple(settings),
            chosen=best,
            at_edge=edges if best is not None else {},
            complete=done,
        )

    def _halve(
        self,
        config: RunConfig,
        fields: Sequence[Mapping[str, float]],
        runs: Mapping[RunConfig, Run],
    ) -> tuple[list[TunedSetting], bool]:
        """Return settings on the rungs that they reached, and if all rungs are done."""
        settings = [TunedSetting(fields=setting) for setting in fields]
        places = list(range(len(settings)))
        for epochs, count in rungs(self.epochs, len(settings)):
            if count < len(places):
                places = self._ranked(settings, places)[:count]
            for place in places:
                settings[place] = self._trained(settings[place], config, epochs, runs)
            if any(len(settings[it].runs) < len(settings[it].configs) for it in places):
                return settings, False
        return settings, True

    def _ranked(self, settings: Sequence[TunedSetting], places: list[int]) -> list[int]:
        """Return the places of settings without lost runs, the best first."""
        sign = self.metric.sign
        kept = [place for place in places if not math.isnan(settings[place].value)]
        return sorted(kept, key=lambda place: -sign * settings[place].value)

    def _trained(
        self,
        setting: TunedSetting,
        config: RunConfig,
        epochs: int,
        runs: Mapping[RunConfig, Run],
    ) -> TunedSetting:
        """Return a setting with its runs after some epochs, as far as there are."""
        target = Target(epochs, self.patience, self.metric)
        last = epochs == self.epochs
        seeds = tuning_seeds(self.retuning.seed, config.folds, last=last)
        values = {**config.to_dict(), **setting.fields}
        configs = [RunConfig.restored({**values, "seed": seed}) for seed in seeds]
        known = [runs[it] for it in configs if it in runs]
        return replace(
            setting,
            configs=tuple(configs),
            epochs=epochs,
            runs=tuple(
                run.within(target).measured_by(self.metric).judged_at(self.at)
                for run in known
                if run.reaches(target)
            ),
        )


def _best(settings: Sequence[TunedSetting], metric: Metric) -> TunedSetting | None:
    """Return the best setting of those with the most epochs; None if all runs were lost."""
    kept = [setting for setting in settings if not math.isnan(setting.value)]
    most = max((setting.epochs for setting in kept), default=0)
    last = [setting for setting in kept if setting.epochs == most]
    return max(last, key=lambda it: metric.sign * it.value, default=None)


def _with(given: Range, best: TunedSetting | None, name: str) -> Range:
    """Return a range that has the best number of a field, too."""
    number = None if best is None else best.fields[name]
    if number is None:
        return given
    return replace(given, low=min(given.low, number), high=max(given.high, number))


def _edges(best: TunedSetting | None, settings: Sequence[TunedSetting]) -> dict[str, bool]:
    """Return the fields with no setting beyond the best one: True for the upper edge.

    If every run was lost, smaller numbers are the ones to try.
    """
    edges = {}
    for name in settings[0].fields:
        tried = [it.fields[name] for it in settings]
        numbers = [number for number in tried if number is not None]
        low, high = min(numbers), max(numbers)
        number = low if best is None else best.fields[name]
        if number not in (low, high) or number is None:
            continue
        larger = best is not None and number == high
        if goes_beyond(name, number, larger=larger):
            edges[name] = larger
    return edges
