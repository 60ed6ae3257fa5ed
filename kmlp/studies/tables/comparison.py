"""The table of a comparison of two ablations."""

from __future__ import annotations

from kmlp.model.text import value_text
from kmlp.studies.cells import interval_note, measured, p_text
from kmlp.studies.compare import AblationComparison
from kmlp.studies.judging import moment_text
from kmlp.studies.replicates import extent_text
from kmlp.studies.table import NONE, Column, Row, Table


def comparison_table(comparison: AblationComparison) -> Table:
    """Return the comparison of two ablations, a row for each common level."""
    param, first, second = comparison.first.param, comparison.first, comparison.second
    differing = ", ".join(
        f"{name} {one} | {other}" for name, (one, other) in comparison.differing.items()
    )
    metric = comparison.metric
    headers = [param, first.name, second.name, "difference", "p", "verdict"]
    several = len(comparison.levels) > 1
    reference = value_text(param, comparison.reference.value)
    if several:
        headers += [f"less that of {reference}", "p"]
    return Table(
        title=(
            f"{first.name} | {second.name}: "
            f"{metric.headed(metric.named(comparison.part))} "
            f"{moment_text(comparison.first.at, comparison.epochs)}, "
            f"{extent_text(len(comparison.seeds), comparison.first.folds)}"
        ),
        columns=tuple(
            Column(header, numeric=header != "verdict", wraps=True) for header in headers
        ),
        rows=tuple(
            Row(
                (
                    value_text(param, level.value),
                    measured(metric, level.first),
                    measured(metric, level.second),
                    measured(metric, level.difference, signed=True),
                    p_text(level.difference),
                    NONE if level.difference is None else level.difference.verdict,
                    *(
                        [
                            measured(metric, level.interaction, signed=True),
                            p_text(level.interaction),
                        ]
                        if several
                        else []
                    ),
                )
            )
            for level in comparison.levels
        ),
        notes=(
            f"Not the same in both: {differing or 'nothing'}.",
            f"{_intervals(comparison)} The difference is the second minus the first, "
            f"paired by {comparison.first.replicate}; p and its interval have Holm's "
            "correction for all values."
            + (
                f" less that of {reference}: the difference minus that with {reference}, "
                "the interaction, corrected in the same way."
                if several
                else ""
            ),
        ),
        sentences=(comparison.conclusion.text,),
    )


def _intervals(comparison: AblationComparison) -> str:
    estimates = (
        estimate
        for level in comparison.levels
        for estimate in (level.first, level.second, level.difference, level.interaction)
    )
    return interval_note(
        estimates, f"over the {comparison.first.replicate}s that both have"
    )
