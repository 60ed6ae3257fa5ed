"""Files that are whole or not there at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

_LONGEST = 150
"""Characters of a name that is made of a text, which leaves room for an ending."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path with the same suffix to write to, which becomes `path` at the end.

    After an error, what was at `path` is still there.
    """
    aside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def file_name(text: str) -> str:
    """A text as the name of one file, in whatever folder, of another text another one.

    What a file's name should not have is percent-encoded, and what is too long is cut.

    >>> file_name("emnist/letters"), file_name(".."), file_name("width=32,seed=0")
    ('emnist%2Fletters', '%2E%2E', 'width=32,seed=0')
    """
    name = quote(text, safe="=, +", errors="surrogateescape")
    if not text.strip("."):
        name = name.replace(".", "%2E")
    if len(name) > _LONGEST:
        mark = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"{name[: _LONGEST - len(mark) - 1]}-{mark}"
    return name
