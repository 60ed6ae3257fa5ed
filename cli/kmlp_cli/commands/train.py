"""`kmlp train`: one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from kmlp_cli.options.config import ConfigOptions
from kmlp_cli.options.execution import OneRunOptions
from kmlp_cli.options.output import OutputOptions
from kmlp_cli.options.study import DryRun, Epochs, Name, Patience
from kmlp_cli.options.targets import ModelOptions
from kmlp_cli.options.view import At, Metric, epoch_of, metric_of

if TYPE_CHECKING:
    from kmlp.studies.single_run import RunStudy
    from kmlp.training.run import At as Epoch


def train(
    epochs: Epochs = 10,
    patience: Patience = None,
    name: Name = None,
    at: At = None,
    metric: Metric = None,
    dry_run: DryRun = False,
    *,
    config: ConfigOptions,
    execution: OneRunOptions,
    targets: ModelOptions,
    output: OutputOptions,
) -> None:
    """Train one model, and show the results of every epoch."""
    from kmlp.errors import collect_errors
    from kmlp.studies.ablation_plan import PlannedLevel
    from kmlp.studies.plans import plan_rows, plan_table
    from kmlp.studies.single_run import train_study
    from kmlp.training.checks import check_count, check_patience, check_trainable
    from kmlp_cli.options.targets import save_run
    from kmlp_cli.render.lost import still_shown
    from kmlp_cli.render.printing import print_data, print_study
    from kmlp_cli.render.progress import show_progress
    from kmlp_cli.terminal.output import print_json

    execution.select_backend()
    epoch: Epoch | None = None
    with collect_errors() as step:
        with step():
            run_config = config.make()
        with step():
            check_patience(patience, check_count("epochs", epochs))
        with step():
            epoch = epoch_of(at, patience)
        with step():
            metric_of(metric)
        with step():
            execution.check()
        with step():
            targets.check()

    if dry_run:
        check_trainable([run_config], epochs=epochs, fused=execution.fused)
        [plan] = plan_rows(
            "seed",
            [PlannedLevel(value=run_config.seed, configs=[run_config], epochs=epochs)],
        )
        if output.as_json:
            numbers = {name: plan[name] for name in ("epochs", "parameters", "steps")}
            print_json(plan["derived"] | numbers | {"patience": patience})
        else:
            print_data(plan_table("seed", [plan], may_stop=patience is not None))
        return

    def show(study: RunStudy) -> None:
        if output.as_json:
            print_json(study.to_dict())
        else:
            print_study(study)

    with (
        still_shown(show),
        show_progress(("seed",), quiet=output.quiet, fresh=execution.fresh) as display,
        execution.opened(quiet=output.quiet, observer=display) as options,
    ):
        study = train_study(
            run_config,
            epochs=epochs,
            patience=patience,
            at=epoch or "best",
            metric=metric,
            name=name,
            execution=options,
        )
    show(study)
    targets.write_logs(study.study_runs())
    if targets.save is not None:
        save_run(study.run, targets.save)
    if study.run.status == "failed":
        raise typer.Exit(1)
