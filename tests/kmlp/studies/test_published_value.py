import math

import numpy as np
import pytest

from kmlp import ConfigError
from kmlp.studies.published_value import (
    LOSS,
    PERCENT,
    Aggregation,
    PublishedValue,
    compare_with_published,
)

pytestmark = pytest.mark.once

NEAR = [60.8, 60.9, 61.1]  # mean 60.93, spread 0.153: one more is within 60.93 +- 0.76
FAR = [55.0, 61.0, 66.0]


def compared(published, ours=NEAR, *, scale=PERCENT, is_="single run"):
    return compare_with_published(
        PublishedValue(published), ours, scale=scale, aggregation=Aggregation.parse(is_)
    )


@pytest.mark.parametrize(
    ("text", "half_unit"),
    [
        ("1e400", math.inf),
        ("1e-400", 0),
        ("10.0", 0.05),
        ("10", 0.5),
        ("0.962", 0.0005),
        ("1e-3", 0.0005),
        ("1.50e2", 0.5),
    ],
)
def test_a_published_value_has_its_rounding(text, half_unit):
    assert (PublishedValue(text), PublishedValue(text).text) == (float(text), text)
    assert PublishedValue(text).half_unit == pytest.approx(half_unit)


@pytest.mark.parametrize(
    ("published", "outcome"),
    [
        ("60.1", "no"),
        ("60.2", "could be"),
        ("60.9", "could be"),
        ("61.7", "could be"),
        ("61.8", "no"),
    ],
)
def test_a_value_could_be_ours_where_one_more_seed_would_be(published, outcome):
    assert compared(published).outcome == outcome
    assert compared(published).interval == pytest.approx((60.1744, 61.6923), abs=1e-4)
    assert compared(published).difference == pytest.approx(
        60.9333 - float(published), abs=1e-3
    )


def test_an_interval_in_which_nearly_any_value_is_says_nothing_but_of_those_outside():
    assert compared("65.1", FAR).outcome == "too wide to tell"
    assert compared("99.9", FAR).outcome == "no"


@pytest.mark.parametrize(
    ("ours", "scale", "outcome"),
    [
        ([80.0, 80.1, 80.2], PERCENT, "could be"),  # 0.99 points wide, error 19.9
        ([79.8, 80.0, 80.2], PERCENT, "could be"),  # 1.99 points
        ([79.79, 80.0, 80.21], PERCENT, "too wide to tell"),  # 2.09 points
        ([97.99, 98.0, 98.01], PERCENT, "could be"),  # 0.10 points, error 2
        ([97.97, 98.0, 98.03], PERCENT, "too wide to tell"),  # 0.30 points
        ([0.995, 1.0, 1.005], LOSS, "could be"),  # 5 %
        ([0.989, 1.0, 1.011], LOSS, "too wide to tell"),  # 11 %
        ([0.00995, 0.01, 0.01005], LOSS, "could be"),
    ],
)
def test_too_wide_is_more_than_two_points_or_a_tenth_of_the_error(ours, scale, outcome):
    assert compared(f"{ours[1]:g}", ours, scale=scale).outcome == outcome


def test_intervals_of_accuracies_are_cut_at_all_and_nothing():
    assert compared("99.5", [99.0, 99.9, 99.95]).interval[1] == 100
    assert compared("0.5", [1.5, 2.5, 3.5]).interval[0] == 0
    assert compared("0.5", [0.1, 0.3, 0.5], scale=LOSS).interval[0] < 0


def test_a_mean_of_more_runs_varies_less():
    single, two, many = (
        compared("61", is_=text) for text in ("single run", "mean of 2", "mean of 10000")
    )
    widths = [high - low for low, high in (single.interval, two.interval, many.interval)]
    assert widths[1] == pytest.approx(widths[0] * math.sqrt((1 / 2 + 1 / 3) / (1 + 1 / 3)))
    assert many.interval == pytest.approx(many.ours.interval, rel=1e-4)
    assert compared("61", is_="mean of several").interval == two.interval
    assert (compared("61.6").outcome, compared("61.6", is_="mean of 5").outcome) == (
        "could be",
        "no",
    )


def test_the_best_of_more_runs_may_be_higher_but_not_lower():
    ours = [60.9, 61.0, 61.1]
    single, best = compared("61.6", ours), compared("61.6", ours, is_="best of 5")
    assert (single.outcome, best.outcome) == ("no", "could be")
    assert best.interval[0] == single.interval[0]
    assert compared("60.4", ours, is_="best of 5").outcome == "no"


def test_the_best_loss_is_the_lowest():
    ours = [0.998, 1.0, 1.002]
    single = compared("0.988", ours, scale=LOSS)
    best = compared("0.988", ours, scale=LOSS, is_="best of 5")
    assert (single.outcome, best.outcome) == ("no", "could be")
    assert best.interval[1] == single.interval[1]


def test_the_best_of_an_unknown_number_is_never_too_good():
    high = compared("99.0", is_="best of several")
    assert (high.outcome, high.interval[1]) == ("too wide to tell", 100)
    assert compared("60.0", is_="best of several").outcome == "no"
    loss = compared("0.1", [0.99, 1.0, 1.01], scale=LOSS, is_="best of several")
    assert (loss.outcome, loss.interval[0]) == ("too wide to tell", -math.inf)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("single run", lambda runs: runs[..., 0]),
        ("mean of 4", lambda runs: runs[..., :4].mean(-1)),
        ("best of 4", lambda runs: runs[..., :4].max(-1)),
    ],
)
def test_few_of_its_own_kind_are_outside_by_chance(text, value):
    """At most 5 % of 2,000 studies of three seeds, and two standard errors of this share."""
    runs = np.random.default_rng(0).normal(60, 0.1, (2000, 3 + 4))
    outside = [
        compared(f"{published:.9f}", ours.tolist(), is_=text).outcome == "no"
        for ours, published in zip(runs[:, :3], value(runs[:, 3:]), strict=True)
    ]
    assert np.mean(outside) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 2000)
    assert np.mean(outside) > 0.005


def test_equal_results_agree_with_an_equal_value_and_exclude_no_other():
    """With few images, seeds that differ have equal accuracies now and then."""
    equal, rounded, other = (
        compared("10.0", [result] * 3) for result in (10.0, 10.04, 10.06)
    )
    assert [it.outcome for it in (equal, rounded, other)] == ["could be", "could be", None]
    assert {it.interval for it in (equal, rounded, other)} == {None}


def test_the_rounding_of_a_published_value_is_no_difference():
    ours = [60.89, 60.94, 60.99]
    assert compared("61.2", ours).interval[1] == pytest.approx(61.188, abs=1e-3)
    assert compared("61.2", ours).outcome == "could be"
    assert compared("61.20", ours).outcome == "no"


def test_one_seed_or_none_explains_nothing():
    one = compared("65.1", [61.0])
    assert (one.outcome, one.interval, one.ours.interval) == (None, None, None)
    assert one.difference == pytest.approx(-4.1)
    none = compared("65.1", [])
    assert (none.ours, none.interval, none.outcome, none.difference, none.ratio) == (
        (None,) * 5
    )


def test_times_are_a_ratio():
    times = compared("900", [30.0, 60.0], scale=None)
    assert times.ratio == pytest.approx(20)
    assert (times.interval, times.outcome) == (None, None)


@pytest.mark.parametrize(
    "text",
    ["single run", "mean of 2", "best of 10000", "mean of several", "best of several"],
)
def test_an_aggregation_is_read_from_its_text(text):
    assert Aggregation.parse(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "best",
        "median of 5",
        "best of 1",
        "best of 10001",
        "mean of 0",
        "best of 1e3",
        "best of ٣",
    ],
)
def test_other_aggregations_are_refused(text):
    with pytest.raises(ConfigError, match=f'"{text}"'):
        Aggregation.parse(text)
