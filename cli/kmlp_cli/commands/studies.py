"""`kmlp studies`: the studies in the runs folder."""

from __future__ import annotations

from kmlp_cli.loading import opened
from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.output import Json


def studies(runs_dir: RunsDir = None, as_json: Json = False) -> None:
    """List the studies, the most recently used first."""
    from kmlp.store.studies import list_studies
    from kmlp_cli.render.printing import print_data
    from kmlp_cli.render.store_tables import studies_table
    from kmlp_cli.terminal.output import print_json, rephrased

    with opened(runs_dir) as store:
        records = list_studies(store)
        damaged = [rephrased(str(error)) for error in store.damaged.values()]
    if as_json:
        print_json(
            {"studies": [record.to_dict() for record in records], "damaged": damaged}
        )
    else:
        print_data(studies_table(records))
