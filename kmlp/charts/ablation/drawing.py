"""What the charts of an ablation have in common."""

from __future__ import annotations

from typing import Any

import altair as alt

from kmlp.charts.style import COLOURS, ORDERED, ORDERED_EXTENT, WIDTH, titled
from kmlp.studies.ablation import Ablation

Row = dict[str, Any]

RATIO = 8
"""Values whose largest is so many times the smallest are on a log scale."""


def anything_lost(study: Ablation) -> bool:
    """Whether a run diverged or failed."""
    return any(level.diverged or level.failed for level in study.levels)


def is_numeric(study: Ablation) -> bool:
    """Whether all values of the parameter are numbers."""
    return all(type(level.value) in (int, float) for level in study.levels)


def on_axis_of(y: alt.Y, field: str) -> alt.Y:
    """Another field on an axis, which keeps its title."""
    found = y.copy()
    found.shorthand = field
    return found


def log_title(title: str, *, wide: bool) -> str:
    """The title of an axis, which says if it is logarithmic."""
    return f"{title} (log scale)" if wide else title


def colour_of_values(study: Ablation) -> alt.Color:
    """Of the values: by lightness where they have an order, which grey shows, too."""
    names = [study.text(level) for level in study.levels]
    legend = alt.Legend(
        title=study.param, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1
    )
    if is_numeric(study):
        scheme = alt.SchemeParams(name=ORDERED, extent=ORDERED_EXTENT)
        scale = alt.Scale(domain=names, scheme=scheme)
        return alt.Color("value:O", scale=scale, sort=names, legend=legend)
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(names))]
    return alt.Color(
        "value:N", scale=alt.Scale(domain=names, range=colours), sort=names, legend=legend
    )


def dash_of_values(study: Ablation) -> alt.StrokeDash:
    """Tells the values apart without their colours."""
    names = [study.text(level) for level in study.levels]
    dashes = [[1, 0], [8, 3], [3, 2], [8, 3, 2, 3], [12, 4], [1, 2]]
    ranges = [dashes[place % len(dashes)] for place in range(len(names))]
    return alt.StrokeDash(
        "value:N",
        scale=alt.Scale(domain=names, range=ranges),
        sort=names,
        legend=alt.Legend(title=study.param),
    )


def title_of(study: Ablation, text: str, note: str, *, panels: int = 1) -> alt.TitleParams:
    """A title, with what was trained and a note below it."""
    width = (WIDTH + 100) * (1.4 if panels > 1 else 1)
    return titled(text, study.headline, note, width=width)


def described(study: Ablation, what: str) -> str:
    """The text alternative: what is shown, with the numbers that matter."""
    numbers = "; ".join(
        f"{study.called(study.text(level))}: {100 * level.val_accuracy.mean:.2f} %"
        for level in study.levels
        if level.val_accuracy is not None
    )
    return f"{what}, {study.headline}. Means after the last epoch: {numbers or 'none'}."


def short(number: float) -> float:
    """Five digits, so that files are small."""
    return float(f"{number:.5g}")
