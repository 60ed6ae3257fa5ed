"""The recipes that come with kmlp: their names and their texts."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from kmlp.data.listing import is_left_behind

SUFFIX = ".toml"
"""The ending of the file name of every recipe."""


def bundled() -> list[str]:
    """Return the names of the recipes that come with kmlp, in alphabetical order."""
    names = [file.name for file in _folder().iterdir()]
    return sorted(
        name.removesuffix(SUFFIX)
        for name in names
        if name.endswith(SUFFIX) and not is_left_behind(name)
    )


def bundled_text(name: str) -> str:
    """Return the text of a recipe that comes with kmlp.

    Args:
        name: One of `bundled()`.
    """
    return (_folder() / f"{name}{SUFFIX}").read_text("utf-8")


def _folder() -> Traversable:
    return files("kmlp_tuning.lab") / "recipes"
