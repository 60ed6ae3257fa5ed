"""`kmlp report`: one page about one or several studies, to hand in."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.targets import Overwrite
from kmlp_cli.options.view import At, Metric, epoch_of, metric_of
from kmlp_cli.terminal.output import say


def report(
    study: Annotated[
        list[str], typer.Argument(help="Names of studies: see `kmlp studies`.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE.{html,md,pdf}",
            help="The file to write. HTML: one page that needs no network. Markdown: with "
            "the charts as SVG files beside it. PDF: needs Chromium.",
        ),
    ],
    title: Annotated[
        str, typer.Option(help="The title of the page.")
    ] = "The effect of hyperparameters",
    at: At = None,
    metric: Metric = None,
    overwrite: Overwrite = False,
    runs_dir: RunsDir = None,
) -> None:
    """Write a report on one or several studies.

    The report has the conclusion, the tables and the charts of each study, and everything
    that is needed to repeat the study.
    """
    from kmlp.errors import call_all, raise_problems
    from kmlp.report import section_of, write_report
    from kmlp.report.pages import picture_names
    from kmlp.studies.library import load_from
    from kmlp_cli.loading import opened
    from kmlp_cli.options.targets import check_pictures, check_report
    from kmlp_cli.render.printing import say_limits

    call_all(
        [
            lambda: check_report(out, overwrite=overwrite),
            lambda: epoch_of(at),
            lambda: metric_of(metric),
            lambda: raise_problems(
                f'The study "{name}" is given {study.count(name)} times. Give it once.'
                for name in dict.fromkeys(study)
                if study.count(name) > 1
            ),
        ]
    )
    with opened(runs_dir) as store:
        studies = call_all(partial(load_from, store, name) for name in study)
    seen = {"at": epoch_of(at), "metric": metric_of(metric)}
    studies = call_all(partial(loaded.viewed, **seen) for loaded in studies)
    sections = list(map(section_of, studies))
    check_pictures(out, picture_names(sections, out), overwrite=overwrite)
    for file in write_report(sections, out, title=title):
        say(f"Wrote {file}.")
    for loaded in studies:
        say_limits(loaded)
