"""`kmlp show`: the results of a study."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp.errors import raise_problems
from kmlp_cli.loading import Study, load_study, opened
from kmlp_cli.options.shared import (
    Baseline,
    Convergence,
    Json,
    RunsDir,
    TargetAccuracy,
    target_share,
)

if TYPE_CHECKING:
    from kmlp.studies.ablation import Ablation
    from kmlp.studies.config_list import ConfigList
    from kmlp.training.run import Run
    from kmlp_tuning.search.results import Search


@dataclass(frozen=True, slots=True)
class _View:
    """How a study is shown."""

    as_json: bool
    baseline: str | None
    convergence: bool
    target: float | None

    def check_plain(self, kind: str) -> None:
        """Raises:
        ConfigError: if it asks for what only an ablation has.
        """
        raise_problems(
            f"{option} is for ablations; this study is of the kind {kind}."
            for option, given in (
                ("--baseline", self.baseline is not None),
                ("--convergence", self.convergence),
                ("--target-accuracy", self.target is not None),
            )
            if given
        )


def show(
    study: Study,
    baseline: Baseline = None,
    convergence: Convergence = False,
    target_accuracy: TargetAccuracy = None,
    runs_dir: RunsDir = None,
    as_json: Json = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print a line for every epoch of every run.")
    ] = False,
) -> None:
    """Show what a study has come to, as the command that asked for it does."""
    from kmlp.errors import ConfigError
    from kmlp.export.files import write_csv

    if as_json and as_csv:
        raise ConfigError(["Give --json or --csv, not both."])
    view = _View(as_json, baseline, convergence, target_share(target_accuracy))
    with opened(runs_dir) as store:
        found = load_study(store, study)
    kind = found.record.kind
    if kind != "ablation":
        view.check_plain(kind)
    if as_csv:
        write_csv(found.runs.rows(), sys.stdout)
    elif kind == "train":
        _show_run(found.answer, view)
    elif kind == "ablation":
        _show_ablation(found.answer, view)
    elif kind == "trials":
        _show_trials(found.answer, view)
    else:
        _show_search(found.answer, view)
    found.say_limits()


def _show_run(run: Run, view: _View) -> None:
    from kmlp.export.json import run_to_json
    from kmlp_cli.render import tables
    from kmlp_cli.render.output import print_json, print_table

    if view.as_json:
        print_json(run_to_json(run))
    else:
        print_table(tables.run_table(run), tables.run_summary(run))


def _show_ablation(ablation: Ablation, view: _View) -> None:
    from kmlp.export.json import ablation_to_dict
    from kmlp.model.config import axis_field
    from kmlp_cli.commands.ablate import print_ablation
    from kmlp_cli.render.output import print_json

    if view.baseline is not None:
        value = axis_field(ablation.axis).parse(view.baseline)
        ablation = ablation.compared_with(value)
    if view.as_json:
        print_json(ablation_to_dict(ablation, target=view.target))
    else:
        print_ablation(ablation, convergence=view.convergence, target=view.target)


def _show_trials(trials: ConfigList, view: _View) -> None:
    from kmlp.export.json import config_list_to_dict
    from kmlp_cli.render.config_list_tables import print_config_list
    from kmlp_cli.render.output import print_json

    if view.as_json:
        print_json(config_list_to_dict(trials))
    else:
        print_config_list(trials)


def _show_search(search: Search, view: _View) -> None:
    from kmlp_cli.commands.tune import print_search
    from kmlp_cli.render.output import print_json
    from kmlp_tuning.search.export import search_to_dict

    if view.as_json:
        print_json(search_to_dict(search))
    else:
        print_search(search, every=True)
