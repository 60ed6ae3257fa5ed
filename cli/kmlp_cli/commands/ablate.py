"""`kmlp ablate`: one hyperparameter, several values, several seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmlp_cli.options.executor import ExecutorOptions, executor_options
from kmlp_cli.options.shared import (
    Backend,
    Baseline,
    ConfigOptions,
    Convergence,
    Epochs,
    Fresh,
    Fused,
    Jobs,
    Json,
    Name,
    Quiet,
    RunsDir,
    TargetAccuracy,
    TensorBoard,
    config_options,
    target_share,
)

if TYPE_CHECKING:
    from kmlp.studies.ablation import Ablation

EPILOG = """\b
Every option from --dataset to --train-size is an axis: --param train_size.

\b
Examples:
kmlp ablate --param width --values 32,128,512
kmlp ablate --param width --values 128,300x100
kmlp ablate --param learning_rate --values 1e-3,1e-2,1e-1 --depth 1 --seeds 5
kmlp ablate --param activation --values relu,gelu,my_module:my_function
kmlp ablate --param train_size --values 1000,10000,all --json > sizes.json"""


@config_options
@executor_options
def ablate(
    param: Annotated[
        str, typer.Option(help="The axis: the field of the configuration to vary.")
    ],
    values: Annotated[
        str, typer.Option(help="Its values, separated by commas: 32,128,512.")
    ],
    config: ConfigOptions,
    epochs: Epochs = 10,
    seeds: Annotated[
        int, typer.Option(help="Runs of every value: with --seed, --seed + 1, ...")
    ] = 3,
    backend: Backend = None,
    fused: Fused = True,
    jobs: Jobs = None,
    *,
    training: ExecutorOptions,
    name: Name = None,
    runs_dir: RunsDir = None,
    fresh: Fresh = False,
    baseline: Baseline = None,
    convergence: Convergence = False,
    target_accuracy: TargetAccuracy = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be trained, and stop.")
    ] = False,
    tensorboard: TensorBoard = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Vary one hyperparameter, and see with error bars what it does.

    Every value is trained with the same seeds, so that differences are paired.
    """
    from kmlp import backend as backends
    from kmlp.errors import gather
    from kmlp.export.json import ablation_to_dict
    from kmlp.model.config import axis_field, parse_axis_values
    from kmlp.studies.ablation import ablate as run_ablation
    from kmlp.studies.ablation import check_baseline, plan
    from kmlp.training.checks import check_count
    from kmlp_cli.options.targets import check_log_folder, save_logs
    from kmlp_cli.render import tables
    from kmlp_cli.render.lost import still_shown
    from kmlp_cli.render.output import print_json, print_table
    from kmlp_cli.render.progress import show_progress

    backends.select(backend)
    axis_values: tuple[Any, ...] = ()
    example: dict[str, Any] = {}

    def parse_values() -> None:
        nonlocal axis_values
        axis_values = parse_axis_values(param, values)
        # Of widths, one that states the depth, wherever it stands.
        example[param] = max(axis_values, key=lambda value: isinstance(value, tuple))
        if baseline is not None:
            check_baseline(param, axis_values, axis_field(param).parse(baseline))

    _, base, target, *_ = gather(
        [
            parse_values,
            lambda: config.make(**example),
            lambda: target_share(target_accuracy),
            lambda: check_count("epochs", epochs),
            lambda: check_count("seeds", seeds),
            lambda: jobs is None or check_count("jobs", jobs),
            training.check,
            lambda: check_log_folder(tensorboard),
        ]
    )
    if dry_run:
        rows = plan(param, axis_values, base=base, seeds=seeds, epochs=epochs, fused=fused)
        steps = tables.plan_rows(param, rows, epochs)
        if as_json:
            print_json({"axis": param, "epochs": epochs, "seeds": seeds, "values": steps})
        else:
            print_table(tables.plan_table(param, steps))
        return

    def show(study: Ablation) -> None:
        compared = None if baseline is None else axis_field(param).parse(baseline)
        if compared in [level.value for level in study.levels]:
            study = study.compared_with(compared)
        if as_json:
            print_json(ablation_to_dict(study, target=target))
        else:
            print_ablation(study, convergence=convergence, target=target)

    with (
        still_shown(show),
        show_progress((param, "seed"), quiet=quiet, fresh=fresh) as display,
        training.opened(jobs, quiet=quiet) as trained_by,
    ):
        study = run_ablation(
            param,
            axis_values,
            base=base,
            seeds=seeds,
            epochs=epochs,
            fused=fused,
            observer=display,
            runs_dir=runs_dir,
            fresh=fresh,
            name=name,
            **trained_by,
        )
    show(study)
    if tensorboard is not None:
        save_logs(study.study_runs(), tensorboard)
    if any(value.failed for value in study.levels):
        raise typer.Exit(1)


def print_ablation(study: Ablation, *, convergence: bool, target: float | None) -> None:
    """Prints what came of an ablation.

    Args:
        study: Any.
        convergence: Whether to show how each value learned.
        target: The accuracy (0 to 1) that they took how long to reach, which shows it,
            too.
    """
    from kmlp.studies.conclusion import conclusion
    from kmlp_cli.render import tables
    from kmlp_cli.render.output import print_lines, print_table

    print_table(tables.ablation_table(study), conclusion(study))
    if convergence or target is not None:
        print_lines()
        print_table(tables.convergence_table(study, target))
