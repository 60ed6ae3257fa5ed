"""The rows of the charts of a search, as plain values."""

from __future__ import annotations

import math

from kmlp._util.text import count_of
from kmlp.charts.config_lines import Row, back_to_front, line_of
from kmlp.charts.measure import Measure
from kmlp.model.domains import Choice, Range
from kmlp.model.text import short_text
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.trial import Trial
from kmlp_tuning.space.space import SearchSpace

NONE = "none"
"""The text of a field that has no effect in a configuration."""

_UNITS = {"width": "units", "depth": "hidden layers"}


def field_title(search: Search, name: str) -> str:
    """Return the title of the axis of a field, with its unit if it has one."""
    counted = name in ("batch_size", "train_size")
    unit = search.noun if counted else _UNITS.get(name)
    return f"{name}, {unit}" if unit else name


def trial_rows(search: Search) -> list[Row]:
    """A row for each trial that has begun, the least important first.

    Its keys are `trial`, `kind`, each searched field as text, `epochs`: the number of
    epochs with a value, `errors`: the number after each of them that `Measure` draws, such
    as the error in percent, `error`: the one at which the trial is judged or None, and
    `lost`: the epoch in which the trial diverged or None.
    """
    best, measure = search.best(), measure_of(search)
    rows = []
    for trial in search.trials:
        if trial.run is None:
            continue
        history, status = trial.run.history, search.status(trial)
        line = line_of(
            (epoch.value(measure.metric) for epoch in history if epoch.finite),
            lost=len(history) if status == "diverged" else None,
            measure=measure,
        )
        alive = status not in ("diverged", "failed")
        rows.append(
            {
                "trial": trial.number,
                "kind": "best" if trial is best else status,
                **{
                    name: text_of(name, trial, search.settings.space)
                    for name in search.settings.space.fields
                },
                **line,
                "error": measure.number(trial.run.val_value) if alive else None,
            }
        )
    return back_to_front(rows, "trial", measure)


def measure_of(search: Search) -> Measure:
    """The metric of a search, as charts draw it."""
    return Measure(search.settings.metric)


def value_label(measure: Measure, number: float | None) -> str:
    """The value of a number that is drawn, as text: an accuracy with two decimals."""
    if number is None:
        return NONE
    return f"{100 - number:.2f}" if measure.metric.share else measure.text(number)


def text_of(name: str, trial: Trial, space: SearchSpace) -> str:
    """The value of a field in a trial, as text."""
    if not space.has_value(name, trial.config):
        return NONE
    return short_text(name, getattr(trial.config, name))


def number_of(name: str, trial: Trial, space: SearchSpace) -> float | None:
    """The value of a field in a trial, as a number; None if it has no effect."""
    return getattr(trial.config, name) if space.has_value(name, trial.config) else None


def choices(name: str, domain: Choice) -> list[str]:
    """The values of a choice, as text."""
    return [short_text(name, value) for value in domain.values]


def range_ticks(domain: Range) -> list[float]:
    """The numbers of a range to label on its axis.

    >>> range_ticks(Range(1e-3, 1.0, "log")), range_ticks(Range(0.0, 0.95))
    ([0.001, 0.01, 0.1, 1], [0, 0.2, 0.4, 0.6, 0.8])
    """
    low, high = domain.low, domain.high
    if domain.sampling == "log":
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        tens = [float(f"1e{power}") for power in powers]
        parts = (1, 2, 5) if high / low < 100 else (1,)
        ticks = [part * ten for ten in tens for part in parts]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        ticks = ticks[:: math.ceil(len(ticks) / 6)] if ticks else [low, high]
    else:
        rough = (high - low) / 6
        ten = 10 ** math.floor(math.log10(rough))
        step = next(part * ten for part in (1, 2, 5, 10) if part * ten >= rough)
        if isinstance(low, int):
            step = max(1, step)
        numbers = range(math.ceil(low / step), math.floor(high / step) + 1)
        ticks = [round(number * step, 12) for number in numbers]
    return [int(tick) if tick == int(tick) else tick for tick in ticks]


def jitter(number: int) -> float:
    """A shift from -0.5 to 0.5, different for every trial and evenly spread.

    Formula: the fractional part of `number` times the golden ratio, less 0.5.
    """
    return round(number * (math.sqrt(5) - 1) / 2 % 1 - 0.5, 3)


def wrong_text(search: Search) -> str:
    """The numbers of trials that diverged, failed or did not begin; empty if none."""
    statuses = [search.status(trial) for trial in search.trials]
    unknown = sum(trial.run is None for trial in search.trials)
    parts = [
        f"{count_of(number, 'trial')} {what}"
        for number, what in (
            (statuses.count("diverged"), "diverged"),
            (statuses.count("failed"), f"failed and has no {search.settings.metric.title}"),
            (unknown, "not begun"),
        )
        if number
    ]
    return ", ".join(parts)
