"""The metric by which the runs of a study are compared, from their datasets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kmlp._util.text import enumerated
from kmlp.data import facts_of, load_dataset
from kmlp.errors import ConfigError
from kmlp.model.metrics import Metric, Task, check_metric


def metric_of(datasets: Iterable[str], metric: Any = None) -> Metric:
    """Return the metric by which runs on some datasets are compared, with its unit.

    Args:
        datasets: The names of the datasets.
        metric: The name of a metric, or a `Metric`. Defaults to None: the first one of the
            datasets' task, which is accuracy or RMSE.

    Raises:
        ConfigError: if runs do not record the metric, or if values of different datasets
            cannot be compared.
        DataError: if a dataset cannot be read.

    Example:
    >>> metric_of(["iris"]).name, metric_of(["diabetes"]).name
    ('accuracy', 'rmse')
    """
    names = list(dict.fromkeys(datasets))
    tasks: dict[Task, list[str]] = {}
    for name in names:
        tasks.setdefault(facts_of(name).task, []).append(name)
    if len(tasks) > 1:
        groups = "; ".join(f"{task}: {', '.join(of)}" for task, of in tasks.items())
        raise ConfigError(
            [
                f"The datasets have different tasks, which no metric compares ({groups}). "
                "Choose datasets of one task."
            ]
        )
    task = next(iter(tasks))
    measure = check_metric(metric, task)
    if task == "classification":
        return measure
    targets = [_target_of(name) for name in names]
    if measure.in_target_unit and len(set(targets)) > 1:
        raise ConfigError(
            [
                f"The metric {measure.name} is in the unit of the target, and cannot "
                f"compare {enumerated(names)}, whose targets differ. Choose the metric r2."
            ]
        )
    return measure.with_unit(targets[0][1])


def _target_of(name: str) -> tuple[str, str]:
    """Return the name and the unit of the target of a regression."""
    schema = load_dataset(name).schema
    assert schema is not None
    return schema.target, schema.unit
