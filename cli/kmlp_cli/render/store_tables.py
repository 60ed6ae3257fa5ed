"""The tables of the studies and runs in the runs folder."""

from __future__ import annotations

from datetime import datetime

from kmlp.model.metrics import RMSE, Part
from kmlp.model.text import value_text
from kmlp.settings import settings_text
from kmlp.store import RunSummary, StudySummary
from kmlp.studies.cells import share_percent
from kmlp.studies.kinds import summarize
from kmlp.studies.table import NONE, Column, Row, Table


def studies_table(studies: list[StudySummary]) -> Table:
    """The studies, with a row for each."""
    return Table(
        title="Studies" if studies else "There is no study yet",
        columns=(
            Column("name", numeric=False),
            Column("question", numeric=False, wraps=True),
            Column("epochs"),
            Column("runs"),
            Column("best val. accuracy %", tall=True),
            Column("when"),
        ),
        rows=tuple(
            Row(
                (
                    study.name,
                    summarize(study.record),
                    str(study.record.epochs),
                    _runs_text(study),
                    _best_text(study),
                    _local_time(study.record.updated),
                )
            )
            for study in studies
        ),
    )


def _best_text(study: StudySummary) -> str:
    """Return the best validation value, with the name of a metric that is not accuracy."""
    value, metric = study.best_val_value, study.metric
    if value is None:
        return NONE
    return metric.number(value) if metric.share else f"{metric.title} {metric.text(value)}"


def _runs_text(study: StudySummary) -> str:
    """The number of runs that are done, of those that the study asks for."""
    asked = study.record.asked
    if study.finished == asked:
        return str(asked)
    failed = f", {study.failed} failed" if study.failed else ""
    return f"{study.finished} of {asked}{failed}"


def runs_table(runs: list[RunSummary]) -> Table:
    """The runs, with a row for each and the fields in which their configurations differ."""
    configs = [run.config.to_dict() for run in runs]
    names = [
        name
        for name in (configs[0] if configs else ())
        if name == "seed" or len({str(config[name]) for config in configs}) > 1
    ]
    several_backends = len({run.backend for run in runs}) > 1
    are_regressions = [RMSE.figure() in run.metrics for run in runs]
    regressions = any(are_regressions)
    accuracies = not all(are_regressions) or not runs
    any_settings = any(run.settings for run in runs)
    return Table(
        title="Runs" if runs else "There is no such run",
        columns=(
            *(Column(name, wraps=True, tall=True) for name in names),
            *([Column("backend", wraps=True)] if several_backends else []),
            *([Column("settings", wraps=True)] if any_settings else []),
            Column("epochs"),
            *([Column("val. acc. %"), Column("test acc. %")] if accuracies else []),
            *([Column("val. RMSE"), Column("test RMSE")] if regressions else []),
            Column("status"),
            Column("when"),
        ),
        rows=tuple(
            Row(
                (
                    *(value_text(name, config[name]) for name in names),
                    *([run.backend] if several_backends else []),
                    *([settings_text(run.settings) or NONE] if any_settings else []),
                    str(run.epochs),
                    *(
                        [share_percent(run.val_accuracy), share_percent(run.test_accuracy)]
                        if accuracies
                        else []
                    ),
                    *(
                        [_rmse_text("val", run), _rmse_text("test", run)]
                        if regressions
                        else []
                    ),
                    run.status,
                    _local_time(run.updated),
                )
            )
            for run, config in zip(runs, configs, strict=True)
        ),
    )


def _rmse_text(part: Part, run: RunSummary) -> str:
    """The RMSE of a regression; the unit of its target is not known here."""
    value = run.metrics.get(RMSE.figure(part))
    return NONE if value is None else RMSE.number(value)


def _local_time(seconds: float) -> str:
    """A Unix time as date and time in the time zone of the machine."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
