"""`kmlp ablate`: vary one hyperparameter, with several seeds for each value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmlp_cli.options.config import ConfigOptions
from kmlp_cli.options.execution import ExecutionOptions
from kmlp_cli.options.output import OutputOptions
from kmlp_cli.options.study import DryRun, Name, Patience, Retune, RetuneTrials
from kmlp_cli.options.targets import LogOptions
from kmlp_cli.options.view import ViewOptions, margin_of

if TYPE_CHECKING:
    from kmlp.model.metrics import Metric
    from kmlp.studies.ablation import Ablation
    from kmlp.training.run import At

EPILOG = """\b
Every option of the configuration but --seed can be varied: --param train_size.
The values of epochs and patience are read from the same runs, trained once.

\b
Examples:
kmlp ablate --param width --values 32,128,512
kmlp ablate --param width --values 128,300x100
kmlp ablate --param learning_rate --values 1e-3,1e-2,1e-1 --depth 1 --seeds 5
kmlp ablate --param activation --values relu,gelu,my_module:my_function
kmlp ablate --param epochs --values 5,10,20
kmlp ablate --param patience --values 1,3,10 --epochs 30
kmlp ablate --param width --values 32,128,512 --epochs 50 --patience 5
kmlp ablate --param train_size --values 1000,10000,all --json > sizes.json
kmlp ablate --param batch_size --values 1,32,128 --retune learning_rate
kmlp ablate --param depth --values 1,3 --retune learning_rate=1e-3:3:log,momentum"""


def ablate(
    param: Annotated[str, typer.Option(help="The field of the configuration to vary.")],
    values: Annotated[
        str, typer.Option(help="The values of this field, separated by commas: 32,128,512.")
    ],
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Epochs of every run.  [default: 10, or the largest value of epochs]",
            show_default=False,
        ),
    ] = None,
    patience: Patience = None,
    seeds: Annotated[
        str,
        typer.Option(
            metavar="<int>|auto|auto:<int>",
            help="Number of runs of every value, with the seeds --seed, --seed + 1, ... "
            "auto: as many as the question needs, at most 20, or at most auto:<int>.",
        ),
    ] = "5",
    retune: Retune = None,
    retune_trials: RetuneTrials = 12,
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
    from kmlp.model.params import parse_param_values
    from kmlp.studies.ablate import ablation_spec, retuning_of
    from kmlp.studies.ablation_plan import plan
    from kmlp.studies.auto_seeds import parse_seeds
    from kmlp.studies.plans import plan_rows, plan_table
    from kmlp.studies.runner import train_all
    from kmlp.training.checks import check_count
    from kmlp_cli.render.lost import still_shown
    from kmlp_cli.render.printing import print_data, print_study
    from kmlp_cli.render.progress import show_progress
    from kmlp_cli.terminal.output import print_json

    execution.select_backend()
    levels: Sequence[Any] = ()
    baseline: str | None = None
    margin: float | None = None
    at: At | None = None
    metric: Metric | None = None
    number: int | str = seeds
    with collect_errors() as step:
        with step():
            levels = parse_param_values(param, values)
            baseline = view.baseline_among(param, levels)
        with step():
            base = config.make(**_example(param, levels))
        with step():
            view.check_target()
        with step():
            metric = view.measure()
            margin = margin_of(view.margin, metric)
        with step():
            at = view.epoch()
        with step():
            if epochs is not None:
                check_count("epochs", epochs)
        with step():
            number = parse_seeds(seeds)
        with step():
            execution.check()
        with step():
            logs.check()
    asked: dict[str, Any] = {
        "base": base,
        "seeds": number,
        "epochs": epochs,
        "patience": patience,
        "fused": execution.fused,
    }
    spec = ablation_spec(
        param,
        levels,
        **asked,
        retune=retune,
        retune_trials=retune_trials,
        baseline=baseline,
        margin=margin,
        at=at,
        metric=metric,
        name=name,
    )
    if dry_run:
        planned = plan(param, levels, **asked)
        retuning = retuning_of(
            retune, param, trials=retune_trials, seed=base.seed, seeds=number
        )
        steps = plan_rows(param, planned, retuning)
        epochs = max(level.epochs for level in planned)
        if output.as_json:
            settings = {"epochs": epochs, "patience": patience, "seeds": number}
            print_json({"param": param, **settings, "levels": steps})
        else:
            may_stop = isinstance(number, str) or (patience, retune) != (None, None)
            print_data(plan_table(param, steps, may_stop=may_stop))
        return

    def show(study: Ablation) -> None:
        try:
            shown = view.applied(study)
        except ConfigError:  # the runs folder was lost before the baseline was trained
            shown = view.applied(study, baseline=False)
        if output.as_json:
            print_json(shown.to_dict())
        else:
            print_study(shown, brief=not view.every)

    with (
        still_shown(show),
        show_progress(
            (*_names(param), *_fields_of(retune), "seed"),
            quiet=output.quiet,
            fresh=execution.fresh,
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
    if not levels or not _names(param):
        return {}
    return {param: max(levels, key=lambda level: isinstance(level, tuple))}


def _fields_of(retune: str | None) -> list[str]:
    """The fields that are retuned, which differ between runs."""
    return [part.partition("=")[0].strip() for part in retune.split(",")] if retune else []


def _names(param: str) -> list[str]:
    """The parameter, if it is a field of the configuration."""
    from kmlp.model.hyperparameters import config_fields

    return [param] if param in config_fields() else []
