"""Values and numbers as people read them."""

from __future__ import annotations

import re
from typing import Any

from kmlp.config import value_text

_LONG = 8
"""Characters of a number that is shortened."""
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that control a terminal, turn the direction of text, break lines or are not
seen; and halves of characters, which no encoding has.
"""


def short_text(name: str, value: Any) -> str:
    """A field's value: a long number with four digits.

    >>> short_text("learning_rate", 0.0123456789), short_text("width", (300, 100))
    ('0.01235', '300x100')
    """
    text = value_text(name, value)
    return f"{value:.4g}" if isinstance(value, float) and len(text) > _LONG else text


def protocol_text(*, on_test: bool) -> str:
    """What a headline ends with where the test images validate; else nothing."""
    return ", validated on the test images" if on_test else ""


def count_of(number: int, noun: str, several: str | None = None) -> str:
    """A number of things: `1 epoch`, `2 epochs`; of studies, with their plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"


def visible(text: str, *, keep: str = "") -> str:
    r"""A text of any origin, safe to show: as Python writes them, its control characters.

    Among them are all by which a text can move the cursor, begin a line of its own, or
    hide something. A byte of a file's name that is not text is shown as such.

    Args:
        text: Of a user, a file, an error, ...
        keep: Characters that stay as they are. Defaults to none, not even a newline.

    >>> print(visible("one\x1b[31m\ntwo \u202eeno\udce9"))
    one\x1b[31m\ntwo \u202eeno\xe9
    """
    return _UNSEEN.sub(lambda it: it[0] if it[0] in keep else _escaped(it[0]), text)


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # as Python reads a byte that it cannot decode
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
