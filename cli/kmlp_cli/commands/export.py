"""`kmlp export`: the results of a study for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kmlp_cli.loading import opened
from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.study import Study
from kmlp_cli.options.targets import LogOptions, Overwrite
from kmlp_cli.terminal.output import say


def epilog() -> str:
    """The text below the options in the help: the columns, and examples."""
    from kmlp.studies.columns import COLUMNS

    return "\n\n".join(
        [
            "Columns:",
            *(f"{name}: {column.doc}" for name, column in COLUMNS.items()),
            "\b\nExamples:\nkmlp export width-eb643c --out epochs.parquet\n"
            "kmlp export width-eb643c --tensorboard logs",
        ]
    )


def export(
    study: Study,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file to write, which ends in .csv, .json or .parquet. The file "
            "has a row for every epoch of every run.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    runs_dir: RunsDir = None,
    *,
    logs: LogOptions,
) -> None:
    """Write the results of a study to a file or for TensorBoard."""
    from kmlp.errors import ConfigError, call_all
    from kmlp.export.files import SUFFIXES, write_table
    from kmlp.studies.library import load_from
    from kmlp_cli.options.targets import check_target
    from kmlp_cli.render.printing import say_limits

    if out is None and logs.tensorboard is None:
        raise ConfigError(["Give --out FILE, --tensorboard FOLDER, or both."])
    call_all(
        [
            lambda: check_target(
                out, overwrite=overwrite, option="--out", suffixes=SUFFIXES
            ),
            logs.check,
        ]
    )
    with opened(runs_dir) as store:
        loaded = load_from(store, study)
    if out is not None:
        write_table(loaded.study_runs(), out)
        say(f"Wrote {out}.")
    logs.write_logs(loaded.study_runs())
    say_limits(loaded)
