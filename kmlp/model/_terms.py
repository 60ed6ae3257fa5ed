"""Terms: values that are a word with its numbers, such as `normal:0.05`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kmlp.errors import UnknownNameError, shown, unknown_name
from kmlp.model.fields import FLOAT32_MIN, Rule, as_computed


@dataclass(frozen=True, slots=True)
class Form:
    """A form that a term can have: its word, and the rule of each of its numbers."""

    text: str
    """The form as messages show it, such as `normal:SD`. It starts with the word."""
    rules: tuple[Rule, ...] = ()
    """The rules of the numbers, in their order. Defaults to none: the word alone."""

    @property
    def word(self) -> str:
        """The word of the form."""
        return self.text.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Term:
    """A word with its numbers, which `str` writes in one way."""

    word: str
    """The word."""
    numbers: tuple[float, ...] = ()
    """The numbers, in their order."""

    def __str__(self) -> str:
        return ":".join([self.word, *map(_text, self.numbers)])


def read_term(kind: str, text: str, forms: Sequence[Form]) -> Term:
    """Return the term of a text.

    Args:
        kind: Noun for the term in messages, such as `"initializer"`.
        text: The word, with a colon before each number.
        forms: The allowed forms.

    Raises:
        UnknownNameError: if no form has the word with as many numbers, or if a number
            breaks its rule.

    Example:
    >>> forms = [Form("normal:SD", (Rule("SD > 0", lambda value: value > 0),))]
    >>> str(read_term("initializer", "normal:.050", forms))
    'normal:0.05'
    """
    word, *parts = map(str.strip, text.split(":"))
    same_word = [form for form in forms if form.word == word]
    form = next((form for form in same_word if len(form.rules) == len(parts)), None)
    if form is None and same_word:
        allowed = " or ".join(form.text for form in same_word)
        raise UnknownNameError(
            f"The value of `{kind}` is {shown(text)}, but must be {allowed}."
        )
    if form is None:
        raise UnknownNameError(unknown_name(kind, text, [form.text for form in forms]))
    return Term(
        word,
        tuple(
            _number(kind, text, part, rule)
            for part, rule in zip(parts, form.rules, strict=True)
        ),
    )


def _number(kind: str, text: str, part: str, rule: Rule) -> float:
    """Return a number of a term.

    Raises:
        UnknownNameError: if it is not a number, or breaks its rule.
    """
    try:
        number = float(part)
    except ValueError:
        number = float("nan")
    computed = as_computed(number)
    if not (rule.holds(computed) and (number == 0 or abs(computed) >= FLOAT32_MIN)):
        raise UnknownNameError(
            f"The value of `{kind}` is {shown(text)}, but must have a number "
            f"`{rule.text}`{', also as float32' if rule.holds(number) else ''}."
        )
    return number


def _text(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)
