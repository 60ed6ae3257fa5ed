"""`kmlp compare`: two ablations of one parameter side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.output import Json
from kmlp_cli.options.view import At, MarginOfTwo, Metric, epoch_of, margin_of, metric_of


def compare(
    first: Annotated[str, typer.Argument(help="The name of an ablation.")],
    second: Annotated[
        str,
        typer.Argument(
            help="The name of another ablation of the same parameter, such as one on "
            "another dataset, with another loss or on another backend."
        ),
    ],
    margin: MarginOfTwo = None,
    at: At = None,
    metric: Metric = None,
    runs_dir: RunsDir = None,
    as_json: Json = False,
) -> None:
    """Compare two ablations of one parameter, paired by seed."""
    from functools import partial

    from kmlp.errors import ConfigError, call_all
    from kmlp.studies.compare import compare as compare_ablations
    from kmlp.studies.library import load_from
    from kmlp.studies.tables.comparison import comparison_table
    from kmlp_cli.loading import opened
    from kmlp_cli.render.printing import print_data, say_limits
    from kmlp_cli.terminal.output import print_json

    if first == second:
        raise ConfigError([f'"{first}" is given twice. Give two studies.'])
    _, epoch, measure = call_all(
        [
            lambda: metric is None and margin_of(margin),
            partial(epoch_of, at),
            partial(metric_of, metric),
        ]
    )
    with opened(runs_dir) as store:
        ablations = call_all(partial(load_from, store, name) for name in (first, second))
    same = margin_of(margin, measure or ablations[0].metric)
    comparison = compare_ablations(
        *ablations, margin="default" if same is None else same, at=epoch, metric=measure
    )
    if as_json:
        print_json(comparison.to_dict())
    else:
        print_data(comparison_table(comparison))
    for ablation in ablations:
        say_limits(ablation)
