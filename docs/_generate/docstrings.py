"""Extensions of griffe: doctests become code on the pages, and types are shown plainly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import griffe

_HEADING = re.compile(r"^(Example|Formula|Reference):(?: |$)")


class Doctests(griffe.Extension):
    """Rewrites docstrings as Markdown before their sections are parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring is not None:
            lines = obj.docstring.value.splitlines()
            obj.docstring.value = "\n".join(_rewritten(lines))


class PlainTypes(griffe.Extension):
    """Shows `Annotated[type, ...]` as the type: the page of fields has the rest."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Replace an annotation before the signature of its class is made from it."""
        match attr.annotation:
            case griffe.ExprSubscript(
                left=griffe.ExprName(name="Annotated"),
                slice=griffe.ExprTuple(elements=[plain, *_]),
            ):
                attr.annotation = plain


def _rewritten(lines: list[str]) -> Iterator[str]:
    """Yield the lines with doctests fenced and headings in bold.

    >>> list(_rewritten(["Example:", ">>> 1 + 1", "2"]))
    ['**Example:** ', '', '```pycon', '>>> 1 + 1', '2', '```']
    """
    fenced = False
    for line in lines:
        if not fenced and line.startswith(">>> "):
            yield from ("", "```pycon")
            fenced = True
        elif fenced and not line.strip():
            yield "```"
            fenced = False
        yield line if fenced else _HEADING.sub(r"**\1:** ", line)
    if fenced:
        yield "```"
