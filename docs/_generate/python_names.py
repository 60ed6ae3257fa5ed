"""The pages of the public Python names, which mkdocstrings fills from the docstrings."""

from __future__ import annotations

import importlib
from functools import cache

import griffe

FOLDER = "reference/python"
MODULES = {
    "kmlp": "The library: train, compare, evaluate.",
    "kmlp_tuning": "The search, and its pieces for Keras Tuner.",
    "kmlp.statistics": "The formulas: intervals, paired differences, p-values.",
    "kmlp.engine": "The protocols, for an executor or an observer of your own.",
}


@cache
def pages() -> dict[str, str]:
    """Return the pages by path."""
    return {f"{FOLDER}/{name}.md": _page(name, text) for name, text in MODULES.items()}


@cache
def _loaded() -> griffe.ModulesCollection:
    """Return all modules, of which one package may have names of another."""
    loader = griffe.GriffeLoader(search_paths=[".", "tuning"])
    for package in dict.fromkeys(name.partition(".")[0] for name in MODULES):
        loader.load(package)
    loader.resolve_aliases(external=False)
    return loader.modules_collection


def _page(name: str, summary: str) -> str:
    package = _loaded()[name]
    # What a stub names is known after the import only.
    exported = getattr(importlib.import_module(name), "__all__", None) or [
        it for it, member in package.members.items() if _is_own(it, member)
    ]
    groups: dict[str, list[str]] = {
        "Functions": [],
        "Classes": [],
        "Errors": [],
        "Values": [],
    }
    for public in exported:
        groups[_group(package[public])].append(public)
    if not any(groups.values()):
        raise ValueError(f"{name} has no public names.")
    parts = [f"# {name}\n", f"{summary}\n"]
    for heading, names in groups.items():
        if names:
            parts.append(f"## {heading}\n")
            parts += [
                f"::: {name}.{it}\n    options:\n      heading_level: 3\n" for it in names
            ]
    return "\n".join(parts)


def _is_own(name: str, member: griffe.Object | griffe.Alias) -> bool:
    return not name.startswith("_") and not member.is_alias and not member.is_module


def _group(member: griffe.Object | griffe.Alias) -> str:
    if member.is_function:
        return "Functions"
    if member.is_class:
        return "Errors" if member.name.endswith("Error") else "Classes"
    return "Values"
