"""The hooks of mkdocs: they add the pages that are made from the code.

Every reference page is generated when the site is built, so that it cannot differ from
the code; none of them is in the repository.
"""

from __future__ import annotations

from pathlib import Path

import command_line
import field_tables
import json_keys
import python_names
import repository
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the generated pages to the navigation."""
    assert config.nav is not None
    sections = {name: pages for entry in config.nav for name, pages in entry.items()}
    sections["Reference"] += [
        {"Command line": list(command_line.pages())},
        {"Python": list(python_names.pages())},
    ]
    sections["About"] += list(repository.pages(ROOT))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site."""
    generated = (
        command_line.pages()
        | python_names.pages()
        | repository.pages(ROOT)
        | field_tables.pages()
        | json_keys.pages()
    )
    for path, text in generated.items():
        files.append(File.generated(config, path, content=text))
    return files
