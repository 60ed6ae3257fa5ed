"""Functions that write the files of every kind of study: a page and a file of rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kmlp.studies.study import Study


def write_page(study: Study, path: Path, title: str | None) -> None:
    """Write a study as a page; see `Study.report`."""
    from kmlp.errors import ConfigError
    from kmlp.report import FORMATS, section_of, write_report

    if path.suffix not in FORMATS:
        raise ConfigError([_suffix_problem(path, FORMATS)])
    section = section_of(study)
    write_report([section], path, title=title or section.question)


def write_rows(study: Study, path: Path) -> None:
    """Write the rows of a study; see `Study.export`."""
    from kmlp.errors import ConfigError
    from kmlp.export.files import SUFFIXES, write_table

    if path.suffix not in SUFFIXES:
        raise ConfigError([_suffix_problem(path, SUFFIXES)])
    write_table(study.study_runs(), path)


def _suffix_problem(path: Path, suffixes: tuple[str, ...]) -> str:
    return f"The file is {path}, but its name must end in {', '.join(suffixes)}."
