"""The end of a run's training."""

import math

import pytest

from kmlp.model.metrics import LOSS
from kmlp.training.target import Target

pytestmark = pytest.mark.once

CURVE = [0.5, 0.8, 0.7, 0.8, 0.9, 0.6, 0.6]


@pytest.mark.parametrize(
    ("target", "epochs", "end"),
    [
        (Target(5), 4, None),
        (Target(5), 5, 5),
        (Target(5), 7, 5),  # a stored run that is longer
        (Target(9, patience=1), 2, None),
        (Target(9, patience=1), 3, 3),
        (Target(9, patience=2), 4, 4),  # an equal accuracy is not better
        (Target(9, patience=2), 7, 4),
        (Target(3, patience=2), 7, 3),  # fewer epochs than the patience needs
        (Target(9, patience=3), 7, None),
    ],
)
def test_a_run_ends_after_its_epochs_or_its_patience(target, epochs, end):
    assert target.end(CURVE[:epochs]) == end


def test_a_patience_can_watch_a_loss():
    losses = [0.9, 0.5, 0.6, 0.5, 0.4]
    assert Target(9, patience=2, metric=LOSS).end(losses) == 4
    assert Target(9, patience=2).end(losses) == 3


def test_targets_that_watch_different_metrics_have_no_patience_in_common():
    joined = Target(9, patience=2, metric=LOSS).joined(Target(5, patience=4))
    assert joined == Target(9, metric=LOSS)


def test_a_divergence_is_not_an_end_by_patience():
    assert Target(9, patience=1).end([0.5, math.nan]) is None


def test_targets_are_joined_to_the_longest_run():
    assert Target(5).joined(None) == Target(5)
    assert Target(9, patience=2).joined(Target(5, patience=4)) == Target(9, patience=4)
    assert Target(9, patience=2).joined(Target(5)) == Target(9)
