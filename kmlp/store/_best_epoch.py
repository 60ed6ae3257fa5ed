"""The best epoch of a stored run, by the validation value of a metric."""

from __future__ import annotations

import sqlite3

from kmlp.model.metrics import ACCURACY, RMSE, Metric
from kmlp.training.run import FIGURES


def _order(*metrics: Metric) -> str:
    """Return the order in which the best epoch comes first; that of a divergence, if any.

    Args:
        metrics: The metrics. Epochs without the first one are ordered by the next one.
    """
    terms = []
    for metric in metrics:
        figure = metric.figure()
        value = figure if figure in FIGURES else f"json_extract(metrics, '$.{figure}')"
        terms.append(f"{value} {'DESC' if metric.higher_is_better else 'ASC'}")
    return f"ORDER BY loss IS NULL DESC, {', '.join(terms)}, epoch LIMIT 1"


def best_epoch(connection: sqlite3.Connection, run: int, metric: Metric) -> int | None:
    """Return the best epoch of a run; that of the divergence, if the run diverged.

    Args:
        connection: The connection to the database.
        run: The `id` of the run's row.
        metric: The metric.

    Returns:
        The epoch, from 1, the first of equals; None if the run has no epoch.
    """
    row = connection.execute(
        f"SELECT epoch FROM epochs WHERE run = ? {_order(metric)}", (run,)
    ).fetchone()
    return None if row is None else int(row["epoch"])


def update_best(connection: sqlite3.Connection, run: int) -> None:
    """Update the metrics in the row of a run: those of its best epoch.

    It is the best by the default metric of its task, the only one that a list of runs can
    use for all of them. The accuracies of a run that diverged are NULL. The caller has
    begun a transaction, and seals the row.

    Args:
        connection: The connection to the database.
        run: The `id` of the run's row.
    """
    columns = "val_accuracy, test_accuracy, metrics"
    connection.execute(
        f"UPDATE runs SET ({columns}) = (SELECT {columns} FROM epochs "
        f"WHERE run = runs.id {_order(ACCURACY, RMSE)}) WHERE id = ?",
        (run,),
    )


def delete_other_checkpoints(
    connection: sqlite3.Connection, run: int, metric: Metric, last: int
) -> None:
    """Delete the checkpoints of a run, except that of its best epoch and the last ones.

    Args:
        connection: The connection to the database.
        run: The `id` of the run's row.
        metric: The metric of the best epoch.
        last: The number of checkpoints to keep, the last ones.
    """
    connection.execute(
        "DELETE FROM checkpoints WHERE run = ? "
        "AND epochs IS NOT ? AND epochs NOT IN ("
        "SELECT epochs FROM checkpoints WHERE run = ? ORDER BY epochs DESC LIMIT ?)",
        (run, best_epoch(connection, run, metric), run, last),
    )
