"""The runs of a retuned ablation, in rows: chosen settings, fixed ones, and the tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

from kmlp._util.text import enumerated
from kmlp.errors import call_all, raise_problems
from kmlp.model.config import RunConfig
from kmlp.model.metrics import get_metric
from kmlp.model.text import short_text, value_text
from kmlp.store import StudyRecord
from kmlp.studies._retuning import Retuning, tuning_seeds
from kmlp.studies.ablation_plan import PlannedLevel
from kmlp.studies.axis import axis_of
from kmlp.studies.level_tuning import LevelTuning, TuningRule
from kmlp.studies.runner import Runs, StudySpec
from kmlp.training.checks import check_trainable
from kmlp.training.run import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class RetunedRows:
    """The runs that a retuned ablation asks for, by the runs that it has.

    First come the levels with their chosen settings and the seeds of the study, a row for
    each, which is empty until the setting is chosen. Then come the levels as they are, with
    the same seeds. The last rows are those of the tuning: one for each level and rung, with
    the runs that ended there.
    """

    param: str
    levels: Sequence[PlannedLevel]
    rule: TuningRule

    def start(self, spec: StudySpec[Any]) -> StudySpec[Any]:
        """Return the specification of an ablation with the first rung of the tuning."""
        return replace(self._asked(spec, self._tunings({})), go_on=self.go_on)

    def go_on(
        self, spec: StudySpec[Any], record: StudyRecord, runs: Runs
    ) -> tuple[StudySpec[Any] | None, str]:
        """Ask for the next rung, or for the chosen settings; see `StudySpec.go_on`."""
        tunings = self._tunings(runs)
        asked = self._asked(spec, tunings)
        if (asked.runs_by_level, asked.epochs) == (spec.runs_by_level, spec.epochs):
            return None, ""  # nothing more is asked for
        return asked, self._text(tunings)

    def _tunings(self, runs: Mapping[RunConfig, Run]) -> list[LevelTuning]:
        return [
            self.rule.tune(level.value, level.configs[0], runs) for level in self.levels
        ]

    def _asked(
        self, spec: StudySpec[Any], tunings: Sequence[LevelTuning]
    ) -> StudySpec[Any]:
        fixed = [level.configs for level in self.levels]
        chosen = [
            []
            if not tuning.complete or tuning.chosen is None
            else [with_setting(config, tuning.chosen.fields) for config in row]
            for row, tuning in zip(fixed, tunings, strict=True)
        ]
        tried: list[list[RunConfig]] = []
        places: list[tuple[int, int]] = []
        for place, tuning in enumerate(tunings):
            for epochs in sorted({setting.epochs for setting in tuning.settings} - {0}):
                places.append((place, epochs))
                tried.append(
                    [
                        config
                        for setting in tuning.settings
                        if setting.epochs == epochs
                        for config in setting.configs
                    ]
                )
        epochs_by_row = [
            *(2 * [level.epochs for level in self.levels]),
            *(epochs for _, epochs in places),
        ]
        configs = [level.configs[0].to_dict() for level in self.levels]
        tuned = {"levels": len(fixed), "configs": configs, "epochs": epochs_by_row}
        return replace(
            spec,
            runs_by_level=[*chosen, *fixed, *tried],
            epochs=epochs_by_row,
            progress={**spec.progress, **tuned},
        )

    def _text(self, tunings: Sequence[LevelTuning]) -> str:
        fields = enumerated(list(self.rule.retuning.fields))
        if not all(tuning.complete for tuning in tunings):
            going_on = sum(
                setting.epochs > 0 and len(setting.runs) < len(setting.configs)
                for tuning in tunings
                for setting in tuning.settings
            )
            return f"Retuning of {fields}: {going_on} settings go on."
        chosen = [
            f"{value_text(self.param, tuning.value)}: "
            + ", ".join(
                short_text(name, number) for name, number in tuning.chosen.fields.items()
            )
            for tuning in tunings
            if tuning.chosen is not None
        ]
        return f"Retuned {fields} by {self.param}: {'; '.join(chosen) or 'none'}."


def with_setting(config: RunConfig, setting: Mapping[str, float | None]) -> RunConfig:
    """Return a configuration with other values of the tuned fields."""
    return RunConfig.restored({**config.to_dict(), **setting})


def check_tunable(
    retuning: Retuning, levels: Sequence[PlannedLevel], *, fused: bool
) -> None:
    """Check that the fields can be retuned for all levels.

    Raises:
        ConfigError: if an end of a range is not valid for a level, or if a seed of the
            study is one of the tuning.
    """
    first = levels[0].configs
    tuning = tuning_seeds(retuning.seed, first[0].folds, last=True)
    raise_problems(
        f"The seed {config.seed} is one of those on which fields are retuned, which must "
        "be others. Choose another seed."
        for config in first
        if config.seed in tuning
    )
    corners = call_all(
        partial(level.configs[0].with_fields, **dict(zip(ranges, ends, strict=True)))
        for level in levels
        for ranges in [retuning.ranges(level.configs[0])]
        for ends in product(*((given.low, given.high) for given in ranges.values()))
    )
    check_trainable(corners, epochs=max(level.epochs for level in levels), fused=fused)


def stored_tunings(
    record: StudyRecord, rows: Sequence[Sequence[Run]]
) -> tuple[LevelTuning, ...]:
    """Return the tuning of each level of a stored study.

    Args:
        record: The record of the study.
        rows: The runs of each row, as far as they are finished.
    """
    identity = record.identity["retune"]
    rule = TuningRule(
        retuning=Retuning.restored(identity),
        epochs=record.epochs,
        metric=get_metric(identity["metric"]).with_unit(record.metric.target_unit),
        at=identity["at"],
        patience=record.patience,
    )
    levels = record.progress["levels"]
    runs = {run.config: run for row in rows[2 * levels :] for run in row}
    axis = axis_of(record.identity["param"])
    configs = map(RunConfig.restored, record.progress["configs"])
    return tuple(
        rule.tune(axis.value(config, value), config, runs)
        for value, config in zip(record.extent["values"], configs, strict=True)
    )
