"""The tables of a search."""

from __future__ import annotations

from kmlp._util.text import count_of
from kmlp.model.metrics import Metric
from kmlp.model.text import short_text
from kmlp.settings import settings_text
from kmlp.studies.cells import (
    interval_note,
    mean_measured,
    measured,
    p_text,
)
from kmlp.studies.results import StudyResult
from kmlp.studies.split_text import few_text, split_text
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp.studies.tables.shared import (
    PROBLEMS,
    differences_note,
    problems_text,
    same_note,
    short_test_title,
)
from kmlp.training.run import common_settings
from kmlp_tuning.oracles.schedule import total_epochs
from kmlp_tuning.search._checks import sentences
from kmlp_tuning.search.importance import Importances
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import HALVING, SearchSettings
from kmlp_tuning.search.trial import Trial

SHOWN = 10
"""The number of trials in a brief table."""


def plan_table(settings: SearchSettings) -> Table:
    """The brackets and rungs of a search, before anything is trained."""
    plan = settings.plan()
    about = "about " if settings.algorithm == "asha" else ""
    continues = (
        " A promoted configuration continues its run."
        if settings.algorithm in HALVING
        else ""
    )
    replication = (
        f" Then the best {settings.replicated} are trained for all epochs, and again with "
        f"{count_of(settings.replicates, 'other seed')}: {settings.replication_epochs:,} "
        "epochs."
        if settings.replicates
        else ""
    )
    rows = []
    for number, bracket in enumerate(plan, start=1):
        before = 0
        for rung_number, rung in enumerate(bracket.rungs, start=1):
            cells = (
                str(number) if rung_number == 1 else "",
                str(rung_number),
                f"{about if rung_number > 1 else ''}{rung.configurations:,}",
                f"{rung.epochs:,}",
                f"{rung.configurations * (rung.epochs - before):,}",
            )
            rows.append(Row(cells, ends_section=rung is bracket.rungs[-1]))
            before = rung.epochs
    headers = ("bracket", "rung", "configurations", "epochs each", "epochs to train")
    return Table(
        title=f"Planned training: {settings.algorithm}",
        columns=tuple(map(Column, headers)),
        rows=tuple(rows),
        notes=(f"Total: {about}{total_epochs(plan):,} epochs.{continues}{replication}",),
    )


def tables_of_search(search: Search, *, brief: bool) -> tuple[Table, ...]:
    """All trials or the best ten, the importance of the fields, and the replication."""
    tables = [search_table(search, every=not brief)]
    if search.importances is not None:
        tables.append(importance_table(search.importances))
    if search.replication is not None:
        tables.append(replication_table(search, search.replication))
    return tuple(tables)


def search_table(search: Search, *, every: bool = False) -> Table:
    """The results of a search, a row for each trial, the best first.

    Args:
        search: The search.
        every: True to show all trials. Defaults to False: the best ten.
    """
    settings = search.settings
    ranked = search.ranked()
    rest = [trial for trial in search.trials if trial not in ranked]
    trials = [*ranked, *rest]
    shown = trials if every else trials[:SHOWN]
    brackets = settings.algorithm == "hyperband"
    other, metric = not settings.ranks_by_metric, settings.metric
    best = search.best()
    return Table(
        title=f"Search: {search.headline}",
        columns=(
            Column("trial"),
            *(Column(name, wraps=True, tall=True) for name in settings.space.fields),
            *([Column("bracket", tall=True)] if brackets else []),
            Column("epochs"),
            Column("status", numeric=False),
            *([Column(settings.objective, tall=True)] if other else []),
            Column(metric.headed(metric.named("val")), tall=True),
            Column("s"),
        ),
        rows=tuple(
            Row(
                (
                    str(trial.number),
                    *(_field(trial, name, settings) for name in settings.space.fields),
                    *([str(trial.bracket)] if brackets else []),
                    str(trial.run.epochs if trial.run else 0),
                    search.status(trial),
                    *([_number(trial.score(settings.objective), ".4f")] if other else []),
                    _value(metric, trial.score(metric.figure())),
                    f"{trial.run.seconds:.1f}" if trial.run else NONE,
                ),
                strong=trial is best,
            )
            for trial in shown
        ),
        notes=tuple(_legend(search, len(trials) - len(shown))),
        sentences=sentences(search),
    )


def _replication_legend(search: Search, replication: StudyResult) -> str:
    """The legend of a replication."""
    metric = search.settings.metric
    too_good = "high" if metric.higher_is_better else "low"
    mean = "the mean over the other seeds after the same number of epochs"
    this = f"this {metric.title}"
    minus = f"{this} minus {mean}" if metric.higher_is_better else f"{mean}, minus {this}"
    parts = [
        f"in the search: the {metric.title} at selection, perhaps after fewer epochs. "
        f"optimism: {minus}. A search selects the {metric.best_word} of many "
        f"{metric.titles}, which are too {too_good} on average, so trust the mean."
    ]
    if len(replication.contenders) > 1:
        on_test = search.settings.base.validates_on_test
        remedy = "" if on_test else f": trust its test {metric.title}"
        parts.append(
            "The means over the other seeds choose the best, so that its own mean is "
            f"slightly too {too_good}{remedy}."
        )
    if len(replication.seeds) > 1:
        optimism = (search.optimism(trial) for trial in search.trials)
        values = (level.val_value for level in replication.levels)
        estimates = [*values, *optimism, *replication.differences()]
        parts.append(interval_note(estimates, "over the other seeds"))
        if len(replication.levels) > 1:
            parts += [differences_note(replication), *same_note(replication)]
    return " ".join(parts)


def _legend(search: Search, more: int) -> list[str]:
    settings, lines = search.settings, []
    if stated := common_settings(search.runs):
        lines.append(f"{settings_text(stated)}.")
    if settings.algorithm in HALVING:
        lines.append("stopped: other trials of its rung were better.")
    if search.at == "best" and settings.max_epochs > 1:
        if not settings.ranks_by_metric:
            lines.append(f"{settings.objective}: the best of the epochs of each trial.")
        lines.append(f"{settings.metric.named('val')}: at its best epoch.")
    if not search.complete:
        lines.append(
            "waiting: the trial may still be promoted. The command continues the search."
        )
    if settings.algorithm == "asha":
        lines.append("Promotions depend on timing, so a repeated search may differ.")
    if search.replication is None and (few := few_text(settings.base, search.noun)):
        lines.append(few)
    if more:
        lines.append(
            f"{count_of(more, 'more trial')}: `kmlp show {search.name} --all` shows them."
        )
    return lines


def _field(trial: Trial, name: str, settings: SearchSettings) -> str:
    if not settings.space.has_value(name, trial.config):
        return NONE
    return short_text(name, getattr(trial.config, name))


def _value(metric: Metric, value: float | None) -> str:
    return NONE if value is None else metric.number(value)


def _number(value: float | None, spec: str) -> str:
    return NONE if value is None else format(value, spec)


def importance_table(importances: Importances) -> Table:
    """The importance of each field, the most important first."""
    return Table(
        title=importances.title,
        columns=(Column("field", numeric=False), Column(importances.unit)),
        rows=tuple(
            Row((importance.field, measured(importances.metric, importance.drop)))
            for importance in importances.fields
        ),
        notes=(
            interval_note((it.drop for it in importances.fields), "over configurations"),
        ),
        sentences=(importances.meaning,),
    )


def replication_table(search: Search, replication: StudyResult) -> Table:
    """The results of the best trials in the search and with other seeds."""
    judged = not search.settings.base.validates_on_test
    by_number = {trial.number: trial for trial in search.trials}
    best, metric = replication.best(), search.settings.metric
    return Table(
        title=(
            f"Replication of the best: {count_of(len(replication.seeds), 'other seed')}, "
            f"{replication.moment_text}"
        ),
        columns=(
            Column("trial"),
            Column(metric.headed("in the search"), tall=True),
            Column(metric.headed(metric.named("val")), tall=True),
            Column("optimism"),
            Column("difference from best", tall=True),
            Column("p"),
            Column("verdict", numeric=False),
            *([Column(short_test_title(metric), tall=True)] if judged else []),
            PROBLEMS,
        ),
        rows=tuple(
            Row(
                (
                    str(level.value),
                    _value(metric, search.selection_value(by_number[level.value])),
                    measured(metric, level.val_value),
                    measured(metric, search.optimism(by_number[level.value]), signed=True),
                    "best" if level is best else measured(metric, difference, signed=True),
                    p_text(difference),
                    NONE if difference is None else difference.verdict,
                    *([mean_measured(metric, level.test_value)] if judged else []),
                    problems_text(level),
                ),
                strong=level is best,
            )
            for level, difference in zip(
                replication.levels, replication.differences(), strict=True
            )
        ),
        notes=(
            _replication_legend(search, replication),
            *([covered] if (covered := split_text(replication)) else []),
        ),
        sentences=(search.conclusion.text,),
    )
