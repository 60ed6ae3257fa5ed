"""Checks of the best trial of a search, as `kmlp.studies._checks` has of ablations."""

from __future__ import annotations

from kmlp._util.text import count_of, enumerated
from kmlp.model.domains import Choice, Conditional, Domain, Range, ends, place_in
from kmlp.model.fields import Group
from kmlp.model.hyperparameters import config_fields
from kmlp.model.params import goes_beyond
from kmlp.model.text import short_text, value_text
from kmlp.studies.ranges import are_numbers
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.trial import Trial

NEAR = 0.05
"""The part of a range, at each end, in which a number is at its edge."""
FEWEST = 3
"""The fewest values of a choice that has an edge. Of two, the best is always an end."""


def at_edge(search: Search) -> dict[str, bool]:
    """Return the fields whose value in the best trial is at the edge of what was searched.

    A value beyond may be better. Fields of the data are no values to choose by results.

    Returns:
        For each of these fields, True for the upper end, False for the lower one.
    """
    best = search.best()
    if best is None:
        return {}
    found = {}
    for name, domain in search.settings.space.fields.items():
        is_data = config_fields()[name].group is Group.DATA
        if is_data or not search.settings.space.has_value(name, best.config):
            continue
        value = getattr(best.config, name)
        larger = _end_of(_domain_of(best, domain), value)
        if larger is not None and goes_beyond(name, value, larger=larger):
            found[name] = larger
    return found


def _domain_of(trial: Trial, domain: Domain) -> Choice | Range:
    """Return the domain of a field in a trial, which has the field."""
    if isinstance(domain, Conditional):
        return domain.domains[getattr(trial.config, domain.parent)]
    return domain


def _end_of(domain: Choice | Range, value: float) -> bool | None:
    """Return the end of a domain that a value is at: True for the upper, None for none."""
    if isinstance(domain, Choice):
        values = domain.values
        if (
            len(values) < FEWEST
            or not are_numbers(values)
            or min(values) < value < max(values)
        ):
            return None
        return bool(value == max(values))
    place = place_in(domain, value)
    if NEAR < place < 1 - NEAR:
        return None
    return place > NEAR


def sentences(search: Search) -> tuple[str, ...]:
    """Return the checks that a search fails, as sentences."""
    best, diverged = search.best(), search.diverged
    texts = []
    if diverged:
        trials = count_of(len(search.trials), "trial")
        texts.append(f"{diverged} of {trials} diverged.")
    if best is not None and (fields := at_edge(search)):
        values = []
        for name in fields:
            low, *_, high = sorted(
                ends(_domain_of(best, search.settings.space.fields[name]))
            )
            searched = f"{value_text(name, low)} to {value_text(name, high)}"
            number = short_text(name, getattr(best.config, name))
            values.append(f"{name} {number} (searched from {searched})")
        texts.append(
            f"Trial {best.number}, the best, is at the edge of what was searched: "
            f"{enumerated(values)}. A value beyond may be better."
        )
    return tuple(texts)
