"""The table of published values, each with ours."""

from __future__ import annotations

from kmlp.statistics import Estimate
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp_tuning.lab._comparing import QUANTITIES, ComparedRow, QuantityComparison

_DIGITS = {"accuracy": 2, "loss": 4, "train_loss": 4, "seconds": 1}
_WITHIN = {True: "yes", False: "no", None: NONE}


def published_table(found: QuantityComparison, *, labelled: bool = True) -> Table:
    """Build the table of the published values of a quantity, with ours and the difference.

    Args:
        found: All values of a quantity.
        labelled: Whether all is shown that tells configurations apart, or their number
            only. Defaults to True.
    """
    shown = found.headers if labelled else found.headers[:1]
    times = found.quantity == "seconds"
    last = ("times as fast",) if times else ("difference", "within interval")
    return Table(
        title=f"Published and ours: {', '.join(filter(None, QUANTITIES[found.quantity]))}",
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
                    _estimate(row.comparison.ours, _DIGITS[found.quantity]),
                    *_compared(row, found.quantity),
                ),
                strong=row.comparison.within_prediction_interval is False,
            )
            for row in found.rows
        ),
        notes=(_legend(found.quantity),),
        sentences=(found.sentence,),
    )


def _compared(row: ComparedRow, quantity: str) -> list[str]:
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
        return "Of training in all, evaluation included; a mean over the seeds."
    return (
        "±: half of the 95 % interval over the seeds. within "
        "interval: whether the published value is where one more seed of ours would be in "
        "95 % of cases; -: fewer than two seeds finished, so the spread is unknown."
    )


def _estimate(found: Estimate | None, digits: int) -> str:
    if found is None:
        return NONE
    mean = f"{found.mean:.{digits}f}"
    if found.interval is None:
        return mean
    return f"{mean} ± {found.interval[1] - found.mean:.{digits}f}"
