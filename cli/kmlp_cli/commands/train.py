"""`kmlp train`: one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from kmlp_cli.options.config import ConfigOptions
from kmlp_cli.options.execution import OneRunOptions
from kmlp_cli.options.output import OutputOptions
from kmlp_cli.options.study import DryRun, Epochs, Name
from kmlp_cli.options.targets import ModelOptions

if TYPE_CHECKING:
    from kmlp.training.run import Run


def train(
    epochs: Epochs = 10,
    name: Name = None,
    dry_run: DryRun = False,
    *,
    config: ConfigOptions,
    execution: OneRunOptions,
    targets: ModelOptions,
    output: OutputOptions,
) -> None:
    """Train one model, and show the results of every epoch."""
    from kmlp.errors import collect_errors
    from kmlp.export.json import run_to_json
    from kmlp.studies.rows import one_run
    from kmlp.studies.runner import train as run_training
    from kmlp.training.checks import check_count, check_trainable
    from kmlp_cli.options.targets import save_run
    from kmlp_cli.render.lost import still_shown
    from kmlp_cli.render.progress import show_progress
    from kmlp_cli.render.tables import plan_rows, plan_table, run_summary, run_table
    from kmlp_cli.terminal.output import print_json, print_table

    execution.select_backend()
    with collect_errors() as step:
        with step():
            run_config = config.make()
        with step():
            check_count("epochs", epochs)
        with step():
            execution.check()
        with step():
            targets.check()

    if dry_run:
        check_trainable([run_config], epochs=epochs, fused=execution.fused)
        [plan] = plan_rows("seed", [[run_config]], epochs)
        if output.as_json:
            print_json({name: plan[name] for name in ("epochs", "parameters", "steps")})
        else:
            print_table(plan_table("seed", [plan]))
        return

    def show(run: Run) -> None:
        if output.as_json:
            print_json(run_to_json(run))
        else:
            print_table(run_table(run), run_summary(run))

    with (
        still_shown(show),
        show_progress(("seed",), quiet=output.quiet, fresh=execution.fresh) as display,
        execution.opened(quiet=output.quiet) as keywords,
    ):
        run = run_training(
            run_config,
            epochs=epochs,
            observer=display,
            name=name,
            **keywords,
        )
    show(run)
    if targets.tensorboard is not None:
        [study] = display.studies
        targets.write_logs(one_run(study, run))
    if targets.save is not None:
        save_run(run, targets.save)
    if run.status == "failed":
        raise typer.Exit(1)
