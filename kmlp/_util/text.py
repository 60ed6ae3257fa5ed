"""Texts as people read them, and the names that things may have."""

from __future__ import annotations

import unicodedata


def protocol_text(*, on_test: bool) -> str:
    """What a headline ends with where the test images validate; else nothing."""
    return ", validated on the test images" if on_test else ""


def count_of(number: int, noun: str, several: str | None = None) -> str:
    """A number of things: `1 epoch`, `2 epochs`; of studies, with their plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"


def visible(text: str, *, keep: str = "") -> str:
    r"""A text of any origin, safe to show: what cannot be seen, as Python writes it.

    Among that are all characters by which a text can move the cursor, turn its direction,
    begin a line of its own, or hide something. A byte of a file's name that is not text is
    shown as such.

    Args:
        text: Of a user, a file, an error, ...
        keep: Characters that stay as they are. Defaults to none, not even a newline.

    >>> print(visible("one\x1b[31m\ntwo \u202eeno\udce9"))
    one\x1b[31m\ntwo \u202eeno\xe9
    """
    if text.isprintable():
        return text
    return "".join(it if it in keep or _is_seen(it) else _escaped(it) for it in text)


def name_problem(name: str) -> str | None:
    """Why something cannot be called so, as the end of a sentence; None: it can.

    A name is one line of characters that can be seen, and of spaces between them: it is
    shown among other texts, and two names are to look different.

    >>> name_problem("width, twice"), name_problem(" ")
    (None, 'is blank')
    >>> name_problem("a\u202eb")
    'has the character U+202E (right-to-left override), which cannot be seen'
    """
    for character in name:
        if "\ud800" <= character <= "\udfff":
            return "has bytes that are not text in UTF-8"
        if not _is_seen(character):
            kind = _KINDS.get(unicodedata.category(character), "no character yet")
            called = unicodedata.name(character, kind).lower()
            return (
                f"has the character U+{ord(character):04X} ({called}), which cannot be seen"
            )
    if not any(unicodedata.category(it)[0] in "LNPS" and it not in _BLANK for it in name):
        return "is blank"
    if name != name.strip():
        return "begins or ends with a space"
    return None


_KINDS = {"Cc": "a control character", "Co": "of private use"}
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and symbols that are nothing but a space."""


def _is_seen(character: str) -> bool:
    """Whether it can be seen, or is a space; not what only changes other characters' look
    or direction, nor what has no meaning, or none that all agree on.
    """
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # as Python reads a byte that it cannot decode
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
