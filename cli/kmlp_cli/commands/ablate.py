"""`kmlp ablate`: vary one hyperparameter, with several seeds for each value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmlp_cli.options.config import ConfigOptions
from kmlp_cli.options.execution import ExecutionOptions
from kmlp_cli.options.output import OutputOptions
from kmlp_cli.options.study import DryRun, Epochs, Name
from kmlp_cli.options.targets import LogOptions
from kmlp_cli.options.view import ViewOptions

if TYPE_CHECKING:
    from kmlp.studies.ablation import Ablation

EPILOG = """\b
Every option of the configuration but --seed can be varied: --param train_size.

\b
Examples:
kmlp ablate --param width --values 32,128,512
kmlp ablate --param width --values 128,300x100
kmlp ablate --param learning_rate --values 1e-3,1e-2,1e-1 --depth 1 --seeds 5
kmlp ablate --param activation --values relu,gelu,my_module:my_function
kmlp ablate --param train_size --values 1000,10000,all --json > sizes.json"""


def ablate(
    param: Annotated[str, typer.Option(help="The field of the configuration to vary.")],
    values: Annotated[
        str, typer.Option(help="The values of this field, separated by commas: 32,128,512.")
    ],
    epochs: Epochs = 10,
    seeds: Annotated[
        int,
        typer.Option(
            help="Number of runs of every value, with the seeds --seed, --seed + 1, ..."
        ),
    ] = 3,
    name: Name = None,
    dry_run: DryRun = False,
    *,
    view: ViewOptions,
    config: ConfigOptions,
    execution: ExecutionOptions,
    logs: LogOptions,
    output: OutputOptions,
) -> None:
    """Vary one hyperparameter, and show its effect with error bars.

    Every value is trained with the same seeds, so that differences are paired by seed.
    """
    from kmlp.errors import ConfigError, collect_errors
    from kmlp.model.config import parse_param_values
    from kmlp.studies.ablation import ablation_spec
    from kmlp.studies.ablation_plan import plan
    from kmlp.studies.plans import plan_rows, plan_table
    from kmlp.studies.runner import train_all
    from kmlp.training.checks import check_count
    from kmlp_cli.render.lost import still_shown
    from kmlp_cli.render.printing import print_data, print_study
    from kmlp_cli.render.progress import show_progress
    from kmlp_cli.terminal.output import print_json

    execution.select_backend()
    levels: Sequence[Any] = ()
    with collect_errors() as step:
        with step():
            levels = parse_param_values(param, values)
            view.check_baseline(param, levels)
        with step():
            base = config.make(**_example(param, levels))
        with step():
            target = view.target()
        with step():
            check_count("epochs", epochs)
        with step():
            check_count("seeds", seeds)
        with step():
            execution.check()
        with step():
            logs.check()
    if dry_run:
        rows = plan(
            param, levels, base=base, seeds=seeds, epochs=epochs, fused=execution.fused
        )
        steps = plan_rows(param, rows, epochs)
        if output.as_json:
            print_json({"param": param, "epochs": epochs, "seeds": seeds, "levels": steps})
        else:
            print_data(plan_table(param, steps))
        return

    spec = ablation_spec(
        param,
        levels,
        base=base,
        seeds=seeds,
        epochs=epochs,
        fused=execution.fused,
        name=name,
    )

    def show(study: Ablation) -> None:
        try:
            shown = view.applied(study, target)
        except ConfigError:  # the runs folder was lost before the baseline was trained
            shown = study.viewed(convergence=view.convergence, target_accuracy=target)
        if output.as_json:
            print_json(shown.to_dict())
        else:
            print_study(shown)

    with (
        still_shown(show),
        show_progress(
            (param, "seed"), quiet=output.quiet, fresh=execution.fresh
        ) as display,
        execution.opened(quiet=output.quiet, observer=display) as options,
    ):
        [study] = train_all([spec], options)
    show(study)
    logs.write_logs(study.study_runs())
    if any(level.failed for level in study.levels):
        raise typer.Exit(1)


def _example(param: str, levels: Sequence[Any]) -> dict[str, Any]:
    """A level of the parameter to check the base with; empty if the levels are wrong.

    A width with a number for each layer comes first, because it determines the depth.
    """
    if not levels:
        return {}
    return {param: max(levels, key=lambda level: isinstance(level, tuple))}
