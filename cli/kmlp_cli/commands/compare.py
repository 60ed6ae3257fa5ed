"""`kmlp compare`: two ablations of one parameter side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.output import Json

if TYPE_CHECKING:
    from rich.table import Table

    from kmlp.studies.compare import AblationComparison


def compare(
    first: Annotated[str, typer.Argument(help="The name of an ablation.")],
    second: Annotated[
        str,
        typer.Argument(
            help="That of another of the same parameter: on another dataset, with another "
            "loss, on another backend, ..."
        ),
    ],
    runs_dir: RunsDir = None,
    as_json: Json = False,
) -> None:
    """Compare two ablations of one param, paired by value and seed."""
    from functools import partial

    from kmlp.errors import ConfigError, call_all
    from kmlp.export.json import ablation_comparison_to_dict
    from kmlp.studies.compare import compare_ablations, pairing_text
    from kmlp_cli.loading import load_study, opened
    from kmlp_cli.terminal.output import print_json, print_table

    if first == second:
        raise ConfigError([f'"{first}" is given twice. Give two studies.'])
    with opened(runs_dir) as store:
        loaded = call_all(partial(load_study, store, name) for name in (first, second))
    for it in loaded:
        if it.record.kind != "ablation":
            raise ConfigError(
                [
                    f'"{it.record.name}" is of the kind {it.record.kind}, but must be an '
                    "ablation."
                ]
            )
    found = compare_ablations(*(it.answer for it in loaded))
    if as_json:
        print_json(ablation_comparison_to_dict(found))
    else:
        print_table(_table(found), pairing_text(found))
    for it in loaded:
        it.say_limits()


def _table(found: AblationComparison) -> Table:
    """A row a value."""
    from kmlp._util.text import count_of, visible
    from kmlp.model.config import value_text
    from kmlp_cli.render.cells import p_text, percent, plain_table

    param = found.first.param
    names = found.first.name, found.second.name
    what = ", ".join(
        f"{name} {ours} | {theirs}" for name, (ours, theirs) in found.differing.items()
    )
    table = plain_table(
        f"{names[0]} | {names[1]}: validation accuracy % after "
        f"{count_of(found.epochs, 'epoch')}, {count_of(len(found.seeds), 'seed')}",
        f"What differs: {what or 'nothing'}.",
        "±: half of the 95 % interval over the seeds "
        "that both have. The difference is the second less the first, paired by seed; p "
        "and its interval have Holm's correction for all values.",
    )
    for header in (param, *map(visible, names), "difference", "p"):
        table.add_column(header, justify="right", overflow="fold")
    for it in found.levels:
        table.add_row(
            value_text(param, it.value),
            percent(it.first),
            percent(it.second),
            percent(it.difference, signed=True),
            p_text(it.difference),
        )
    return table
