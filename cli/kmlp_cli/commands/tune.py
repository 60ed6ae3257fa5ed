"""`kmlp tune`: a search for good hyperparameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmlp_cli.options.executor import ExecutorOptions, executor_options
from kmlp_cli.options.shared import (
    Backend,
    ConfigOptions,
    Fresh,
    Fused,
    Jobs,
    Json,
    Name,
    Quiet,
    RunsDir,
    TensorBoard,
    space_options,
)
from kmlp_tuning.space.domains import SEARCHED

if TYPE_CHECKING:
    from kmlp.model.config import RunConfig
    from kmlp_tuning.search.results import Search
    from kmlp_tuning.search.settings import SearchSettings
    from kmlp_tuning.space.space import SearchSpace

EPILOG = """\b
A field with several values, separated by commas, or with a range LOW:HIGH or LOW:HIGH:log
is searched; one with one value is fixed. A file of --space replaces the default space.

\b
Examples:
kmlp tune --max-trials 25
kmlp tune --width 64,128 --learning-rate 1e-4:1e-1:log --activation relu --plan
kmlp tune --depth 0:6 --momentum 0:0.99 --loss cross_entropy,multi_margin --max-trials 50
kmlp tune --space space.toml --algorithm random --save best.keras"""


@space_options(SEARCHED)
@executor_options
def tune(
    config: ConfigOptions,
    max_trials: Annotated[
        int | None,
        typer.Option(
            help="Configurations to choose, all different.  [default: 25; for a grid all]"
        ),
    ] = None,
    algorithm: Annotated[
        str,
        typer.Option(
            help="hyperband; asha, which does not wait, so that what it promotes depends "
            "on timing; random; bayesian; grid."
        ),
    ] = "hyperband",
    space: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml",
            help='The space as a file, with lines such as width = "64,128". Options go '
            "before it.",
            show_default=False,
        ),
    ] = None,
    objective: Annotated[
        str,
        typer.Option(
            help="What chooses, after the last epoch: val_accuracy, val_loss, accuracy, "
            "loss."
        ),
    ] = "val_accuracy",
    max_epochs: Annotated[int, typer.Option(help="Epochs of the best.")] = 10,
    min_epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of every configuration at least.  [default: 1]"),
    ] = None,
    factor: Annotated[
        int | None, typer.Option(help="One of so many is promoted.  [default: 3]")
    ] = None,
    replicates: Annotated[
        int,
        typer.Option(
            help="Other seeds with which the best three are trained again; 0: not at all."
        ),
    ] = 3,
    backend: Backend = None,
    fused: Fused = True,
    jobs: Jobs = None,
    *,
    training: ExecutorOptions,
    name: Name = None,
    runs_dir: RunsDir = None,
    fresh: Fresh = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be trained, and stop.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Show all trials, not the best ten only.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.keras",
            help="Save the best trial's model, as kmlp train does.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let --save replace a file.")
    ] = False,
    tensorboard: TensorBoard = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for the hyperparameters with the best validation accuracy.

    Many configurations are trained for a few epochs, and only the best of them go on
    (Hyperband). The best three are then trained again with other seeds, because the
    highest of many accuracies is optimistic.
    """
    from kmlp import backend as backends
    from kmlp.errors import gather
    from kmlp.settings import read_settings
    from kmlp.training.checks import check_count
    from kmlp_cli.options.targets import check_log_folder, check_target, save_logs, save_run
    from kmlp_cli.render.lost import still_shown
    from kmlp_cli.render.output import print_json, print_table, say
    from kmlp_cli.render.progress import show_progress
    from kmlp_cli.render.search_tables import plan_table
    from kmlp_tuning.search.export import plan_to_dict, search_to_dict
    from kmlp_tuning.search.run import tune as run_search
    from kmlp_tuning.search.settings import make_settings

    backends.select(backend)
    (found, base), *_ = gather(
        [
            lambda: _space(config, space),
            lambda: check_target(save, overwrite=overwrite),
            lambda: check_log_folder(tensorboard),
            lambda: max_trials is None or check_count("max_trials", max_trials),
            lambda: check_count("max_epochs", max_epochs),
            lambda: jobs is None or check_count("jobs", jobs),
            training.check,
        ]
    )
    asked: dict[str, Any] = {
        "max_trials": max_trials,
        "algorithm": algorithm,
        "objective": objective,
        "max_epochs": max_epochs,
        "min_epochs": min_epochs,
        "factor": factor,
        "replicates": replicates,
        "fused": fused,
    }
    settings = make_settings(found, base, **asked)
    if plan:
        read_settings(backends.select(backend))
        if as_json:
            print_json(plan_to_dict(settings))
        else:
            print_table(plan_table(settings))
        return

    def show(search: Search) -> None:
        if as_json:
            print_json(search_to_dict(search))
        else:
            print_search(search, every=every)

    shown, stages = (*found.fields, "seed"), stages_of(settings)
    with (
        still_shown(show),
        show_progress(shown, quiet=quiet, fresh=fresh, stages=stages) as display,
        training.opened(jobs, quiet=quiet) as trained_by,
    ):
        search = run_search(
            found,
            base=base,
            observer=display,
            runs_dir=runs_dir,
            fresh=fresh,
            name=name,
            **trained_by,
            **asked,
        )
    show(search)
    if tensorboard is not None:
        save_logs(search.study_runs(), tensorboard)
    best = search.best()
    if save is not None:
        if best is None or best.run is None:
            say(f"Nothing was saved to {save}: no trial came to a model.")
            raise typer.Exit(1)
        save_run(best.run, save)
    if search.failed:
        raise typer.Exit(1)


def stages_of(settings: SearchSettings) -> dict[str, int]:
    """The stages of a search, and how many runs each has, for the progress display."""
    from kmlp_tuning.search.trial import REPLICATION, stage_name

    return {
        stage_name(number, level): rung.configurations
        for number, bracket in enumerate(settings.plan(), start=1)
        for level, rung in enumerate(bracket.rungs, start=1)
    } | {REPLICATION: settings.replicated * settings.replicates}


def print_search(search: Search, *, every: bool = False) -> None:
    """Prints what came of a search, all of it or the best ten trials."""
    from kmlp.studies.conclusion import conclusion
    from kmlp_cli.render import search_tables as tables
    from kmlp_cli.render.output import print_lines, print_table

    print_table(tables.search_table(search, every=every))
    if search.importances is not None:
        print_table(
            tables.importance_table(search.importances),
            search.importances.meaning,
        )
    if search.replication is not None:
        print_table(
            tables.replication_table(search, search.replication),
            conclusion(search.replication),
        )
    print_lines(*tables.best_lines(search))


def _space(config: ConfigOptions, path: Path | None) -> tuple[SearchSpace, RunConfig]:
    """What is searched, and the fixed fields."""
    from kmlp.model.config import parse_config
    from kmlp_tuning.space.domains import parse_space, read_space
    from kmlp_tuning.space.space import SearchSpace

    texts = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in config.given.items()
        if value is not None and name != "seed"
    }
    found = parse_space(texts, searched=SEARCHED if path is None else read_space(path))
    seed = parse_config({"seed": str(config.given["seed"])}).seed
    space = SearchSpace(found.searched)
    return space, space.base({**found.fixed, "seed": seed})
