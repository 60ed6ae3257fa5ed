"""Pieces of Markdown that several generated pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines) + "\n"


def code(text: str) -> str:
    """Return a text as code within a line; empty if there is none."""
    return f"`{text}`" if text else ""


def prose(text: str) -> str:
    """Return a plain text as Markdown: every sign of it stands for itself.

    What a text has in backticks stays code, and so do options and commands.
    """
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part
        if part.startswith("`")
        else re.sub(
            r"(?<![\w-])(--[a-z][a-z-]*)", r"`\1`", re.sub(r"([*_<>\[\]|])", r"\\\1", part)
        )
        for part in parts
    )


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text).replace("\n", " ")
