"""`reproduce`: train a lab, and compare the results with published values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import cache

from kmlp.engine import Executor, Observer
from kmlp.errors import StoreLostError, with_context
from kmlp.model.metrics import Metric, get_metric
from kmlp.studies.execution import Execution, ExecutorName, RunsDir
from kmlp.studies.judging import check_at
from kmlp.studies.runner import train_all
from kmlp.training.checks import check_count
from kmlp.training.run import At
from kmlp_tuning.lab.plan import LabPlan, plan_lab
from kmlp_tuning.lab.reading import read_recipe
from kmlp_tuning.lab.recipe import Part, Recipe
from kmlp_tuning.lab.results import LabResult, PartResult
from kmlp_tuning.search.run import run_search
from kmlp_tuning.search.settings import SearchSettings

Watch = Callable[
    [tuple[str, ...], SearchSettings | None], AbstractContextManager[Observer | None]
]
"""Opens the observer of a stage. The first argument has the fields in which the runs of
the stage differ. The second has the settings of the search, or is None for the stage of
all other parts.
"""


def reproduce(
    recipe: Recipe | str | os.PathLike[str],
    *,
    quick: bool = False,
    seeds: int | None = None,
    at: At | None = None,
    metric: Metric | str | None = None,
    fused: bool = True,
    observer: Observer | None = None,
    executor: ExecutorName | Executor = "local",
    jobs: int | None = None,
    runs_dir: RunsDir = None,
    fresh: bool = False,
) -> LabResult:
    """Train the studies of a recipe, and compare the results with published values.

    Runs that the runs folder has are not trained again.

    Args:
        recipe: The name of a recipe that comes with kmlp, the path of a file, or the result
            of `read_recipe`.
        quick: True to train very little, to check that the recipe works. The results cannot
            be compared with published values. Defaults to False.
        seeds: The number of seeds of every configuration, except in a search. Defaults to
            None: the recipe's number.
        at: The epoch at which each run is judged, "best" or "last"; see `kmlp.ablate`.
            Values that were published by epoch are compared with that epoch. Defaults to
            None: as the recipe says.
        metric: The metric that compares runs; see `kmlp.ablate`. Defaults to None: as the
            recipe says, else accuracy.
        fused: See `kmlp.Execution`.
        observer: See `kmlp.Execution`.
        executor: See `kmlp.Execution`.
        jobs: See `kmlp.Execution`.
        runs_dir: See `kmlp.Execution`.
        fresh: See `kmlp.Execution`.

    Returns:
        Every study, with its published values compared with ours.

    Raises:
        ConfigError: with every problem of the recipe or of the arguments, before any
            training.
        DataError: if a dataset cannot be read.
        StoreError: if the runs folder cannot be used.

    Example:
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from kmlp_tuning import reproduce
    >>> text = '''
    ... title = "Is a linear model enough?"
    ... epochs = 1
    ... seeds = 2
    ... base = { train_size = 500, width = 8 }
    ... [[ablations]]
    ... param = "depth"
    ... values = [0, 1]
    ... published = { best = 1, accuracy = { 0 = 92.5 } }
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "my-lab.toml")
    ...     _ = path.write_text(text)
    ...     lab = reproduce(path, jobs=1, runs_dir=":memory:")
    >>> [depth] = lab.parts
    >>> [level.value for level in depth.study.levels], depth.comparisons[0].quantity
    ([0, 1], 'accuracy')
    """
    lab = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    if seeds is not None:
        lab = lab.with_seeds(check_count("seeds", seeds))
    if at is not None:
        lab = lab.judged_at(check_at(at))
    if metric is not None:
        name = metric.name if isinstance(metric, Metric) else metric
        lab = lab.measured_by(get_metric(name).name)
    if quick:
        lab = with_context(lab.file, lab.quick)
    plan = plan_lab(lab, fused=fused)
    plan.check_functions()
    execution = Execution(
        fused=fused,
        observer=observer,
        executor=executor,
        jobs=jobs,
        runs_dir=runs_dir,
        fresh=fresh,
    )
    parts = train_lab(
        plan,
        watch=lambda fields, search: nullcontext(observer),
        open_execution=lambda: execution,
    )
    return lab_result(plan, parts)


def lab_result(plan: LabPlan, parts: Iterable[PartResult]) -> LabResult:
    """The result of a lab.

    Args:
        plan: The lab.
        parts: The results of its parts, in any order.
    """
    order = [part.place for part in plan.recipe.parts]
    results = sorted(parts, key=lambda result: order.index(result.part.place))
    return LabResult(recipe=plan.recipe, parts=tuple(results))


def train_lab(
    plan: LabPlan,
    *,
    watch: Watch,
    open_execution: Callable[[], Execution],
) -> Iterator[PartResult]:
    """Train a lab, and yield the result of each part as soon as it is complete.

    The runs that are known from the start are trained together, so that no core is idle.
    The search follows.

    Args:
        plan: The lab.
        watch: Opens the observer of each stage, which replaces that of the execution.
        open_execution: Opens the execution. It is called once, within the first `watch`.

    Raises:
        StoreLostError: if the runs folder is lost. Its `results` are the results so far of
            the parts in training: for each a `PartResult` that is not comparable, or None.
    """
    recipe, execution = plan.recipe, cache(open_execution)
    if plan.specs:
        with _results_of(recipe.fixed), watch(plan.varied, None) as observer:
            studies = train_all(plan.specs, replace(execution(), observer=observer))
        for part, study in zip(recipe.fixed, studies, strict=True):
            # A study that was shown before keeps the epoch with which it was shown.
            seen = part.viewed(study)
            yield PartResult(part=part, study=seen, comparable=recipe.comparable)
    if recipe.search is not None and plan.settings is not None:
        fields = (*plan.settings.space.fields, "seed")
        with _results_of([recipe.search]), watch(fields, plan.settings) as observer:
            search = run_search(plan.settings, replace(execution(), observer=observer))
        yield PartResult(part=recipe.search, study=search, comparable=recipe.comparable)


@contextmanager
def _results_of(parts: Sequence[Part]) -> Iterator[None]:
    """If the runs folder is lost, add the parts to the results that are in memory."""
    try:
        yield
    except StoreLostError as error:
        error.results = [
            None if study is None else PartResult(part=part, study=study, comparable=False)
            for part, study in zip(parts, error.results, strict=False)
        ]
        raise
