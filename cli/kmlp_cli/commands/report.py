"""`kmlp report`: studies as one page to hand in."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmlp_cli.charts import drawn
from kmlp_cli.loading import Loaded
from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.targets import Overwrite
from kmlp_cli.terminal.output import say

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from kmlp.report import Section, Table
    from kmlp.studies.results import StudyResult
    from kmlp.training.run import Run


def report(
    study: Annotated[
        list[str], typer.Argument(help="Names of studies: see `kmlp studies`.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE.{html,md,pdf}",
            help="The file to write: a page that needs no network; Markdown, with its "
            "charts as SVG files beside it; PDF, which needs Chromium.",
        ),
    ],
    title: Annotated[
        str, typer.Option(help="The title of the page.")
    ] = "What the hyperparameters do",
    overwrite: Overwrite = False,
    runs_dir: RunsDir = None,
) -> None:
    """Write a report: tables, charts, and what can be concluded, of one study or more."""
    from kmlp.errors import call_all, raise_problems
    from kmlp.report import FORMATS, write_report
    from kmlp.report.pages import find_browser, picture_names
    from kmlp_cli.loading import load_study, opened
    from kmlp_cli.options.targets import check_target

    def check_browser() -> None:
        if out.suffix == ".pdf":
            find_browser()

    call_all(
        [
            lambda: check_target(
                out, option="--out", suffixes=FORMATS, overwrite=overwrite
            ),
            check_browser,
            lambda: raise_problems(
                f'The study "{it}" is given {study.count(it)} times. Give it once.'
                for it in dict.fromkeys(study)
                if study.count(it) > 1
            ),
        ]
    )
    with opened(runs_dir) as store:
        found = call_all(partial(load_study, store, it) for it in study)
    sections = [section(it) for it in found]
    if out.suffix == ".md" and not overwrite:
        raise_problems(
            f"{it} exists, where a chart would be. Choose another --out, or give "
            "--overwrite."
            for it in picture_names(sections, out)
            if os.path.lexists(it)
        )
    for written in write_report(sections, out, title=title):
        say(f"Wrote {written}.")
    for it in found:
        it.say_limits()


def section(study: Loaded) -> Section:
    """What a report says of a study, of any kind."""
    from kmlp.report import Figure, Section
    from kmlp.training.environment import mixed_text

    make = {
        "run": _of_run,
        "ablation": _of_ablation,
        "configs": _of_trials,
        "search": _of_search,
    }
    environments = study.environments
    mixed = mixed_text(environments)
    question, answer, limits, tables, setup, runs = make[study.record.kind](study.answer)
    return Section(
        name=study.record.name,
        question=question,
        answer=answer,
        limits=limits if mixed is None else (*limits, mixed),
        tables=tables,
        figures=tuple(Figure(name=kind, chart=chart) for kind, chart in drawn(study)),
        setup=(("study", study.record.name), *setup, *_places(environments)),
        commands=tuple(dict.fromkeys(_command(it["command"]) for it in environments)),
        runs=_runs_table(runs),
    )


Parts = tuple[
    str,
    tuple[str, ...],
    tuple[str, ...],
    tuple["Table", ...],
    tuple[tuple[str, str], ...],
    list[tuple[str, "Run"]],
]
"""Question, answer, limits, tables, set-up, and the runs with what each is of."""


def _of_run(run: Run) -> Parts:
    from kmlp_cli.render.tables import run_summary, run_table

    return (
        f"How does one model learn? ({run.config.dataset})",
        (run_summary(run),),
        (
            "One seed: another one may come to something else, by an amount that one run "
            "cannot tell.",
            _OTHERS,
        ),
        (as_data(run_table(run), "By epoch"),),
        (
            *_fields(run.config.to_dict()),
            ("epochs", str(run.epochs)),
            ("backend", run.backend),
            ("training", _training(fused=run.fused)),
            *run.settings.items(),
        ),
        [("", run)],
    )


def _of_ablation(study: Any) -> Parts:
    from kmlp.studies.conclusion import conclusion
    from kmlp_cli.render.tables import ablation_table, convergence_table

    base = {k: v for k, v in study.base.to_dict().items() if k not in (study.param, "seed")}
    runs = [
        (study.called(study.text(value)), run)
        for value in study.levels
        for run in value.runs
    ]
    return (
        f"What does {study.param} do? ({study.base.dataset})",
        (conclusion(study),),
        _limits(study),
        (
            as_data(ablation_table(study), f"{study.param}: {study.headline}"),
            as_data(convergence_table(study, None), "How it learned"),
        ),
        (
            ("varied", f"{study.param}: {', '.join(map(study.text, study.levels))}"),
            *_fields(base),
            ("seeds", ", ".join(map(str, study.seeds))),
            ("epochs", str(study.epochs)),
            ("backend", study.backend),
            ("training", _training(fused=study.fused)),
            *study.settings.items(),
        ),
        runs,
    )


def _of_trials(study: Any) -> Parts:
    from kmlp.studies.conclusion import conclusion
    from kmlp_cli.render.config_list_tables import config_list_table, seeds_text

    limits = [*_limits(study)]
    if len(study.levels) > 1:
        limits.insert(0, "The highest of several accuracies is too high on average.")
    if len(set(study.trial_epochs)) > 1:
        limits.insert(
            0, "What more epochs would do for the trials that had fewer: they ended there."
        )
    shared = {
        k: v for k, v in study.base.to_dict().items() if k not in (*study.varied, "seed")
    }
    return (
        f"What do these configurations come to? ({study.base.dataset})",
        (study.best_text(), conclusion(study)),
        tuple(limits),
        (as_data(config_list_table(study), f"Trials: {study.headline}"),),
        (
            ("trials", str(len(study.levels))),
            *((("varied", ", ".join(study.varied)),) if study.varied else ()),
            *_fields(shared),
            ("seeds", seeds_text(study.seeds)),
            ("epochs", study.after.removeprefix("after ")),
            ("backend", study.backend),
            ("training", _training(fused=study.fused)),
            *study.settings.items(),
        ),
        [(study.called(str(it.value)), run) for it in study.levels for run in it.runs],
    )


def _of_search(search: Any) -> Parts:
    from kmlp.studies.conclusion import conclusion
    from kmlp.training.run import common_settings
    from kmlp_cli.render import search_tables
    from kmlp_tuning.search.settings import HALVING
    from kmlp_tuning.space.domains import domain_text

    settings = search.settings
    answer = search_tables.best_lines(search)
    tables = [
        as_data(
            search_tables.search_table(search, every=True), f"Trials: {search.headline}"
        )
    ]
    if search.importances is not None:
        found = search_tables.importance_table(search.importances)
        tables.append(as_data(found, "What mattered", search.importances.meaning))
    limits = [
        "The highest of many accuracies is too high on average: go by the means over other "
        "seeds.",
        "A configuration that was stopped early might have come out first later.",
        _OTHERS,
    ]
    if search.replication is not None:
        found = search_tables.replication_table(search, search.replication)
        tables.append(as_data(found, "The best again, with other seeds"))
        answer.insert(0, conclusion(search.replication))
        limits += _limits(search.replication)[:-1]
    least = f"{settings.min_epochs} to " if settings.algorithm in HALVING else ""
    searched = settings.space.fields.items()
    space = [(f"searched: {name}", domain_text(name, it)) for name, it in searched]
    runs = [(f"trial {it.number}", it.run) for it in search.trials if it.run is not None]
    if search.replication is not None:
        runs += [
            (f"trial {value.value}", run)
            for value in search.replication.levels
            for run in value.runs
        ]
    return (
        f"Which configuration is good? ({settings.base.dataset}, {settings.algorithm})",
        tuple(answer),
        tuple(limits),
        tuple(tables),
        (
            ("algorithm", settings.algorithm),
            ("configurations", str(settings.max_trials)),
            ("epochs", f"{least}{settings.max_epochs}"),
            ("chosen by", settings.objective),
            *space,
            *_fields(settings.fixed),
            ("backend", search.backend),
            ("training", _training(fused=settings.fused)),
            *common_settings(search.runs).items(),
        ),
        runs,
    )


_OTHERS = (
    "Nothing is said of other datasets, of other values, or of what else could be set: it "
    "all was as the set-up says."
)


def _limits(study: StudyResult) -> tuple[str, ...]:
    """What a comparison cannot tell."""
    found = []
    compared = dict(zip(study.levels, study.differences(), strict=True))
    reference = study.reference
    open_ = [
        study.text(value)
        for value, it in compared.items()
        if value is not reference and (it is None or not it.significant)
    ]
    if reference is not None and open_:
        found.append(
            f"Whether {study.called(study.text(reference))} differs from "
            f"{study.called(', '.join(open_))}: the seeds do not separate them. That is no "
            "evidence that they are equal."
        )
    seeds = min(len(study.seeds), *(len(value.runs) for value in study.levels))
    if seeds < 3:
        found.append(f"{seeds} seed(s) say little of how much results vary by chance.")
    found.append(
        "Intervals and p-values take the differences between seeds for normal, which so "
        "few seeds cannot show; and they are of the seeds alone: the images of validation "
        "are the same in every run."
    )
    found.append(_OTHERS)
    return tuple(found)


def _command(text: str) -> str:
    """A command line without the folder of the program, which is one machine's own."""
    program, *words = shlex.split(text)
    name = Path(program).name
    return shlex.join(["kmlp" if name == "__main__.py" else name, *words])


def _training(*, fused: bool) -> str:
    return "an epoch is one compiled program" if fused else "plain fit"


def _fields(values: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    from kmlp.model.config import value_text

    return tuple((name, value_text(name, value)) for name, value in values.items())


def _places(environments: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Versions and machines, each once."""
    versions = (
        ", ".join(f"{name} {it}" for name, it in facts["versions"].items())
        for facts in environments
    )
    machines = (
        ", ".join(
            str(it)
            for it in (facts["platform"], facts.get("processor"), facts["device"])
            if it
        )
        + f", {facts['threads']} thread a run"
        for facts in environments
    )
    revisions = (facts["revision"] for facts in environments if facts["revision"])
    found = [("versions", it) for it in dict.fromkeys(versions)]
    found += [("machine", it) for it in dict.fromkeys(machines)]
    found += [("git revision", it) for it in dict.fromkeys(revisions)]
    return tuple(found)


_RUN_COLUMNS: dict[str, Callable[[Any], str]] = {
    "seed": lambda run: str(run.config.seed),
    "status": lambda run: run.status,
    "epochs": lambda run: str(run.epochs),
    "validation accuracy %": lambda run: _percent(run.val_accuracy),
    "test accuracy %": lambda run: _percent(run.test_accuracy),
    "training loss": lambda run: _last(run, "loss"),
    "validation loss": lambda run: _last(run, "val_loss"),
    "seconds": lambda run: f"{run.seconds:.2f}",
}


def _runs_table(runs: list[tuple[str, Run]]) -> Table:
    from kmlp.report import Table

    names = ("run of", *_RUN_COLUMNS)
    return Table(
        title="Every run, after its last epoch",
        headers=names,
        right=tuple(name not in ("run of", "status") for name in names),
        rows=tuple(
            (of, *(cell(run) for cell in _RUN_COLUMNS.values())) for of, run in runs
        ),
    )


def _percent(share: float) -> str:
    from kmlp_cli.render.cells import number_text

    return number_text(100 * share, ".2f")


def _last(run: Run, figure: str) -> str:
    from kmlp_cli.render.cells import NONE, number_text

    return number_text(getattr(run.history[-1], figure), ".4f") if run.history else NONE


def as_data(table: RichTable, title: str | None = None, note: str | None = None) -> Table:
    """A table of the command line for a page, on which columns need not be narrow.

    Args:
        table: Any.
        title: Defaults to None: its own.
        note: What stands under it. Defaults to None: its caption.
    """
    from kmlp.report import Table

    headers = []
    for column in table.columns:
        words = str(column.header).replace("-\n", "").replace("\n", " ")
        headers.append(words)
    columns = [list(map(str, column.cells)) for column in table.columns]
    rows = tuple(zip(*columns, strict=True))
    return Table(
        title=title if title is not None else str(table.title),
        headers=tuple(headers),
        right=tuple(column.justify == "right" for column in table.columns),
        rows=rows,
        strong=tuple(i for i, row in enumerate(table.rows) if row.style == "bold"),
        note=note if note is not None else str(table.caption or ""),
    )
