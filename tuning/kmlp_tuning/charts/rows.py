"""What the charts of a search show, as plain values."""

from __future__ import annotations

import math
from typing import Any

from kmlp._util.text import count_of
from kmlp.charts.accuracy import error_of
from kmlp.model.config import short_text
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.trial import Trial
from kmlp_tuning.space.domains import Choice, Range, has_value

NONE = "none"
"""The value of a field that does nothing in a configuration."""

UNITS = {
    "width": "width, units",
    "depth": "depth, hidden layers",
    "batch_size": "batch_size, images",
    "train_size": "train_size, images",
}
"""What axes of fields are called that have a unit."""

KINDS = ("failed", "diverged", "stopped", "waiting", "finished", "best")
"""What a trial is drawn as, from back to front."""

Row = dict[str, Any]


def trial_rows(search: Search) -> list[Row]:
    """A row a trial that was begun, those that matter least first.

    Its keys are `trial`, `kind`, each searched field as text, `epochs`: how many it has
    with an accuracy, `errors`: in percent after each of them, `error`: the last one or
    None, and `lost`: the epoch in which it diverged or None.
    """
    best = search.best()
    rows = []
    for trial in search.trials:
        if trial.run is None:
            continue
        history = trial.run.history
        errors = [error_of(it.val_accuracy) for it in history if it.finite]
        status = search.status(trial)
        alive = status not in ("diverged", "failed")
        rows.append(
            {
                "trial": trial.number,
                "kind": "best" if trial is best else status,
                **{name: text_of(name, trial) for name in search.settings.space.fields},
                "epochs": len(errors),
                "errors": errors,
                "error": errors[-1] if errors and alive else None,
                "lost": len(history) if status == "diverged" else None,
            }
        )
    return sorted(rows, key=lambda it: (KINDS.index(it["kind"]), -_error(it), it["trial"]))


def _error(row: Row) -> float:
    return math.inf if row["error"] is None else row["error"]


def told(error: float | None) -> str:
    """The accuracy of an error, both in percent, as text."""
    return NONE if error is None else f"{100 - error:.2f}"


def text_of(name: str, trial: Trial) -> str:
    """A trial's value of a field."""
    config = trial.config
    return short_text(name, getattr(config, name)) if has_value(name, config) else NONE


def number_of(name: str, trial: Trial) -> float | None:
    """The same as a number."""
    return getattr(trial.config, name) if has_value(name, trial.config) else None


def choices(name: str, domain: Choice) -> list[str]:
    """The values of a choice as text."""
    return [short_text(name, value) for value in domain.values]


def range_ticks(domain: Range) -> list[float]:
    """The numbers of a range to label.

    >>> range_ticks(Range(1e-3, 1.0, "log")), range_ticks(Range(0.0, 0.95))
    ([0.001, 0.01, 0.1, 1], [0, 0.2, 0.4, 0.6, 0.8])
    """
    low, high = domain.low, domain.high
    if domain.sampling == "log":
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        tens = [float(f"1e{power}") for power in powers]
        parts = (1, 2, 5) if high / low < 100 else (1,)
        found = [part * ten for ten in tens for part in parts]
        found = [it for it in found if low * 0.999 <= it <= high * 1.001]
        found = found[:: math.ceil(len(found) / 6)] if found else [low, high]
    else:
        rough = (high - low) / 6
        ten = 10 ** math.floor(math.log10(rough))
        step = next(part * ten for part in (1, 2, 5, 10) if part * ten >= rough)
        if isinstance(low, int):
            step = max(1, step)
        numbers = range(math.ceil(low / step), math.floor(high / step) + 1)
        found = [round(number * step, 12) for number in numbers]
    return [int(it) if it == int(it) else it for it in found]


def jitter(number: int) -> float:
    """A shift from -0.5 to 0.5 that is another for every trial, evenly spread.

    Formula: the fractional part of `number` times the golden ratio, less 0.5.
    """
    return round(number * (math.sqrt(5) - 1) / 2 % 1 - 0.5, 3)


def wrong_text(search: Search) -> str:
    """How many trials are not drawn as the others, and why; empty if none."""
    statuses = [search.status(trial) for trial in search.trials]
    unknown = sum(trial.run is None for trial in search.trials)
    parts = [
        f"{count_of(number, 'trial')} {what}"
        for number, what in (
            (statuses.count("diverged"), "diverged"),
            (statuses.count("failed"), "failed and has no accuracy"),
            (unknown, "not begun"),
        )
        if number
    ]
    return ", ".join(parts)
