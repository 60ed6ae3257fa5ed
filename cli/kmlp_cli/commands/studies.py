"""`kmlp studies`, `show`, `runs`, `rm`: what the runs folder has."""

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
from kmlp_cli.render.output import say
from kmlp_cli.surroundings import confirmed

if TYPE_CHECKING:
    from kmlp.store.claims import Holder
    from kmlp.studies.ablation import Ablation
    from kmlp.studies.config_list import ConfigList
    from kmlp.training.run import Run
    from kmlp_tuning.search.results import Search


def studies(runs_dir: RunsDir = None, as_json: Json = False) -> None:
    """List the studies, the one that was asked last first."""
    from kmlp.store.studies import list_studies
    from kmlp_cli.render.output import print_json, print_table
    from kmlp_cli.render.store_tables import studies_table

    with opened(runs_dir) as store:
        found = list_studies(store)
        damaged = [str(error) for error in store.damaged.values()]
    if as_json:
        print_json({"studies": [it.to_dict() for it in found], "damaged": damaged})
    else:
        print_table(studies_table(found))


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


def runs(
    study: Annotated[
        str | None, typer.Option(help="Only the runs of this study.", show_default=False)
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            help="Only runs that are finished, diverged or failed.", show_default=False
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
        int, typer.Option(help="The most to list; 0: all.", min=0, max=10**9)
    ] = 50,
    runs_dir: RunsDir = None,
    as_json: Json = False,
) -> None:
    """List the runs, the one that was trained last first."""
    from kmlp.store.listing import list_runs, parse_filters
    from kmlp_cli.render.output import print_json_list, print_table
    from kmlp_cli.render.store_tables import runs_table

    filters = parse_filters(where or [], status=status)
    with opened(runs_dir) as store:
        found = list_runs(store, filters, study=study)
    shown = found[:limit] if limit else found
    if as_json:
        print_json_list("runs", [run.to_dict() for run in shown])
    else:
        print_table(runs_table(shown))
    if len(shown) < len(found):
        say(f"{len(shown)} of {len(found)} runs; --limit 0 lists all.")


def _say_wait(holder: Holder) -> None:
    from kmlp.store.claims import SECONDS_UNTIL_STALE

    say(
        f"Runs of it are claimed by {holder}. Looking for up to "
        f"{SECONDS_UNTIL_STALE:.0f} s whether that process lives."
    )


def rm(
    study: Study,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    runs_dir: RunsDir = None,
) -> None:
    """Remove a study, and the runs that no other study uses."""
    from kmlp.store.studies import check_study, remove_study, runs_of_study

    with opened(runs_dir, writable=True) as store:
        check_study(store, study)
        alone, shared = runs_of_study(store, study)
        say(
            f'Runs of "{study}" that no other study uses, and that would be removed: '
            f"{len(alone)}. Runs that stay, because one does: {len(shared)}."
        )
        if not (yes or confirmed("Remove it?", "--yes")):
            say("Nothing was removed.")
            raise typer.Exit(1)
        remove_study(store, study, waits=_say_wait)
    say(f'Removed "{study}".')
