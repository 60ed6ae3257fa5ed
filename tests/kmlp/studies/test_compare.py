"""Two ablations side by side, with made-up accuracies."""

import json
import math
from dataclasses import replace

import pytest
from helpers.made_up import made_up_ablation as made_up

from kmlp import ConfigError, RunConfig
from kmlp.model.metrics import LOSS
from kmlp.studies._planned import Planned
from kmlp.studies.compare import compare

pytestmark = pytest.mark.once

FIRST = {8: [0.80, 0.85, 0.9001], 16: [0.90, 0.91, 0.92], 32: [0.9, 0.91, 0.92]}
SECOND = {32: [0.93, 0.89, 0.91], 16: [0.88, 0.8901, 0.90], 8: [0.81, 0.86, 0.91]}


def named(study, name):
    return replace(study, name=name)


def test_values_are_paired_by_value_and_seed():
    comparison = compare(named(made_up(FIRST), "one"), named(made_up(SECOND), "other"))
    assert [level.value for level in comparison.levels] == [8, 16, 32]
    first = comparison.levels[0]
    assert first.first.mean == pytest.approx((0.80 + 0.85 + 0.9001) / 3)
    assert first.difference.mean == pytest.approx((0.01 + 0.01 + 0.0099) / 3)
    assert [level.difference.significant for level in comparison.levels] == [
        True,
        True,
        False,
    ]
    assert comparison.conclusion.text == (
        '"other" is better with width=8 and worse with width=16 than "one"; 3 seeds do not '
        "separate the two studies with width=32. Second minus first is smaller with width=16 "
        "than with width=8: an interaction."
    )
    evidence = comparison.conclusion.to_dict()
    interaction = evidence.pop("interaction")
    assert evidence == {"better": [8], "worse": [16], "same": [], "undecided": [32]}
    assert interaction == {"better": [], "worse": [16], "same": [], "undecided": [32]}
    assert comparison.to_dict()["evidence"] == comparison.conclusion.to_dict()
    json.dumps(comparison.to_dict(), allow_nan=False)


def test_the_differences_are_corrected_for_all_values():
    alone = compare(made_up({8: FIRST[8]}), made_up({8: SECOND[8]})).levels[0].difference
    among = compare(made_up(FIRST), made_up(SECOND)).levels[0].difference
    assert among.mean == alone.mean
    assert among.p_value == pytest.approx(2 * alone.p_value)  # the second lowest of three


def test_the_interaction_is_the_difference_less_that_of_the_reference():
    comparison = compare(made_up(FIRST), made_up(SECOND))
    first, second, third = comparison.levels
    assert comparison.reference is first and first.interaction is None
    for level in (second, third):
        change = level.difference.mean - first.difference.mean
        assert level.interaction.mean == pytest.approx(change)
    planned = replace(made_up(FIRST), planned=Planned(baseline="32")).compared_with(32)
    assert compare(planned, made_up(SECOND)).reference.value == 32


def test_studies_with_other_validation_images_are_compared_by_test_accuracy():
    other = made_up(SECOND, base=RunConfig(validation_fraction=0.1))
    comparison = compare(made_up(FIRST), other)
    assert comparison.part == "test" and comparison.images_differ
    assert "test accuracies are compared" in comparison.conclusion.text


def test_studies_on_other_datasets_are_not_compared_as_if_the_images_were_the_same():
    other = made_up(SECOND, base=RunConfig(dataset="fashion_mnist"))
    comparison = compare(made_up(FIRST), other)
    assert comparison.part == "val" and comparison.images_differ
    assert {level.difference.verdict for level in comparison.levels} == {"undecided"}
    assert "on different images" in comparison.conclusion.text


def test_seeds_that_were_chosen_by_looks_are_named():
    plain, other = named(made_up(FIRST), "one"), named(made_up(SECOND), "other")
    assert "looks" not in compare(plain, other).conclusion.text
    for looked in (replace(other, looks=(2,)), replace(other, most_seeds=20)):
        text = compare(plain, looked).conclusion.text
        assert 'seeds of "other" was chosen by looks' in text


def test_only_the_seeds_of_both_count():
    one = made_up({8: [0.8, 0.9, 0.7]}, seeds=(0, 1, 2))
    other = made_up({8: [0.95, 0.8, 0.6]}, seeds=(1, 2, 3))
    comparison = compare(one, other)
    assert comparison.seeds == (1, 2)
    [level] = comparison.levels
    assert level.first.mean == pytest.approx(0.8)
    assert level.difference.mean == pytest.approx(0.075)


def test_a_seed_that_diverged_in_one_has_no_pair():
    comparison = compare(made_up({8: [math.nan, 0.9]}), made_up({8: [0.8, math.nan]}))
    [level] = comparison.levels
    assert (level.first.size, level.second.size, level.difference) == (1, 1, None)
    assert comparison.conclusion.text == (
        "No value has two seeds that finished in both studies: there is nothing to conclude."
    )
    everything = compare(made_up({8: [math.nan]}), made_up({8: [0.8]}))
    assert everything.levels[0].first is None


def test_no_difference():
    comparison = compare(made_up({8: [0.8, 0.9]}), made_up({8: [0.9, 0.8]}))
    assert comparison.conclusion.text == (
        "2 seeds do not separate the two studies at any value: no difference is shown."
    )


def test_fields_that_differ_are_listed():
    one = made_up(
        {8: [0.8]}, base=RunConfig(loss="mse", width=16, train_size=1000, depth=1)
    )
    other = replace(made_up({8: [0.8]}), backend="other")
    assert compare(one, other).differing == {
        "loss": ("mse", "cross_entropy"),
        "backend": ("none", "other"),
    }


def test_ablations_without_a_common_parameter_value_or_seed_are_refused():
    with pytest.raises(ConfigError, match=r"varies `width`, but .* varies `depth`"):
        compare(made_up({8: [0.8]}), replace(made_up({8: [0.8]}), param="depth"))
    with pytest.raises(ConfigError) as caught:
        compare(
            named(made_up({8: [0.8]}), "one"),
            named(made_up({9: [0.8]}, seeds=(5,)), "other"),
        )
    assert list(caught.value.problems) == [
        'The studies have no value in common: "one" has 8, and "other" has 9.',
        'The studies have no seed in common: "one" has 0, and "other" has 5.',
    ]


@pytest.mark.parametrize("margin", [0, 1, math.nan, -0.1, "0.2"])
def test_a_margin_that_is_not_a_difference_of_accuracies_is_refused(margin):
    with pytest.raises(ConfigError, match="margin"):
        compare(made_up(FIRST), made_up(SECOND), margin=margin)


def test_studies_with_the_same_results_are_not_said_to_lack_seeds():
    text = compare(made_up(FIRST), made_up(FIRST)).conclusion.text
    assert "do not separate the two studies" in text and "finished in both" not in text


def test_without_a_run_of_the_reference_no_interaction_is_tested():
    lost = made_up({8: 3 * [math.nan], 16: [0.90, 0.91, 0.92], 32: [0.9, 0.91, 0.93]})
    text = compare(lost, made_up(SECOND)).conclusion.text
    assert "No interaction can be tested" in text and "width=8" in text


def test_two_studies_are_compared_by_loss():
    """The second has higher accuracies, and higher losses."""
    losses = {1: [0.2, 0.21, 0.22], 2: [0.3, 0.31, 0.32]}
    higher = {1: [0.4, 0.412, 0.421], 2: [0.301, 0.309, 0.321]}
    first = made_up({1: [0.8] * 3, 2: [0.8] * 3}, losses=losses)
    second = made_up({1: [0.9] * 3, 2: [0.9] * 3}, losses=higher)
    comparison = compare(first, second, metric="loss")
    one, two = comparison.levels
    assert one.difference.mean == pytest.approx(0.201)
    assert (one.difference.verdict, two.difference.verdict) == ("worse", "undecided")
    assert (comparison.margin, comparison.to_dict()["metric"]) == (None, "val_loss")
    with pytest.raises(ConfigError, match="Choose one of them by `metric`"):
        compare(first.measured_by(LOSS), second)
