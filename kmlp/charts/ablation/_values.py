"""The compared metric by the value of the parameter."""

from __future__ import annotations

import altair as alt

from kmlp.charts._by_value import anything_lost, metric_panel
from kmlp.charts.ablation._drawing import described, title_of
from kmlp.charts.measure import Measure
from kmlp.studies.ablation import Ablation


def values(study: Ablation) -> alt.LayerChart:
    """Draw the metric that is compared by the value of the parameter.

    Values with different validation images are compared on the test images.
    """
    outcome = study.conclusion.finding
    if len(study.seeds) == 1:
        note = f"One seed, {study.moment_text}. {outcome}"
    else:
        note = (
            f"Circles are {study.replicate}s. Squares are their means with 95 % intervals, "
            f"{study.moment_text}. {outcome}"
        )
    if anything_lost(study):
        note += " Crosses: runs that diverged or failed."
    measure = Measure(study.metric, study.part)
    return metric_panel(study, study.part).properties(
        title=title_of(study, f"Effect of {study.param}", note),
        description=described(study, f"{measure.capital_name} by value"),
    )
