"""A search as Rich tables."""

from __future__ import annotations

import shlex
from dataclasses import replace

from rich.table import Table

from kmlp._util.text import count_of
from kmlp.model.config import RunConfig, config_fields, short_text, value_text
from kmlp.settings import settings_text
from kmlp.studies.results import METRIC, StudyResult
from kmlp.training.run import common_settings
from kmlp_cli.render.cells import NONE, mean_percent, p_text, percent, plain_table
from kmlp_cli.render.tables import wrongs
from kmlp_tuning.oracles.schedule import total_epochs
from kmlp_tuning.search.importance import Importances
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import HALVING, SearchSettings
from kmlp_tuning.search.trial import Trial
from kmlp_tuning.space.domains import has_value

SHOWN = 10
"""Trials in the table, unless all are asked for."""


def plan_table(settings: SearchSettings) -> Table:
    """The brackets and rungs of a search, before anything is trained."""
    plan = settings.plan()
    about = "about " if settings.algorithm == "asha" else ""
    goes_on = (
        ": a promoted configuration goes on from where it is"
        if settings.algorithm in HALVING
        else ""
    )
    replication = (
        f" Then the best {settings.replicated} to the end, and again with "
        f"{count_of(settings.replicates, 'other seed')}: {settings.replication_epochs:,} "
        "epochs."
        if settings.replicates
        else ""
    )
    table = plain_table(
        f"What {settings.algorithm} would train",
        f"In all {about}{total_epochs(plan):,} epochs{goes_on}.{replication}",
    )
    for name in ("bracket", "rung", "configurations", "epochs each", "epochs to train"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, bracket in enumerate(plan, start=1):
        before = 0
        for rung_number, rung in enumerate(bracket.rungs, start=1):
            table.add_row(
                str(number) if rung_number == 1 else "",
                str(rung_number),
                f"{about if rung_number > 1 else ''}{rung.configurations:,}",
                f"{rung.epochs:,}",
                f"{rung.configurations * (rung.epochs - before):,}",
            )
            before = rung.epochs
        table.add_section()
    return table


def search_table(search: Search, *, every: bool = False) -> Table:
    """A row a trial, the best first; those that diverged or failed last."""
    settings = search.settings
    ranked = search.ranked()
    rest = [trial for trial in search.trials if trial not in ranked]
    trials = [*ranked, *rest]
    shown = trials if every else trials[:SHOWN]
    more = len(trials) - len(shown)
    table = plain_table(f"Search: {search.headline}", *_legend(search, more))
    table.add_column("trial", justify="right", no_wrap=True)
    for name in settings.space.fields:
        table.add_column(name.replace("_", "\n"), justify="right", overflow="fold")
    brackets = settings.algorithm == "hyperband"
    if brackets:
        table.add_column("brac-\nket", justify="right", no_wrap=True)
    table.add_column("epochs", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    other = settings.objective != METRIC
    for header in (
        *([settings.objective.replace("_", "\n")] if other else []),
        "validation\naccuracy %",
        "s",
    ):
        table.add_column(header, justify="right", no_wrap=True)
    best = search.best()
    for trial in shown:
        score = trial.score(settings.objective)
        accuracy = trial.score(METRIC)
        table.add_row(
            str(trial.number),
            *(_field(trial, name, settings) for name in settings.space.fields),
            *([str(trial.bracket)] if brackets else []),
            str(trial.run.epochs if trial.run else 0),
            search.status(trial),
            *([NONE if score is None else f"{score:.4f}"] if other else []),
            NONE if accuracy is None else f"{100 * accuracy:.2f}",
            f"{trial.run.seconds:.1f}" if trial.run else NONE,
            style="bold" if trial is best else None,
        )
    return table


def _legend(search: Search, more: int) -> list[str]:
    settings, lines = search.settings, []
    if stated := common_settings(search.runs):
        lines.append(f"{settings_text(stated)}.")
    if settings.algorithm in HALVING:
        lines.append("stopped: others of its rung were better.")
    if not search.complete:
        lines.append("waiting: it may yet be promoted. The command goes on where it ended.")
    if settings.algorithm == "asha":
        lines.append("What is promoted depends on timing: another time it may be others.")
    if more:
        lines.append(f"{more} more: --all shows them.")
    return lines


def _field(trial: Trial, name: str, settings: SearchSettings) -> str:
    if not has_value(name, trial.config):
        return NONE
    return short_text(name, getattr(trial.config, name))


def importance_table(found: Importances) -> Table:
    """A row a field: what it had to do with the accuracy."""
    table = plain_table("What mattered")
    table.add_column("field", no_wrap=True)
    table.add_column("points worse", justify="right", no_wrap=True)
    for it in found.fields:
        table.add_row(it.field, percent(it.drop))
    return table


def replication_table(search: Search, replication: StudyResult) -> Table:
    """A row a trial that was trained again: how it did, and what the search had said."""
    seeds = count_of(len(replication.seeds), "other seed")
    table = plain_table(
        f"The best again: {seeds}, {count_of(replication.epochs, 'epoch')}",
        "in the search: when it was selected, perhaps after fewer epochs. optimism: that "
        "less the mean over the other seeds after as many epochs. A search selects the "
        "highest of many accuracies, so they are optimistic on average; go by the mean.",
    )
    judged = not search.settings.base.validates_on_test
    table.add_column("trial", justify="right", no_wrap=True)
    for header in (
        "in the\nsearch %",
        "validation\naccuracy %",
        "optimism",
        "difference\nfrom best",
        "p",
        *(["test\nacc. %"] if judged else []),
    ):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("went\nwrong", overflow="fold", min_width=5)
    by_number = {trial.number: trial for trial in search.trials}
    for value, difference in zip(
        replication.levels, replication.differences(), strict=True
    ):
        trial = by_number[value.value]
        best = value is replication.best()
        optimism = search.optimism(trial)
        accuracy = search.selection_accuracy(trial)
        table.add_row(
            str(value.value),
            NONE if accuracy is None else f"{100 * accuracy:.2f}",
            percent(value.val_accuracy),
            NONE if optimism is None else f"{100 * optimism:+.2f}",
            "best" if best else percent(difference, signed=True),
            p_text(difference),
            *([mean_percent(value.test_accuracy)] if judged else []),
            wrongs(value),
            style="bold" if best else None,
        )
    return table


def best_lines(search: Search) -> list[str]:
    """How the best configuration did on test data, if these did not choose it, and the
    command that trains it.
    """
    best = search.best()
    if best is None or best.run is None:
        return [
            "Every configuration diverged or failed: there is no best one. Smaller "
            "learning rates diverge less."
        ]
    command = train_command(best.config, best.run.epochs, search)
    so_far = "Best" if search.complete else "The search is not complete. Best so far"
    measured = "validation" if best.config.validates_on_test else "test"
    accuracy = f"{measured} accuracy {100 * best.run.test_accuracy:.2f} %"
    return [
        f"{so_far}: trial {best.number}, {accuracy} after "
        f"{count_of(best.run.epochs, 'epoch')}. The same again:",
        command,
    ]


def train_command(config: RunConfig, epochs: int, search: Search) -> str:
    """The command line that trains a configuration."""
    default = replace(RunConfig(), dataset=config.dataset)
    words = ["kmlp", "train", "--backend", search.backend, "--epochs", str(epochs)]
    for name, field in config_fields().items():
        value = getattr(config, name)
        if name == "depth":
            shown = not isinstance(config.width, tuple) and value != default.depth
        else:
            shown = value != field.default
        if shown and field.type is bool:
            words.append(f"--{name}" if value else f"--no-{name}")
        elif shown:
            words += [f"--{name.replace('_', '-')}", value_text(name, value)]
    if not search.settings.fused:
        words.append("--no-fused")
    return shlex.join(words)
