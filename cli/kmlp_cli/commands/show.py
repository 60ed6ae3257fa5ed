"""`kmlp show`: the results of a study."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp_cli.loading import load_study, opened
from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.output import Json
from kmlp_cli.options.study import Study
from kmlp_cli.options.view import ViewOptions

if TYPE_CHECKING:
    from kmlp.studies.ablation import Ablation
    from kmlp.studies.config_list import ConfigList
    from kmlp.training.run import Run
    from kmlp_tuning.search.results import Search


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
    """Show the results of a study, as the command that made it does."""
    from kmlp.errors import ConfigError
    from kmlp.export.files import write_csv

    if as_json and as_csv:
        raise ConfigError(["Give --json or --csv, not both."])
    target = view.target()
    with opened(runs_dir) as store:
        found = load_study(store, study)
    kind = found.record.kind
    if kind != "ablation":
        view.check_unused(kind)
    if as_csv:
        write_csv(found.runs.rows(), sys.stdout)
    elif kind == "run":
        _show_run(found.answer, as_json=as_json)
    elif kind == "ablation":
        _show_ablation(found.answer, view, target, as_json=as_json)
    elif kind == "configs":
        _show_config_list(found.answer, as_json=as_json)
    else:
        _show_search(found.answer, as_json=as_json)
    found.say_limits()


def _show_run(run: Run, *, as_json: bool) -> None:
    from kmlp.export.json import run_to_json
    from kmlp_cli.render import tables
    from kmlp_cli.terminal.output import print_json, print_table

    if as_json:
        print_json(run_to_json(run))
    else:
        print_table(tables.run_table(run), tables.run_summary(run))


def _show_ablation(
    ablation: Ablation, view: ViewOptions, target: float | None, *, as_json: bool
) -> None:
    from kmlp.export.json import ablation_to_dict
    from kmlp_cli.render.printing import print_ablation
    from kmlp_cli.terminal.output import print_json

    ablation = view.compare(ablation)
    if as_json:
        print_json(ablation_to_dict(ablation, target=target))
    else:
        print_ablation(ablation, convergence=view.convergence, target=target)


def _show_config_list(configs: ConfigList, *, as_json: bool) -> None:
    from kmlp.export.json import config_list_to_dict
    from kmlp_cli.render.config_list_tables import print_config_list
    from kmlp_cli.terminal.output import print_json

    if as_json:
        print_json(config_list_to_dict(configs))
    else:
        print_config_list(configs)


def _show_search(search: Search, *, as_json: bool) -> None:
    from kmlp_cli.render.printing import print_search
    from kmlp_cli.terminal.output import print_json
    from kmlp_tuning.search.export import search_to_dict

    if as_json:
        print_json(search_to_dict(search))
    else:
        print_search(search, every=True)
