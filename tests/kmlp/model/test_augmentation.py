"""An augmentation is a sum of changes, each at most once, and has one spelling."""

import pytest

from kmlp import ConfigError, RunConfig
from kmlp.model.augmentation import check_augmentation, read_augmentation

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "spelling", "numbers"),
    [
        ("none", "none", {}),
        ("flip", "flip", {"flip": 1}),
        (
            "flip+rotate:1e1+shift:2",
            "shift:2+rotate:10+flip",
            {"shift": 2, "rotate": 10, "flip": 1},
        ),
    ],
)
def test_changes_have_their_numbers_and_one_order(text, spelling, numbers):
    assert check_augmentation(text) == spelling
    assert read_augmentation(text) == numbers
    assert RunConfig(augmentation=text).augmentation == spelling


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("flip+flip", "only stand once"),
        ("flip+none", "only stand alone"),
        ("shift", "shift:PIXELS"),
        ("shift:1.5", "PIXELS"),
        ("shift:0", "PIXELS"),
        ("rotate:181", "DEGREES <= 180"),
        ("flipp", "flip"),
        ("", "augmentation"),
    ],
)
def test_useless_or_unknown_changes_are_refused(text, problem):
    with pytest.raises(ConfigError, match=problem):
        RunConfig(augmentation=text)
