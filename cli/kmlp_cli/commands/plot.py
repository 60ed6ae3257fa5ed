"""`kmlp plot`: a study as a chart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kmlp_cli.charts import KINDS
from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.study import Study
from kmlp_cli.options.targets import Overwrite
from kmlp_cli.options.view import Baseline
from kmlp_cli.terminal.output import say

_LISTED = "; ".join(f"of {name}: {', '.join(kinds)}" for name, kinds in KINDS.items())


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
            help=f"What to show {_LISTED}.  [default: the first]", show_default=False
        ),
    ] = None,
    baseline: Baseline = None,
    overwrite: Overwrite = False,
    runs_dir: RunsDir = None,
) -> None:
    """Draw a chart of a study."""
    from kmlp.charts.style import FORMATS, save
    from kmlp.errors import ConfigError, call_all, unknown_name
    from kmlp_cli.charts import draw
    from kmlp_cli.loading import against, load_study, opened
    from kmlp_cli.options.targets import check_target

    every = sorted({it for kinds in KINDS.values() for it in kinds})

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
        loaded = against(load_study(store, study), baseline)
    kinds = KINDS[loaded.record.kind]
    if kind is not None and kind not in kinds:
        raise ConfigError(
            [
                f'The kind of chart is "{kind}", but "{study}" is of the kind '
                f"{loaded.record.kind}, of which there are: {', '.join(kinds)}."
            ]
        )
    save(draw(loaded, kind or kinds[0]), out)
    loaded.say_limits()
    say(f"Wrote {out}.")
