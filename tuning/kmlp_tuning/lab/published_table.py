"""The table of published values beside ours."""

from __future__ import annotations

import math

from kmlp.statistics import Estimate
from kmlp.studies.published_value import Aggregation
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp_tuning.lab._comparing import (
    QUANTITIES,
    ComparedRow,
    Quantity,
    QuantityComparison,
)


def published_table(compared: QuantityComparison, *, labelled: bool = True) -> Table:
    """Build the table of the published values of a quantity, with ours and the difference.

    Args:
        compared: The values of the quantity.
        labelled: True to show all fields in which configurations differ; False to show
            their numbers only. Defaults to True.
    """
    quantity = QUANTITIES[compared.quantity]
    shown = compared.headers if labelled else compared.headers[:1]
    last = (
        (Column("times as fast", tall=True),)
        if quantity.scale is None
        else (
            Column("difference", tall=True),
            Column("prediction interval", tall=True),
            Column("one of ours?", numeric=False),
        )
    )
    named = ", ".join(filter(None, [quantity.name, quantity.unit]))
    return Table(
        title=f"Published and ours: {named}",
        columns=(
            *(Column(header, wraps=True, tall=True) for header in (*shown, "epoch")),
            Column("published"),
            Column("ours"),
            *last,
        ),
        rows=tuple(
            Row(
                (
                    *row.labels[: len(shown)],
                    str(row.epoch),
                    row.comparison.published.text,
                    _estimate_text(row.comparison.ours, quantity.digits),
                    *_comparison_cells(row, quantity),
                ),
                strong=row.comparison.outcome == "no",
            )
            for row in compared.rows
        ),
        notes=(_legend(quantity, compared.aggregation),),
        sentences=(compared.sentence,),
    )


def _comparison_cells(row: ComparedRow, quantity: Quantity) -> list[str]:
    comparison = row.comparison
    if quantity.scale is None:
        return [NONE if comparison.ratio is None else f"{comparison.ratio:.1f}"]
    difference = comparison.difference
    return [
        NONE if difference is None else f"{difference:+.{quantity.digits}f}",
        _interval_text(comparison.interval, quantity.digits),
        comparison.outcome or NONE,
    ]


def _legend(quantity: Quantity, aggregation: Aggregation) -> str:
    scale = quantity.scale
    if scale is None:
        return "Total seconds of training with evaluation; ours is a mean over the seeds."
    limit = "a tenth of the error"
    if math.isfinite(scale.widest):
        limit = f"{scale.widest:g} points or than {limit}"
    predicted, published = "one more run", ""
    if aggregation.kind != "single run":
        of = f"the {aggregation.kind} of {aggregation.runs or 'several'}"
        predicted = f"{of} more runs"
        published = f"published: {of} runs. "
    return (
        f"{published}±: half of the 95 % interval over the seeds. prediction interval: in "
        f"95 % of cases, {predicted} of ours would be inside. no: the published value is "
        "outside. too wide to tell: it is inside, but so would be nearly any, because the "
        f"interval is wider than {limit}. -: fewer than two seeds finished, or "
        "all are equal."
    )


def _interval_text(interval: tuple[float, float] | None, digits: int) -> str:
    if interval is None:
        return NONE
    low, high = (f"{end:.{digits}f}" if math.isfinite(end) else "" for end in interval)
    if not low or not high:
        return f"at least {low}" if low else f"at most {high}"
    return low if low == high else f"{low} to {high}"


def _estimate_text(estimate: Estimate | None, digits: int) -> str:
    if estimate is None:
        return NONE
    mean = f"{estimate.mean:.{digits}f}"
    if estimate.interval is None:
        return mean
    if estimate.cut:
        return f"{mean} ({_interval_text(estimate.interval, digits)})"
    half = f"{estimate.interval[1] - estimate.mean:.{digits}f}"
    return f"{mean} ± {half}" if float(half) else f"{mean} ± <{10.0**-digits:.{digits}f}"
