"""Texts for people: counts, safe characters, and the names that things may have."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def protocol_text(noun: str, *, on_test: bool) -> str:
    """Return the end of a headline: a note if test examples are used for validation.

    Args:
        noun: The word for the examples, such as "images".
        on_test: True if test examples are used.
    """
    return f", validated on the test {noun}" if on_test else ""


def count_of(number: int, noun: str, several: str | None = None) -> str:
    """Return a number with a noun: `1 epoch`, `2 epochs`.

    Args:
        number: The number.
        noun: The noun in the singular.
        several: The plural. Defaults to None: the noun with an s.
    """
    return f"{number} {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"


def enumerated(words: Sequence[str]) -> str:
    """Return the words as a list: "a", "a and b", "a, b and c".

    Example:
    >>> enumerated(["32", "128", "512"])
    '32, 128 and 512'
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def percent_text(share: float, *, signed: bool = False) -> str:
    """Return a fraction, from 0 to 1, in percent with two decimals.

    Example:
    >>> percent_text(0.975), percent_text(0.5, signed=True)
    ('97.50', '+50.00')
    """
    return f"{100 * share:{'+' if signed else ''}.2f}"


def visible(text: str, *, keep: str = "") -> str:
    r"""Return a text that is safe to show: invisible characters are escaped.

    Such characters can move the cursor, reverse the direction of text, begin a line, or
    hide other text. Bytes of a file name that are not UTF-8 are escaped, too.

    Args:
        text: A text of any origin, such as a user, a file or an error.
        keep: Characters that are not escaped. Defaults to empty: newlines are escaped, too.

    >>> print(visible("one\x1b[31m\ntwo \u202eeno\udce9"))
    one\x1b[31m\ntwo \u202eeno\xe9
    """
    if text.isprintable():
        return text
    return "".join(
        character if character in keep or _is_visible(character) else _escaped(character)
        for character in text
    )


def name_problem(name: str) -> str | None:
    """Return the reason why a text cannot be a name, as the end of a sentence; else None.

    A name is one line of visible characters, with spaces between them. It is shown among
    other texts, and two names must look different.

    >>> name_problem("width, twice"), name_problem(" ")
    (None, 'is blank')
    >>> name_problem("a\u202eb")
    'has the invisible character U+202E (right-to-left override)'
    """
    for character in name:
        if "\ud800" <= character <= "\udfff":
            return "has bytes that are not text in UTF-8"
        if not _is_visible(character):
            kind = _KINDS.get(unicodedata.category(character), "not assigned yet")
            called = unicodedata.name(character, kind).lower()
            return f"has the invisible character U+{ord(character):04X} ({called})"
    if not any(
        unicodedata.category(character)[0] in "LNPS" and character not in _BLANK
        for character in name
    ):
        return "is blank"
    if name != name.strip():
        return "begins or ends with a space"
    return None


_KINDS = {"Cc": "a control character", "Co": "of private use"}
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and symbols that look like a space."""


def _is_visible(character: str) -> bool:
    """True if a character is visible, or is a space.

    Characters that change others' look or direction, and unassigned ones, are not visible.
    """
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # Python's form of a byte that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
