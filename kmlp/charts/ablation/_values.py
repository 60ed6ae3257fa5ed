"""Validation accuracy by the value of the parameter."""

from __future__ import annotations

import altair as alt

from kmlp.charts._by_value import NAMES, accuracy_panel, anything_lost
from kmlp.charts.ablation._drawing import described, title_of
from kmlp.studies.ablation import Ablation


def values(study: Ablation) -> alt.LayerChart:
    """Draw the accuracy that is compared by the value of the parameter.

    Values with different validation images are compared by test accuracy.
    """
    outcome = study.conclusion.text_without_advice
    if len(study.seeds) == 1:
        note = f"One seed, {study.moment_text}. {outcome}"
    else:
        note = (
            "Circles are seeds. Squares are their means with 95 % intervals, "
            f"{study.moment_text}. {outcome}"
        )
    if anything_lost(study):
        note += " Crosses: runs that diverged or failed."
    return accuracy_panel(study, study.metric).properties(
        title=title_of(study, f"Effect of {study.param}", note),
        description=described(study, f"{NAMES[study.metric].capitalize()} by value"),
    )
