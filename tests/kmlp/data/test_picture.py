from dataclasses import replace

import pytest
from helpers.made_up_data import images
from PIL import ImageChops

from kmlp.data.picture import draw_samples

pytestmark = pytest.mark.once


def test_names_of_classes_are_drawn_as_they_are_shown():
    made = images()
    evil = draw_samples(replace(made, class_names=("a\x01b\n", "\u202ec", "x" * 10_000)))
    shown = draw_samples(replace(made, class_names=(r"a\x01b\n", r"\u202ec", "x" * 100)))
    assert ImageChops.difference(evil, shown).getbbox() is None
