"""The table of published values beside ours."""

from __future__ import annotations

from kmlp.statistics import Estimate
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp_tuning.lab._comparing import QUANTITIES, ComparedRow, QuantityComparison

_DIGITS = {"accuracy": 2, "loss": 4, "train_loss": 4, "seconds": 1}
_WITHIN = {True: "yes", False: "no", None: NONE}


def published_table(compared: QuantityComparison, *, labelled: bool = True) -> Table:
    """Build the table of the published values of a quantity, with ours and the difference.

    Args:
        compared: The values of the quantity.
        labelled: True to show all fields in which configurations differ; False to show
            their numbers only. Defaults to True.
    """
    shown = compared.headers if labelled else compared.headers[:1]
    times = compared.quantity == "seconds"
    last = ("times as fast",) if times else ("difference", "within interval")
    return Table(
        title=(
            f"Published and ours: {', '.join(filter(None, QUANTITIES[compared.quantity]))}"
        ),
        columns=(
            *(Column(header, wraps=True, tall=True) for header in (*shown, "epoch")),
            Column("published"),
            Column("ours"),
            *(Column(header, tall=True) for header in last),
        ),
        rows=tuple(
            Row(
                (
                    *row.labels[: len(shown)],
                    str(row.epoch),
                    row.comparison.published.text,
                    _estimate_text(row.comparison.ours, _DIGITS[compared.quantity]),
                    *_comparison_cells(row, compared.quantity),
                ),
                strong=row.comparison.within_prediction_interval is False,
            )
            for row in compared.rows
        ),
        notes=(_legend(compared.quantity),),
        sentences=(compared.sentence,),
    )


def _comparison_cells(row: ComparedRow, quantity: str) -> list[str]:
    comparison = row.comparison
    if quantity == "seconds":
        return [NONE if comparison.ratio is None else f"{comparison.ratio:.1f}"]
    difference = comparison.difference
    return [
        NONE if difference is None else f"{difference:+.{_DIGITS[quantity]}f}",
        _WITHIN[comparison.within_prediction_interval],
    ]


def _legend(quantity: str) -> str:
    if quantity == "seconds":
        return "Total seconds of training with evaluation; ours is a mean over the seeds."
    return (
        "±: half of the 95 % interval over the seeds. within interval: yes if the "
        "published value lies where one more seed of ours would lie in 95 % of cases (our "
        "prediction interval); - if fewer than two seeds finished."
    )


def _estimate_text(estimate: Estimate | None, digits: int) -> str:
    if estimate is None:
        return NONE
    mean = f"{estimate.mean:.{digits}f}"
    if estimate.interval is None:
        return mean
    return f"{mean} ± {estimate.interval[1] - estimate.mean:.{digits}f}"
