"""`kmlp train`: one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp_cli.options.executor import ExecutorOptions, executor_options
from kmlp_cli.options.shared import (
    Backend,
    ConfigOptions,
    Epochs,
    Fresh,
    Fused,
    Json,
    Name,
    Quiet,
    RunsDir,
    TensorBoard,
    config_options,
)

if TYPE_CHECKING:
    from kmlp.training.run import Run


@config_options
@executor_options
def train(
    config: ConfigOptions,
    epochs: Epochs = 10,
    backend: Backend = None,
    fused: Fused = True,
    *,
    training: ExecutorOptions,
    name: Name = None,
    runs_dir: RunsDir = None,
    fresh: Fresh = False,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.keras",
            help="Save the trained model. It loads in a Python without kmlp; an "
            "activation of your own has to be given there.",
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
    """Train one model, and show what each epoch came to."""
    from kmlp import backend as backends
    from kmlp.errors import gather
    from kmlp.export.json import run_to_json
    from kmlp.studies.rows import one_run
    from kmlp.studies.runner import train as run_training
    from kmlp.training.checks import check_count
    from kmlp_cli.options.targets import check_log_folder, check_target, save_logs, save_run
    from kmlp_cli.render.lost import still_shown
    from kmlp_cli.render.output import print_json, print_table
    from kmlp_cli.render.progress import show_progress
    from kmlp_cli.render.tables import run_summary, run_table

    backends.select(backend)
    run_config, *_ = gather(
        [
            config.make,
            lambda: check_count("epochs", epochs),
            training.check,
            lambda: check_target(save, overwrite=overwrite),
            lambda: check_log_folder(tensorboard),
        ]
    )

    def show(run: Run) -> None:
        if as_json:
            print_json(run_to_json(run))
        else:
            print_table(run_table(run), run_summary(run))

    with (
        still_shown(show),
        show_progress(("seed",), quiet=quiet, fresh=fresh) as display,
        training.opened(None, quiet=quiet) as trained_by,
    ):
        run = run_training(
            run_config,
            epochs=epochs,
            fused=fused,
            observer=display,
            runs_dir=runs_dir,
            fresh=fresh,
            name=name,
            **trained_by,
        )
    show(run)
    if tensorboard is not None:
        [study] = display.studies
        save_logs(one_run(study, run), tensorboard)
    if save is not None:
        save_run(run, save)
    if run.status == "failed":
        raise typer.Exit(1)
