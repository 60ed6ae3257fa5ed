"""`kmlp runs`: the runs in the runs folder."""

from __future__ import annotations

from typing import Annotated

import typer

from kmlp_cli.loading import opened
from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.output import Json
from kmlp_cli.terminal.output import say


def runs(
    study: Annotated[
        str | None, typer.Option(help="Only the runs of this study.", show_default=False)
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            help="Only runs with this status: finished, diverged or failed.",
            show_default=False,
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE",
            help="Only runs with this value of a field, such as width=32 or backend=jax. "
            "Can be given several times.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(help="The largest number of runs to list; 0: all.", min=0, max=10**9),
    ] = 50,
    runs_dir: RunsDir = None,
    as_json: Json = False,
) -> None:
    """List the runs, the most recently trained first."""
    from kmlp.store.listing import list_runs, parse_filters
    from kmlp_cli.render.printing import print_data
    from kmlp_cli.render.store_tables import runs_table
    from kmlp_cli.terminal.output import print_json_list

    filters = parse_filters(where or [], status=status)
    with opened(runs_dir) as store:
        matching = list_runs(store, filters, study=study)
    shown = matching[:limit] if limit else matching
    if as_json:
        print_json_list("runs", [run.to_dict() for run in shown])
    else:
        print_data(runs_table(shown))
    if len(shown) < len(matching):
        say(f"{len(shown)} of {len(matching)} runs; --limit 0 lists all.")
