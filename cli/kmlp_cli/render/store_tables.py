"""The studies and runs of the runs folder as Rich tables."""

from __future__ import annotations

from datetime import datetime

from rich.table import Table

from kmlp.model.config import value_text
from kmlp.settings import settings_text
from kmlp.store import RunSummary, StudySummary
from kmlp.studies.kinds import summarize
from kmlp.studies.table import NONE
from kmlp_cli.render.rich_tables import plain_table


def studies_table(studies: list[StudySummary]) -> Table:
    """A row for each study."""
    table = plain_table("Studies" if studies else "There is no study yet")
    table.add_column("name", no_wrap=True)
    table.add_column("question", overflow="fold")
    for name in ("epochs", "runs", "best val.\naccuracy %", "when"):
        table.add_column(name, justify="right", no_wrap=True)
    for study in studies:
        record = study.record
        asked = sum(map(len, record.runs_by_level))
        failed = f", {study.failed} failed" if study.failed else ""
        best = study.best_val_accuracy
        table.add_row(
            record.name,
            summarize(record),
            str(record.epochs),
            f"{study.finished} of {asked}{failed}"
            if study.finished < asked
            else f"{asked}",
            NONE if best is None else f"{100 * best:.2f}",
            _when(record.updated),
        )
    return table


def runs_table(runs: list[RunSummary]) -> Table:
    """A row for each run, with the fields in which the runs differ."""
    table = plain_table("Runs" if runs else "There is no such run")
    configs = [run.config.to_dict() for run in runs]
    names = [
        name
        for name in (configs[0] if configs else ())
        if name == "seed" or len({str(config[name]) for config in configs}) > 1
    ]
    backends_differ = len({run.backend for run in runs}) > 1
    has_settings = any(run.settings for run in runs)
    for name in [
        *names,
        *(["backend"] if backends_differ else []),
        *(["settings"] if has_settings else []),
    ]:
        table.add_column(name.replace("_", "\n"), justify="right", overflow="fold")
    for name in ("epochs", "val. acc. %", "test acc. %", "status", "when"):
        table.add_column(name, justify="right", no_wrap=True)
    for run, config in zip(runs, configs, strict=True):
        table.add_row(
            *(value_text(name, config[name]) for name in names),
            *([run.backend] if backends_differ else []),
            *([settings_text(run.settings) or NONE] if has_settings else []),
            str(run.epochs),
            *(
                NONE if accuracy is None else f"{100 * accuracy:.2f}"
                for accuracy in (run.val_accuracy, run.test_accuracy)
            ),
            run.status,
            _when(run.updated),
        )
    return table


def _when(seconds: float) -> str:
    """A Unix time as local date and time."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
