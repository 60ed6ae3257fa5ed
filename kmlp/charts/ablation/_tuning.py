"""The tuning of a retuned ablation: the metric by the tuned fields, a line a value."""

from __future__ import annotations

import math

import altair as alt

from kmlp._util.text import count_of, enumerated
from kmlp.charts._by_value import Row
from kmlp.charts._legend import colour_of_values, dash_of_values
from kmlp.charts.ablation._drawing import described, title_of
from kmlp.charts.measure import RATIO, Measure, Scale
from kmlp.charts.style import HEIGHT, WIDTH, data_of, short
from kmlp.errors import ConfigError
from kmlp.model.text import value_text
from kmlp.studies.ablation import Ablation
from kmlp.studies.level_tuning import LevelTuning, TunedSetting


def tuning(study: Ablation) -> alt.HConcatChart:
    """Draw the metric of each setting that was tried, a panel for each tuned field.

    Raises:
        ConfigError: if no field was retuned.
    """
    if not study.tunings:
        raise ConfigError(
            ["No field of this ablation was retuned. Train one with `retune`."]
        )
    measure = Measure(study.metric)
    rows = [row for tuning in study.tunings for row in _rows(study, tuning, measure)]
    numbers = [row["error"] for row in rows if row["error"] is not None]
    scale = measure.scale(numbers)
    first = min(setting.epochs for it in study.tunings for setting in it.settings)
    panels = [_panel(study, rows, name, measure, scale) for name in study.retuned]
    note = (
        f"Circles: a setting after {count_of(first, 'epoch')}, the first rung. Diamonds: "
        "after its last rung. Squares: chosen."
    )
    if any(row["error"] is None for row in rows):
        note += " Crosses: lost runs."
    return alt.hconcat(*panels, spacing=40).properties(
        title=title_of(
            study,
            f"Retuning of {enumerated(study.retuned)} by {study.param}",
            note,
            panels=len(panels),
        ),
        description=described(study, f"{measure.capital_name} of every tuned setting"),
    )


def _rows(study: Ablation, tuning: LevelTuning, measure: Measure) -> list[Row]:
    """Return the settings of a level: after the first rung, and after the last one."""
    first = min(setting.epochs for setting in tuning.settings)
    text = value_text(study.param, tuning.value)
    rows: list[Row] = []
    for setting in tuning.settings:
        fields = setting.fields.items()
        row = {"value": text, **{it: None if n is None else short(n) for it, n in fields}}
        early = _value_after(setting, first)
        number = None if math.isnan(early) else measure.number(early)
        shown = "-" if number is None else measure.text(number)
        rows.append(
            {**row, "epochs": first, "error": number, "text": shown, "mark": "first rung"}
        )
        is_chosen = setting is tuning.chosen
        if is_chosen or (setting.epochs > first and not math.isnan(setting.value)):
            late = measure.number(setting.value)
            mark = "chosen" if is_chosen else "last rung"
            rows.append(
                {
                    **row,
                    "epochs": setting.epochs,
                    "error": late,
                    "text": measure.text(late),
                    "mark": mark,
                }
            )
    return rows


def _value_after(setting: TunedSetting, epochs: int) -> float:
    """Return the value of the first run of a setting after some epochs; nan: lost."""
    runs = [run for run in setting.runs if run.epochs >= epochs]
    return runs[0].truncated(epochs).val_value if runs else math.nan


def _panel(
    study: Ablation, rows: list[Row], name: str, measure: Measure, scale: Scale
) -> alt.LayerChart:
    numbers = [row[name] for row in rows if row[name] is not None]
    wide = min(numbers) > 0 and max(numbers) >= RATIO * min(numbers)
    x = alt.X(
        f"{name}:Q",
        title=f"{name}{' (log scale)' if wide else ''}",
        scale=alt.Scale(type="log" if wide else "linear", nice=False, padding=12),
    )
    y, colour = measure.y("error", scale), colour_of_values(study)
    tooltip = [
        alt.Tooltip("value:N", title=study.param),
        *(alt.Tooltip(f"{it}:Q") for it in study.retuned),
        alt.Tooltip("epochs:Q"),
        measure.tooltip("text"),
    ]
    known = alt.Chart(data_of(rows)).transform_filter("isValid(datum.error)")
    points = [
        known.transform_filter(f"datum.mark == '{mark}'")
        .mark_point(shape=shape, size=size, filled=True, opacity=0.9)
        .encode(x=x, y=y, color=colour, tooltip=tooltip)
        for mark, shape, size in (
            ("first rung", "circle", 25),
            ("last rung", "diamond", 60),
            ("chosen", "square", 130),
        )
    ]
    lost = (
        alt.Chart(data_of(rows))
        .transform_filter("!isValid(datum.error)")
        .mark_point(shape="cross", size=60, strokeWidth=2, angle=45)
        .encode(x=x, y=alt.value(HEIGHT - 8), color=colour, tooltip=tooltip)
    )
    lines = []
    if len(study.retuned) == 1:  # with several fields, the others vary along it
        lines = [
            known.transform_filter("datum.mark == 'first rung'")
            .mark_line(strokeWidth=2, opacity=0.7)
            .encode(x=x, y=y, color=colour, strokeDash=dash_of_values(study))
        ]
    return alt.LayerChart(layer=[*lines, *points, lost]).properties(
        width=WIDTH, height=HEIGHT
    )
