"""`kmlp plot`: a chart of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.study import Study
from kmlp_cli.options.targets import Overwrite
from kmlp_cli.options.view import At, Baseline, Metric, epoch_of, metric_of
from kmlp_cli.terminal.output import say


def epilog() -> str:
    """The text below the options in the help: the charts of each kind of study."""
    from kmlp.studies.kinds import all_kinds

    charts = [f"{kind.name}: {', '.join(kind.charts)}" for kind in all_kinds()]
    return "\n".join(
        [
            "\b",
            "Charts by kind of study, the default first:",
            *charts,
            "",
            "\b",
            "Examples:",
            "kmlp plot width-eb643c --out width.svg",
            "kmlp plot width-eb643c --kind curves --out curves.html",
        ]
    )


def plot(
    study: Study,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE.{html,png,svg,pdf}",
            help="The file to write. An .html page needs no network.",
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            help="The name of the chart, see below.  [default: the first of the study's "
            "kind]",
            show_default=False,
        ),
    ] = None,
    baseline: Baseline = None,
    at: At = None,
    metric: Metric = None,
    overwrite: Overwrite = False,
    runs_dir: RunsDir = None,
) -> None:
    """Draw a chart of a study."""
    from functools import partial

    from kmlp.charts.style import FORMATS, save
    from kmlp.errors import ConfigError, call_all, unknown_name
    from kmlp.studies.library import load_from
    from kmlp_cli.loading import opened
    from kmlp_cli.options.targets import check_target
    from kmlp_cli.render.printing import say_limits

    def load() -> Any:
        with opened(runs_dir) as store:
            loaded = load_from(store, study)
        if kind is not None and kind not in loaded.charts:
            unknown = unknown_name("chart", kind, loaded.charts)
            raise ConfigError(
                [f'The study "{study}" is of the kind {loaded.kind}. {unknown}']
            )
        return loaded

    def check_out() -> None:
        check_target(out, option="--out", suffixes=FORMATS, overwrite=overwrite)

    _, epoch, measure, loaded = call_all(
        [check_out, partial(epoch_of, at), partial(metric_of, metric), load]
    )
    loaded = loaded.viewed(baseline=baseline, at=epoch, metric=measure)
    save(loaded.plot(kind), out)
    say_limits(loaded)
    say(f"Wrote {out}.")
