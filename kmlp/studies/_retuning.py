"""Retuning: nuisance fields that are tuned anew for each value of an ablation.

A comparison at one learning rate measures mostly which value the rate suits. Each value
therefore gets the setting that is best for it, chosen by runs with seeds of their own.

Source: Godbole et al. 2023, Deep Learning Tuning Playbook; Shallue et al. 2018, Measuring
the effects of data parallelism on neural network training, arXiv:1811.03600.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import qmc

from kmlp._util.numbers import check_integer
from kmlp.errors import ConfigError, call_all, raise_problems, unknown_name
from kmlp.model.config import RunConfig
from kmlp.model.domains import (
    RANGE_KEYS,
    Range,
    check_range,
    number_at,
    parse_range,
    range_of_table,
)
from kmlp.model.fields import ConfigField, Group
from kmlp.model.hyperparameters import config_fields
from kmlp.model.metrics import Metric
from kmlp.model.rates import rates_of
from kmlp.studies.replicates import on_folds
from kmlp.training.run import At

Retune = str | Iterable[str] | Mapping[str, Any] | None
"""The fields to retune: see `read_retuning`. None: none."""
TRIALS = 12
"""The default number of settings that are tried for each value."""
FACTOR = 3
"""At each rung, the best `1 / FACTOR` of the settings go on."""
MOST_DRAWS = 50
"""The most draws for each setting, before a range is taken to have no more numbers."""
FINAL_SEEDS = 2
"""The number of seeds on the last rung. One decides on the rungs before."""
FIRST_SEED = 1_000_000
"""The distance of the tuning seeds from those of the study, which may get more of them."""

_DEFAULTS = {"momentum": Range(0.0, 0.99), "weight_decay": Range(1e-6, 1e-1, "log")}
_DEFAULTS |= {"l2": Range(1e-6, 1e-2, "log"), "l1": Range(1e-7, 1e-3, "log")}
_DEFAULTS |= {"dropout": Range(0.0, 0.6)}
"""The ranges of fields, besides the learning rate, that have a default one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retuning:
    """The fields that are tuned anew for each value, and the number of settings to try."""

    fields: Mapping[str, Range | None]
    """The range of each field. None: the default range, that of the optimizer for the
    learning rate."""
    trials: int = TRIALS
    seed: int = 0
    """The seed of the settings, and of the tuning runs. Defaults to 0."""

    def ranges(self, config: RunConfig) -> dict[str, Range]:
        """Return the range of each field for a configuration."""
        return {
            name: given or default_range(name, config)
            for name, given in self.fields.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, the number of settings and the seed as values for JSON."""
        return {
            "fields": {
                name: given and [given.low, given.high, given.sampling]
                for name, given in self.fields.items()
            },
            "trials": self.trials,
            "seed": self.seed,
        }

    def identity(self, at: At, metric: Metric) -> dict[str, Any]:
        """Return what identifies a study: also how the settings are judged."""
        return {**self.to_dict(), "at": at, "metric": metric.name}

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> Retuning:
        """Return the retuning that `to_dict` returned the values of."""
        fields = {name: given and Range(*given) for name, given in stored["fields"].items()}
        return cls(fields=fields, trials=stored["trials"], seed=stored["seed"])


def default_range(name: str, config: RunConfig) -> Range:
    """Return the default range of a field for a configuration."""
    return rates_of(config.optimizer) if name == "learning_rate" else _DEFAULTS[name]


def read_retuning(
    given: Any, *, param: str, trials: Any = TRIALS, seed: int = 0
) -> Retuning:
    """Return the retuning that the argument `retune` of `ablate` stands for.

    Args:
        given: A text, `learning_rate,momentum=0:0.9`; the names of fields; or the ranges by
            field, each None or as `SearchSpace` takes it.
        param: The parameter that varies.
        trials: The number of settings to try, from 2 to 1000. Defaults to 12.
        seed: The seed of the study. Defaults to 0.

    Raises:
        ConfigError: with every problem.

    Example:
    >>> read_retuning("learning_rate=1e-3:3:log", param="batch_size").fields
    {'learning_rate': Range(low=0.001, high=3.0, sampling='log')}
    """
    if isinstance(given, str):
        parts = [part.partition("=") for part in given.split(",")]
        named: list[tuple[str, Any]] = [(name, text or None) for name, _, text in parts]
    elif isinstance(given, Mapping):
        named = list(given.items())
    else:
        named = [(name, None) for name in given]
    names = [str(name).strip() for name, _ in named]
    raise_problems(
        f"`{name}` is given {names.count(name)} times in `retune`. Give it once."
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    )
    if not names:
        raise ConfigError(["`retune` has no field. Give one, such as learning_rate."])
    number, *ranges = call_all(
        [
            partial(check_integer, "retune_trials", trials, least=2, most=1000),
            *(
                partial(_range_of, name, text, param)
                for name, (_, text) in zip(names, named, strict=True)
            ),
        ]
    )
    by_name = dict(zip(names, ranges, strict=True))
    fields = {name: by_name[name] for name in config_fields() if name in by_name}
    return Retuning(fields=fields, trials=number, seed=seed)


def _range_of(name: str, given: Any, param: str) -> Range | None:
    field = config_fields().get(name)
    allowed = [it for it, other in config_fields().items() if _is_nuisance(other)]
    if field is None or not _is_nuisance(field):
        raise ConfigError([unknown_name("field to retune", name, allowed)])
    if name == param:
        raise ConfigError(
            [f"`{name}` is the parameter that varies, so it cannot be retuned, too."]
        )
    if given is None:
        if name != "learning_rate" and name not in _DEFAULTS:
            raise ConfigError(
                [f"`{name}` has no default range. Give one: {name}=LOW:HIGH."]
            )
        return None
    if isinstance(given, str):
        given = parse_range(field, given) if ":" in given else None
    elif isinstance(given, Mapping) and given.keys() <= RANGE_KEYS:
        given = range_of_table(name, given)
    if not isinstance(given, Range):
        raise ConfigError(
            [f"`{name}` is retuned in a range: {name}=LOW:HIGH, or {name}=LOW:HIGH:log."]
        )
    return check_range(field, given)


def _is_nuisance(field: ConfigField) -> bool:
    """Return True for fields of numbers that change how a model is trained."""
    groups = (Group.TRAINING, Group.REGULARIZATION)
    return field.type in (int, float) and field.group in groups and field.name != "seed"


def rungs(epochs: int, trials: int) -> list[tuple[int, int]]:
    """Return the epochs of each rung with the number of settings that it trains.

    Args:
        epochs: The epochs of the last rung, those of the study.
        trials: The number of settings on the first rung.

    Example:
    >>> rungs(10, 12), rungs(2, 12), rungs(1, 3)
    ([(2, 12), (4, 4), (10, 2)], [(1, 12), (2, 4)], [(1, 3)])
    """
    levels = [math.ceil(epochs / FACTOR**power) for power in (2, 1, 0)]
    count, steps = trials, []
    for level in dict.fromkeys(levels):
        steps.append((level, count))
        count = min(count, max(2, math.ceil(count / FACTOR)))
    return steps


def most_work(epochs: int, trials: int, folds: int | None = None) -> tuple[int, int]:
    """Return the most runs and the most epochs that the tuning of one level takes.

    That is with a range that is widened once.

    Args:
        epochs: The epochs of the study.
        trials: The number of settings to try.
        folds: The number of folds. Defaults to None: no folds.

    Example:
    >>> most_work(10, 12)  # a grid of 18 settings with two seeds has 360 epochs
    (22, 112)
    """
    runs = total = 0
    for settings in (trials, max(1, trials // 2)):
        before = 0
        for number, count in rungs(epochs, settings):
            total += count * (number - before)
            before, last = number, count
        runs += settings + last * (FINAL_SEEDS - 1)
        total += last * (FINAL_SEEDS - 1) * epochs
    return runs * (folds or 1), total * (folds or 1)


def settings_to_try(
    ranges: Mapping[str, Range],
    count: int,
    *,
    seed: int,
    but: Mapping[str, Range] | None = None,
) -> list[dict[str, float]]:
    """Return quasi-random settings of some fields: a scrambled Halton sequence.

    Args:
        ranges: The range of each field.
        count: The number of settings.
        seed: The seed of the scrambling.
        but: Ranges whose settings are left out. Defaults to None: none.

    Returns:
        The settings, all different; fewer if the ranges do not have so many.

    Example:
    >>> settings_to_try({"learning_rate": Range(0.01, 1.0, "log")}, 3, seed=0)
    [{'learning_rate': ...}, {'learning_rate': ...}, {'learning_rate': ...}]
    """
    sampler = qmc.Halton(len(ranges), scramble=True, seed=np.random.default_rng(seed))
    settings: list[dict[str, float]] = []
    for _ in range(MOST_DRAWS * count):
        [point] = sampler.random(1)
        setting = {
            name: _rounded(name, number_at(domain, place), domain)
            for (name, domain), place in zip(ranges.items(), point.tolist(), strict=True)
        }
        inside = but is not None and all(
            but[name].low <= number <= but[name].high for name, number in setting.items()
        )
        if not inside and setting not in settings:
            settings.append(setting)
            if len(settings) == count:
                break
    return settings


def _rounded(name: str, number: float, within: Range | None = None) -> float:
    """Return a number with three significant digits; an integer, of a field of integers.

    Of a number just below 1, such as a momentum, the distance from 1 has three digits.

    Args:
        name: The field.
        number: The number.
        within: The range that the result must be in. Defaults to None: none.
    """
    if config_fields()[name].type is int:
        rounded: float = round(number)
    elif 0.9 <= number < 1:
        rounded = round(1 - float(f"{1 - number:.3g}"), 12)
    else:
        rounded = float(f"{number:.3g}")
    return rounded if within is None else min(max(rounded, within.low), within.high)


def widened(name: str, given: Range, *, larger: bool) -> Range:
    """Return a range that goes on by half of its length at one end, if that is possible.

    Whole numbers stay in their range: a batch may not be larger than the data.

    Args:
        name: The field.
        given: Its range.
        larger: True to go on at the upper end.

    Example:
    >>> widened("learning_rate", Range(0.01, 1.0, "log"), larger=True)
    Range(low=0.01, high=10.0, sampling='log')
    >>> widened("momentum", Range(0.0, 0.9), larger=True)
    Range(low=0.0, high=0.95, sampling='linear')
    """
    if config_fields()[name].type is int:
        return given
    end = _rounded(name, number_at(given, 1.5 if larger else -0.5))
    # Below a limit, there is always a number that is nearer to it.
    nearer = (given.high + 1) / 2 if larger else given.low / 2
    for other in (end, nearer):
        try:
            valid = config_fields()[name].convert(other)
        except ConfigError:
            continue
        wider = replace(given, **{"high" if larger else "low": valid})
        is_longer = wider.low < given.low or given.high < wider.high
        if is_longer and (given.sampling != "log" or wider.low > 0):
            return wider
    return given


def tuning_seeds(seed: int, folds: int | None, *, last: bool) -> list[int]:
    """Return the seeds of the runs of a setting: other ones than those of the study.

    Args:
        seed: The seed of the retuning.
        folds: The number of folds, each of which every seed is used on. None: no folds.
        last: True on the last rung.
    """
    first = FIRST_SEED + seed
    return on_folds(range(first, first + (FINAL_SEEDS if last else 1)), folds)
