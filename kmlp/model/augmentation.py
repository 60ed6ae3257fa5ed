"""The augmentation of training images, as text such as `shift:2+flip`.

| word | change of an image in a step |
|---|---|
| none | none |
| shift:PIXELS | moved by -PIXELS to PIXELS whole pixels, down and to the right |
| rotate:DEGREES | rotated about its centre by -DEGREES to DEGREES degrees |
| flip | mirrored, left to right, with a probability of 1/2 |

All amounts are drawn uniformly. Pixels that come from outside of the image are 0 on the
scale from 0 to 255. Changes that are joined by `+` are one change, in the order of the
table.
"""

from __future__ import annotations

from kmlp.errors import UnknownNameError, shown
from kmlp.model._terms import Form, Term, read_term
from kmlp.model.fields import Rule

MAX_SHIFT = 10_000
"""The largest PIXELS: more would exceed the integers that are multiplied."""

_FORMS = (
    Form(
        "shift:PIXELS",
        (
            Rule(
                f"PIXELS in 1, 2, ..., {MAX_SHIFT}",
                lambda pixels: 1 <= pixels <= MAX_SHIFT and pixels == int(pixels),
            ),
        ),
    ),
    Form(
        "rotate:DEGREES",
        (Rule("0 < DEGREES <= 180", lambda degrees: 0 < degrees <= 180),),
    ),
    Form("flip"),
)
_NONE = "none"


def check_augmentation(text: str) -> str:
    """Return an augmentation in one spelling, in the order of the table.

    Raises:
        UnknownNameError: if a part is unknown, or is given twice.

    Example:
    >>> check_augmentation("flip+shift:2.0")
    'shift:2+flip'
    """
    return "+".join(str(term) for term in _terms(text)) or _NONE


def read_augmentation(text: str) -> dict[str, float]:
    """Return the number of each change, by word; 1 for `flip`.

    Example:
    >>> read_augmentation("shift:2+flip")
    {'shift': 2.0, 'flip': 1.0}
    >>> read_augmentation("none")
    {}
    """
    return {term.word: term.numbers[0] if term.numbers else 1.0 for term in _terms(text)}


def _terms(text: str) -> list[Term]:
    if text == _NONE:
        return []
    forms = (Form(_NONE), *_FORMS)
    by_word: dict[str, Term] = {}
    for part in text.split("+"):
        term = read_term("augmentation", part, forms)
        if term.word == _NONE or term.word in by_word:
            why = "alone" if term.word == _NONE else "once"
            raise UnknownNameError(
                f"The value of `augmentation` is {shown(text)}, but `{term.word}` may "
                f"only stand {why}."
            )
        by_word[term.word] = term
    return [by_word[form.word] for form in _FORMS if form.word in by_word]
