"""`kmlp plot`: a study as a chart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.study import Study
from kmlp_cli.options.targets import Overwrite
from kmlp_cli.options.view import Baseline
from kmlp_cli.terminal.output import say


def plot(
    study: Study,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE.{html,png,svg,pdf}",
            help="The file to write. A page needs no network.",
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            help="The name of the chart; a wrong one is refused with those that the study "
            "has.  [default: its first]",
            show_default=False,
        ),
    ] = None,
    baseline: Baseline = None,
    overwrite: Overwrite = False,
    runs_dir: RunsDir = None,
) -> None:
    """Draw a chart of a study."""
    from kmlp.charts.style import FORMATS, save
    from kmlp.errors import ConfigError, call_all, unknown_name
    from kmlp.studies.kinds import all_kinds
    from kmlp.studies.library import load_from
    from kmlp_cli.loading import opened
    from kmlp_cli.options.targets import check_target
    from kmlp_cli.render.printing import say_limits

    every = sorted({name for of_kind in all_kinds() for name in of_kind.charts})

    def check_kind() -> None:
        if kind is not None and kind not in every:
            raise ConfigError([unknown_name("kind of chart", kind, every)])

    call_all(
        [
            lambda: check_target(
                out, option="--out", suffixes=FORMATS, overwrite=overwrite
            ),
            check_kind,
        ]
    )
    with opened(runs_dir) as store:
        found = load_from(store, study)
    found = found.viewed(baseline=baseline)
    if kind is not None and kind not in found.charts:
        raise ConfigError(
            [
                f'The kind of chart is "{kind}", but "{study}" is of the kind '
                f"{found.kind}, of which there are: {', '.join(found.charts)}."
            ]
        )
    save(found.plot(kind), out)
    say_limits(found)
    say(f"Wrote {out}.")
