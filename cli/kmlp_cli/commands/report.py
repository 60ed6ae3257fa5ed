"""`kmlp report`: studies as one page to hand in."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.targets import Overwrite
from kmlp_cli.terminal.output import say


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
    from kmlp.report import FORMATS, section_of, write_report
    from kmlp.report.pages import find_browser, picture_names
    from kmlp.studies.library import load_from
    from kmlp_cli.loading import opened
    from kmlp_cli.options.targets import check_target
    from kmlp_cli.render.printing import say_limits

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
        found = call_all(partial(load_from, store, it) for it in study)
    sections = list(map(section_of, found))
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
        say_limits(it)
