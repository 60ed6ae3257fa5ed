"""The picture of a dataset shows class names safely."""

from dataclasses import replace

import pytest
from helpers.made_up_data import images
from PIL import ImageChops

from kmlp.data.picture import draw_samples

pytestmark = pytest.mark.once


def test_control_characters_in_class_names_are_drawn_as_escapes():
    mine = images()
    raw = draw_samples(replace(mine, class_names=("a\x01b\n", "\u202ec", "x" * 10_000)))
    escaped = draw_samples(replace(mine, class_names=(r"a\x01b\n", r"\u202ec", "x" * 100)))
    assert ImageChops.difference(raw, escaped).getbbox() is None
