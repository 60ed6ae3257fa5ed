"""`kmlp tune`: a search for good hyperparameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp_cli.options.execution import ExecutionOptions
from kmlp_cli.options.output import OutputOptions
from kmlp_cli.options.search import SearchOptions
from kmlp_cli.options.space import SpaceOptions
from kmlp_cli.options.study import DryRun, Name
from kmlp_cli.options.targets import ModelOptions

if TYPE_CHECKING:
    from kmlp_tuning.search.results import Search

EPILOG = """\b
A field with several values, separated by commas, or with a range LOW:HIGH or LOW:HIGH:log
is searched. A field with one value is fixed. VALUE=...,VALUE=... has such a domain for each
value of another field, as a learning rate for each optimizer.

\b
Examples:
kmlp tune --max-trials 25
kmlp tune --width 64,128 --learning-rate 1e-4:1e-1:log --activation relu --dry-run
kmlp tune --depth 0:6 --momentum 0:0.99 --loss cross_entropy,multi_margin --max-trials 50
kmlp tune --optimizer sgd,adam --learning-rate sgd=1e-3:1:log,adam=1e-4:1e-1:log
kmlp tune --space space.toml --algorithm random --save best.keras"""


def tune(
    space_file: Annotated[
        Path | None,
        typer.Option(
            "--space",
            metavar="FILE.toml",
            help='A file with the search space, in lines such as width = "64,128". It '
            "replaces the default space, and options override it.",
            show_default=False,
        ),
    ] = None,
    name: Name = None,
    dry_run: DryRun = False,
    every: Annotated[
        bool, typer.Option("--all", help="Show all trials, not only the best ten.")
    ] = False,
    *,
    search: SearchOptions,
    space: SpaceOptions,
    execution: ExecutionOptions,
    targets: ModelOptions,
    output: OutputOptions,
) -> None:
    """Search for hyperparameters with a high validation accuracy.

    Many configurations are trained for a few epochs, and only the best ones continue
    (Hyperband). The best three are then trained again with other seeds, because the
    highest of many accuracies is too high on average.
    """
    from kmlp.errors import collect_errors
    from kmlp.settings import read_settings
    from kmlp_cli.options.targets import save_run
    from kmlp_cli.render.lost import still_shown
    from kmlp_cli.render.printing import print_data, print_study
    from kmlp_cli.render.progress import show_progress
    from kmlp_cli.terminal.output import print_json, say
    from kmlp_tuning.search.export import plan_to_dict
    from kmlp_tuning.search.run import run_search
    from kmlp_tuning.search.settings import make_settings
    from kmlp_tuning.search.tables import plan_table
    from kmlp_tuning.search.trial import stages_of

    backend = execution.select_backend()
    with collect_errors() as step:
        with step():
            search_space, base = space.read(space_file)
        with step():
            targets.check()
        with step():
            search.check()
        with step():
            execution.check()
    settings = make_settings(search_space, base, search.asked(), fused=execution.fused)
    if dry_run:
        read_settings(backend)
        if output.as_json:
            print_json(plan_to_dict(settings))
        else:
            print_data(plan_table(settings))
        return

    def show(study: Search) -> None:
        if output.as_json:
            print_json(study.to_dict())
        else:
            print_study(study, brief=not every)

    with (
        still_shown(show),
        show_progress(
            (*search_space.fields, "seed"),
            quiet=output.quiet,
            fresh=execution.fresh,
            stages=stages_of(settings),
        ) as display,
        execution.opened(quiet=output.quiet, observer=display) as options,
    ):
        study = run_search(settings, options, name=name)
    show(study)
    targets.write_logs(study.study_runs())
    if targets.save is not None:
        best = study.best()
        if best is None or best.run is None:
            say(f"Nothing was saved to {targets.save}: no trial has a model.")
            raise typer.Exit(1)
        save_run(best.run, targets.save)
    if study.failed:
        raise typer.Exit(1)
