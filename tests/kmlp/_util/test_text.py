import re

import pytest
from helpers.made_up_data import split

from kmlp import ConfigError
from kmlp._util.text import name_problem, visible
from kmlp.data._examples import make_examples
from kmlp.errors import DataError
from kmlp.store.studies import check_name

pytestmark = pytest.mark.once

UNSEEN = [
    *(
        "a\x01b",
        "a\nb",
        "a\rb",
        "a\tb",
        "a\x00b",
        "a\x7fb",
        "a\x9bb",
        "\x1b]0;t\x07",
    ),  # controls
    *("a\u202eb", "a\u2066b", "a\u200fb", "a\u061cb"),  # of direction
    *("a\u200bb", "a\u200db", "a\ufeff", "a\xadb", "a\U000e0041"),  # without a width
    *("a\u2028b", "a\u2029b", "a\x85b"),  # of lines
    *("a\ue000", "a\U0010ffff", "a\u0378", "a\ud800", "a\udce9"),  # without a meaning
]
BLANK = ["", " ", "   ", "\xa0", "\u3000", "\u3164", "\u2800 \u115f", "\u0301"]
NAMES = [
    "a",
    "width, twice",
    "naïve/é",
    "../x",
    "<b>",
    "=1",
    "日本 語",
    "e\u0301",
    "❤\ufe0f",
    "-",
]


@pytest.mark.parametrize("name", UNSEEN, ids=ascii)
def test_invisible_characters_are_escaped_and_not_allowed_in_names(name):
    assert re.search("invisible character|bytes that are not text", name_problem(name))
    assert visible(name).isprintable()
    assert visible(name) != name


@pytest.mark.parametrize("name", BLANK, ids=ascii)
def test_a_name_is_not_blank(name):
    assert name_problem(name) == "is blank"


def test_a_name_has_no_space_at_its_ends():
    assert {name_problem(name) for name in (" a", "a ", "a\xa0")} == {
        "begins or ends with a space"
    }


@pytest.mark.parametrize("name", NAMES)
def test_other_texts_are_names(name):
    assert name_problem(name) is None
    assert visible(name) == name


def test_names_of_studies_and_classes_are_checked():
    parts = split(4, shape=(2, 2)), split(4, shape=(2, 2), seed=1)
    for name in ("a\u202eb", " "):
        with pytest.raises(ConfigError, match="The study's name"):
            check_name(name)
        with pytest.raises(DataError, match=r"there: .*class '.*'"):
            make_examples(*parts, class_names=["cat", name], source="there")
