"""Titles that the charts of an ablation share."""

from __future__ import annotations

import altair as alt

from kmlp.charts._by_value import MOST_DESCRIBED
from kmlp.charts.style import WIDTH, titled
from kmlp.studies.ablation import Ablation


def log_title(title: str, *, wide: bool) -> str:
    """The title of an axis, with a note if the scale is logarithmic."""
    return f"{title} (log scale)" if wide else title


def title_of(study: Ablation, text: str, note: str, *, panels: int = 1) -> alt.TitleParams:
    """A title with two lines below it: the study's headline, and a note on the chart."""
    width = (WIDTH + 100) * (1.4 if panels > 1 else 1)
    return titled(text, study.headline, note, width=width)


def described(study: Ablation, content: str) -> str:
    """The text alternative: the content of the chart, and the mean of each level.

    The means are those that are compared. Of many levels, it has the lowest and the highest
    mean.
    """
    metric = study.metric
    means = [
        (mean.mean, level)
        for level in study.levels
        if (mean := study.value_of(level)) is not None
    ]
    if len(means) > MOST_DESCRIBED:
        means.sort(key=lambda pair: pair[0])
        means = [means[0], means[-1]]
        content = f"{content}, with the lowest and the highest of {len(study.levels)} means"
    numbers = "; ".join(
        f"{study.called(study.text(level))}: {metric.text(mean)}" for mean, level in means
    )
    named = f"Mean test {metric.titles}" if study.part == "test" else "Means"
    return f"{content}, {study.headline}. {named} {study.moment_text}: {numbers or 'none'}."
