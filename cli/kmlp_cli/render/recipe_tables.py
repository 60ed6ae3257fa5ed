"""Recipes as Rich tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from rich.table import Table

from kmlp.statistics import Estimate
from kmlp_cli.render.cells import NONE, plain_table
from kmlp_tuning.lab.comparing import QUANTITIES, QuantityComparison
from kmlp_tuning.lab.plan import PlanRow

_DIGITS = {"accuracy": 2, "loss": 4, "train_loss": 4, "seconds": 1}
_WITHIN = {True: "yes", False: "no", None: NONE}


def compared_table(found: QuantityComparison, *, labelled: bool = True) -> Table:
    """Build the table of the published values of a quantity, with ours and the difference.

    Args:
        found: All figures of a quantity.
        labelled: Whether all is shown that tells trials apart, or their number only.
            Defaults to True.
    """
    table = plain_table(
        f"Published and ours: {', '.join(filter(None, QUANTITIES[found.quantity]))}",
        _legend(found.quantity),
    )
    shown = found.headers if labelled else found.headers[:1]
    for header in (*shown, "epoch"):
        table.add_column(header.replace("_", "\n"), justify="right", overflow="fold")
    times = found.quantity == "seconds"
    for header in (
        "published",
        "ours",
        *(["times\nas fast"] if times else ["difference", "within\ninterval"]),
    ):
        table.add_column(header, justify="right", no_wrap=True)
    digits = _DIGITS[found.quantity]
    for row in found.rows:
        it = row.comparison
        if times:
            last = [NONE if it.ratio is None else f"{it.ratio:.1f}"]
        else:
            difference = NONE if it.difference is None else f"{it.difference:+.{digits}f}"
            last = [difference, _WITHIN[it.within_prediction_interval]]
        table.add_row(
            *row.labels[: len(shown)],
            str(row.epoch),
            it.published.text,
            _estimate(it.ours, digits),
            *last,
            style="bold" if it.within_prediction_interval is False else None,
        )
    return table


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


def plan_table(title: str, rows: Sequence[PlanRow]) -> Table:
    """Build the table of what a lab would train, one row a part."""
    table = plain_table(
        f"What would be trained: {title}",
        "Runs that parts share are trained once, and what the runs folder has is not "
        "trained again. Epochs of a search are about so many.",
    )
    table.add_column("part", overflow="fold")
    for name in ("configurations", "runs", "epochs", "steps"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        part, *numbers = astuple(row)
        table.add_row(part, *(NONE if it is None else f"{it:,}" for it in numbers))
    return table
