"""Ask for an ablation: check the question, and train what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from kmlp.engine import Executor, Observer
from kmlp.errors import ConfigError, call_all, raise_problems
from kmlp.model.config import RunConfig
from kmlp.model.identity import fixed_identity
from kmlp.model.metrics import Metric
from kmlp.model.text import value_text
from kmlp.statistics import looks
from kmlp.studies._keywords import config_of
from kmlp.studies._retuned_rows import RetunedRows, check_tunable
from kmlp.studies._retuning import TRIALS, Retune, Retuning, read_retuning
from kmlp.studies.ablation import Ablation, ablation_of
from kmlp.studies.ablation_plan import (
    SEEDS,
    Seeds,
    check_baseline,
    check_epoch,
    check_margin,
    plan,
    read_value,
)
from kmlp.studies.auto_seeds import AutoSeeds, more_seeds, read_seeds
from kmlp.studies.axis import axis_of
from kmlp.studies.execution import Execution, ExecutorName, RunsDir
from kmlp.studies.judging import check_same_losses
from kmlp.studies.learning import facts_of, facts_to_lists
from kmlp.studies.level_tuning import TuningRule
from kmlp.studies.measure import metric_of
from kmlp.studies.runner import StudySpec, train_all
from kmlp.training.run import At


def ablate(
    param: str,
    values: Sequence[Any],
    *,
    base: RunConfig | None = None,
    seeds: Seeds = SEEDS,
    epochs: int | None = None,
    patience: int | None = None,
    retune: Retune = None,
    retune_trials: int = TRIALS,
    baseline: Any = None,
    margin: float | None = None,
    at: At | None = None,
    metric: Metric | str | None = None,
    fused: bool = True,
    observer: Observer | None = None,
    executor: ExecutorName | Executor = "local",
    jobs: int | None = None,
    runs_dir: RunsDir = None,
    fresh: bool = False,
    name: str | None = None,
    **fields: Any,
) -> Ablation:
    """Train a model for every value of one hyperparameter and every seed.

    Args:
        param: The field of `RunConfig` to vary, any but `seed`; or "epochs" or "patience",
            whose values are read from the same runs. Those of "epochs" are judged after
            that epoch; those of "patience" by the test accuracy at the epoch that early
            stopping would have kept.
        values: The values of the field, at least one, each given once. A value of `width`
            can be a sequence with a number for each hidden layer: `[32, (300, 100)]`.
        base: The other fields, as a configuration in place of `fields`. Defaults to None.
        seeds: The seeds of the replicates, the same for every value; a number
            `n` stands for `base.seed`, ..., `base.seed + n - 1`. "auto" trains as many as
            the question needs, with looks at the results that the p-values are corrected
            for; "auto:N" at most `N`, 20 for "auto". Defaults to 5.
        epochs: The number of epochs of every run, `epochs >= 1`. Defaults to None: 10, or
            the largest value if `epochs` varies.
        patience: The number of epochs without a better validation value after which a run
            stops early, `1 <= patience < epochs`; `epochs` is then the most epochs.
            Studies with different patiences are different studies, which share their runs.
            Defaults to None: no early stopping.
        retune: The fields that are tuned anew for each value, so that no value looks worse
            because the learning rate, for example, does not suit it: names,
            `["learning_rate", "momentum"]`; ranges by name, each None for the default one;
            or a text as on the command line, `"learning_rate=1e-3:3:log"`. The settings are
            chosen by runs with other seeds. Defaults to None: no field.
        retune_trials: The number of settings that are tried for each value. A third of them
            go on to more epochs, twice. Defaults to 12.
        baseline: The value that the others are compared with, or its text. It is kept with
            the study, like `margin` and `at`: one that is chosen after the results is shown
            as such. Defaults to None: the one that the study was shown with, else the best
            value.
        margin: The difference in the metric, from 0 to 1 for accuracies, up to which two
            values count as the same. Defaults to None: the one that the study was shown
            with, else 0.002 for accuracies, which is 0.2 points, and no margin for losses.
        at: The epoch at which each run is judged: "best", the one with the best validation
            value of the metric, which early stopping would keep; or "last". Defaults to
            None: the one that the study was shown with, else "best".
        metric: The metric that compares the values, and that early stopping watches:
            "accuracy" or "loss". Defaults to None: the one that the study was shown with,
            else "accuracy".
        fused: See `kmlp.Execution`.
        observer: See `kmlp.Execution`.
        executor: See `kmlp.Execution`.
        jobs: See `kmlp.Execution`.
        runs_dir: See `kmlp.Execution`.
        fresh: See `kmlp.Execution`.
        name: The name of the study. Defaults to None: derived from the other arguments.
        **fields: The other fields of `RunConfig` that differ from their defaults.

    Returns:
        The ablation: every run, and the comparison of the values.

    Raises:
        ConfigError: with every problem of the arguments, before any training.
        BackendError: if there is no backend.
        StoreError: if the runs folder cannot be used.

    Example:
    >>> from kmlp import ablate
    >>> study = ablate("depth", [0, 1], train_size=2000, seeds=2, epochs=2, jobs=1)
    >>> [value.parameters for value in study.levels]
    [7850, 101770]
    """
    raise_problems(
        f"`{field}` is the parameter that varies, so a single value has no effect. Leave "
        f"`{field}` out."
        for field in fields
        if field == param
    )
    spec = ablation_spec(
        param,
        values,
        base=config_of(base, fields, ablate),
        seeds=seeds,
        epochs=epochs,
        patience=patience,
        retune=retune,
        retune_trials=retune_trials,
        baseline=baseline,
        margin=margin,
        at=at,
        metric=metric,
        fused=fused,
        name=name,
    )
    execution = Execution(
        fused=fused,
        observer=observer,
        executor=executor,
        jobs=jobs,
        runs_dir=runs_dir,
        fresh=fresh,
    )
    [trained] = train_all([spec], execution)
    # A study that was shown before keeps the choices with which it was shown.
    return cast(Ablation, trained).viewed(
        baseline=baseline, margin=margin, at=at, metric=metric
    )


def ablation_spec(
    param: str,
    values: Sequence[Any],
    *,
    base: RunConfig,
    seeds: Seeds = SEEDS,
    epochs: int | None = None,
    patience: int | None = None,
    retune: Retune = None,
    retune_trials: int = TRIALS,
    baseline: Any = None,
    margin: float | None = None,
    at: At | None = None,
    metric: Metric | str | None = None,
    fused: bool = True,
    name: str | None = None,
) -> StudySpec[Ablation]:
    """Return the specification of an ablation, for `train_all`.

    Takes the arguments of `ablate`, and raises the same errors.
    """
    planner = partial(
        plan,
        param,
        values,
        base=base,
        seeds=seeds,
        epochs=epochs,
        patience=patience,
        fused=fused,
    )
    varied = param == "dataset" and isinstance(values, list | tuple)
    datasets = [*map(str, values)] if varied else [base.dataset]
    of_datasets = partial(metric_of, datasets, metric)
    retuning = partial(
        retuning_of, retune, param, trials=retune_trials, seed=base.seed, seeds=seeds
    )
    checks: list[Callable[[], Any]] = [
        planner,
        retuning,
        partial(check_epoch, param, at, patience),
        of_datasets,
        lambda: margin is None or check_margin(margin, of_datasets()),
    ]
    levels, tuned, at, measure, _ = call_all(checks)
    margin = measure.margin if margin is None else float(margin)
    check_same_losses(measure, (level.configs[0] for level in levels))
    rows = [level.configs for level in levels]
    auto = read_seeds(seeds)
    chooses = isinstance(auto, AutoSeeds)
    first = rows
    if isinstance(auto, AutoSeeds):
        first = [row[: looks(auto.most)[0]] for row in rows]
    values = [level.value for level in levels]
    epochs_by_level = [level.epochs for level in levels]
    planned = None
    if baseline is not None:
        place = check_baseline(param, values, read_value(param, baseline))
        planned = value_text(param, values[place])
    spec = StudySpec(
        kind="ablation",
        prefix=param,
        # The choice of the number of seeds is made before there are results.
        identity={"param": param, "base": _without(base, param)}
        | ({"seeds": str(auto)} if chooses else {})
        | ({} if tuned is None else {"retune": tuned.identity(at, measure)}),
        extent={"values": values, "seeds": [config.seed for config in first[0]]},
        progress={
            **facts_to_lists(facts_of(row[0]) for row in rows),
            "baseline": planned,
            "margin": margin,
            "at": at,
            "values": [value_text(param, value) for value in values],
            **({"epochs": epochs_by_level} if len(set(epochs_by_level)) > 1 else {}),
            **({} if chooses else {"seeds": [config.seed for config in first[0]]}),
        },
        planned=("baseline", "margin", "at", "metric", "values", "seeds"),
        runs_by_level=first,
        go_on=partial(more_seeds, rows) if chooses else None,
        epochs=epochs_by_level,
        patience=patience,
        metric=measure,
        name=name,
        build_result=ablation_of,
    )
    if tuned is None:
        return spec
    check_tunable(tuned, levels, fused=fused)
    rule = TuningRule(
        retuning=tuned,
        epochs=max(epochs_by_level),
        metric=measure,
        at=at,
        patience=patience,
    )
    return RetunedRows(param=param, levels=levels, rule=rule).start(spec)


def retuning_of(
    retune: Retune, param: str, *, trials: int, seed: int, seeds: Seeds
) -> Retuning | None:
    """Return the fields that an ablation retunes; None if there are none.

    Raises:
        ConfigError: if they cannot be retuned, or not together with the other arguments.
    """
    if retune is None:
        if trials != TRIALS:
            raise ConfigError(
                [
                    f"`retune_trials` is {trials}, but without `retune` nothing is tuned. "
                    "Leave it out, or give the fields to retune."
                ]
            )
        return None
    if not axis_of(param).of_config:
        raise ConfigError(
            [
                f"The values of `{param}` are read from the same runs, so nothing can be "
                "retuned for each. Leave `retune` out."
            ]
        )
    if isinstance(read_seeds(seeds), AutoSeeds):
        raise ConfigError(
            [
                f"The seeds are {seeds!r}, but fields are retuned: the looks are corrected "
                "for one comparison, and there are two. Give a number of `seeds`."
            ]
        )
    return read_retuning(retune, param=param, trials=trials, seed=seed)


def _without(base: RunConfig, param: str) -> dict[str, Any]:
    """Return the fields that an ablation keeps: all but the parameter and the seed."""
    return fixed_identity(base, (param, "seed"))
