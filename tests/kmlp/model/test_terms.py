"""A term is a word with its numbers, and has one spelling."""

import pytest

from kmlp import UnknownNameError
from kmlp.model._terms import Form, Term, read_term
from kmlp.model.fields import Rule

pytestmark = pytest.mark.once

POSITIVE = Rule("N > 0", lambda number: number > 0)
FORMS = [Form("none"), Form("step:N:N", (POSITIVE, POSITIVE)), Form("step:N", (POSITIVE,))]


@pytest.mark.parametrize(
    ("text", "term", "spelling"),
    [
        ("none", Term("none"), "none"),
        ("step:1e1:.50", Term("step", (10.0, 0.5)), "step:10:0.5"),
        ("step:1e-3", Term("step", (0.001,)), "step:0.001"),
        (" step: 2", Term("step", (2.0,)), "step:2"),
    ],
)
def test_a_term_has_its_word_and_numbers_and_one_spelling(text, term, spelling):
    assert read_term("schedule", text, FORMS) == term
    assert str(term) == spelling
    assert read_term("schedule", spelling, FORMS) == term


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("stop:1", 'schedule "stop:1"'),
        ("step", "must be step:N:N or step:N"),
        ("none:1", "must be none"),
        ("step:0", "`N > 0`"),
        ("step:x", "`N > 0`"),
        ("step:1e-60", "float32"),
    ],
)
def test_what_is_not_a_term_is_refused(text, problem):
    with pytest.raises(UnknownNameError, match=problem):
        read_term("schedule", text, FORMS)
