"""The table of a retuned ablation: both answers, and the tuning of each value."""

from __future__ import annotations

from typing import Any

from kmlp._util.text import count_of, enumerated
from kmlp.model.text import short_text, value_text
from kmlp.studies.ablation import Ablation
from kmlp.studies.cells import measured
from kmlp.studies.level_tuning import LevelTuning
from kmlp.studies.table import NONE, Column, Row, Table


def retuning_table(study: Ablation) -> Table:
    """Return both answers side by side: with the fields as they were, and retuned.

    There is a row for each value, also for one without a setting that could be trained.

    Args:
        study: A retuned ablation.
    """
    assert study.fixed is not None
    metric, fields = study.metric, study.retuned
    fixed = _by_value(study.fixed)
    retuned = _by_value(study)
    header = metric.headed(metric.title)
    rows = []
    for tuning in study.tunings:
        before, after = fixed.get(tuning.value), retuned.get(tuning.value)
        rows.append(
            Row(
                (
                    value_text(study.param, tuning.value),
                    *(_fixed_text(name, before) for name in fields),
                    *_answer(study.fixed, before),
                    *(_chosen_text(name, tuning) for name in fields),
                    *_answer(study, after),
                    f"{tuning.diverged} of {len(tuning.runs)}",
                ),
                strong=after is not None and after[0] is study.best(),
            )
        )
    return Table(
        title=f"Fixed and retuned: {enumerated(fields)} by {study.param}",
        columns=(
            Column(study.param, wraps=True, tall=True),
            *(Column(f"fixed {name}", tall=True) for name in fields),
            Column(f"fixed {header}", tall=True),
            Column("fixed verdict", numeric=False, tall=True),
            *(Column(f"retuned {name}", tall=True) for name in fields),
            Column(f"retuned {header}", tall=True),
            Column("retuned verdict", numeric=False, tall=True),
            Column("tuning runs diverged", tall=True),
        ),
        rows=tuple(rows),
        notes=(_legend(study),),
        sentences=(
            f"Fixed: {study.fixed.conclusion.finding}",
            f"Retuned: {study.conclusion.finding}",
        ),
    )


def _by_value(study: Ablation) -> dict[Any, tuple[Any, Any]]:
    """Return each level with its difference from the reference, by value."""
    pairs = zip(study.levels, study.differences(), strict=True)
    return {level.value: (level, difference) for level, difference in pairs}


def _answer(study: Ablation, answer: tuple[Any, Any] | None) -> tuple[str, str]:
    """Return the cells of a level: its mean, and its verdict."""
    if answer is None:
        return NONE, NONE
    level, difference = answer
    verdict = NONE if difference is None else difference.verdict
    if level is study.reference:
        verdict = "best" if study.baseline is None else "baseline"
    return measured(study.metric, level.value_of(study.part)), verdict


def _fixed_text(name: str, answer: tuple[Any, Any] | None) -> str:
    if answer is None:
        return NONE
    return short_text(name, getattr(answer[0].runs[0].config, name))


def _chosen_text(name: str, tuning: LevelTuning) -> str:
    if tuning.chosen is None:
        return NONE
    edge = ", edge" if name in tuning.at_edge else ""
    return f"{short_text(name, tuning.chosen.fields[name])}{edge}"


def _legend(study: Ablation) -> str:
    """Return how the settings were chosen."""
    tried = [len(tuning.settings) for tuning in study.tunings]
    settings = count_of(min(tried), "setting")
    if max(tried) > min(tried):
        settings = f"{min(tried)} to {count_of(max(tried), 'setting')}"
    parts = [
        f"retuned: the best of {settings} on tuning runs with other seeds, by validation "
        f"{study.metric.title} after up to {study.epochs_text}. Only runs with the seeds "
        "of the study enter the means."
    ]
    wide = [
        f"{value_text(study.param, tuning.value)} ({enumerated(tuning.widened)})"
        for tuning in study.tunings
        if tuning.widened
    ]
    if wide:
        parts.append(f"The range was widened for {enumerated(wide)}.")
    if any(tuning.at_edge for tuning in study.tunings):
        parts.append("edge: no number beyond was tried, and one may be better.")
    return " ".join(parts)
