"""`kmlp show`: the results of a study."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kmlp_cli.loading import opened
from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.output import Json
from kmlp_cli.options.study import Study
from kmlp_cli.options.view import ViewOptions


def show(
    study: Study,
    runs_dir: RunsDir = None,
    as_json: Json = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print a line for every epoch of every run.")
    ] = False,
    *,
    view: ViewOptions,
) -> None:
    """Show the results of a study again."""
    from kmlp.errors import ConfigError, call_all
    from kmlp.export.files import write_csv
    from kmlp.studies.library import load_from
    from kmlp_cli.render.printing import print_study, say_limits
    from kmlp_cli.terminal.output import print_json

    if as_json and as_csv:
        raise ConfigError(["Give --json or --csv, not both."])
    call_all([view.check_target, view.epoch, view.measure])
    with opened(runs_dir) as store:
        loaded = load_from(store, study)
    shown = view.applied(loaded)
    if as_csv:
        write_csv(shown.study_runs().rows(), sys.stdout)
    elif as_json:
        print_json(shown.to_dict())
    else:
        print_study(shown, brief=not view.every)
    say_limits(shown)
