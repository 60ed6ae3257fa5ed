"""Sections as a page: HTML in one file, Markdown with its pictures, or PDF."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kmlp._util.files import atomic_write, file_name
from kmlp._util.processes import find_program
from kmlp._util.text import visible
from kmlp.charts.page import environment, html_page
from kmlp.charts.style import save, style, to_specification
from kmlp.errors import ConfigError
from kmlp.report.sections import Figure, Section

FORMATS = (".html", ".md", ".pdf")
"""What a report can be, by the end of the file's name."""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PDF_SECONDS = 120
_SHOWN_MS = 20_000
"""How long a browser may take to draw the charts, in its own time."""


def find_browser() -> str:
    """The path of a Chromium, which makes PDF of pages.

    Raises:
        ConfigError: if none is installed.
    """
    found = next((path for it in _BROWSERS if (path := find_program(it))), None)
    if found is None:
        raise ConfigError(
            [
                "A report as PDF needs Chromium, of which none is installed (looked for: "
                f"{', '.join(_BROWSERS)}). Write a name.html, and print it from a browser."
            ]
        )
    return found


def write_report(
    sections: Sequence[Section],
    path: Path,
    *,
    title: str,
    introduction: Sequence[str] = (),
) -> list[Path]:
    """Writes a report.

    Args:
        sections: One a study.
        path: Ends with `.html`: one file that needs no network; `.md`: its pictures are
            SVG files beside it; or `.pdf`, which needs Chromium.
        title: Of the page.
        introduction: Paragraphs under it. Defaults to none.

    Returns:
        The files that were written, the report first.

    Raises:
        ConfigError: if there is no Chromium to make a PDF.
    """
    if path.suffix == ".md":
        return _write_markdown(sections, path, title, introduction)
    page = _html(sections, title, introduction)
    with atomic_write(path) as aside:
        if path.suffix == ".html":
            aside.write_text(page, encoding="utf-8")
        else:
            _print(page, aside)
    return [path]


def picture_names(sections: Sequence[Section], path: Path) -> list[Path]:
    """The pictures that a Markdown report has beside it."""
    return [
        _picture(path, section, figure)
        for section in sections
        for figure in section.figures
    ]


def _picture(path: Path, section: Section, figure: Figure) -> Path:
    name = f"{path.stem}-{file_name(section.name)}-{figure.name}.svg"
    return path.with_name(name)


def _html(sections: Sequence[Section], title: str, introduction: Sequence[str]) -> str:
    from markupsafe import Markup

    charts: dict[str, dict[str, Any]] = {}
    for number, section in enumerate(sections, start=1):
        for figure in section.figures:
            charts[f"chart-{number}-{figure.name}"] = to_specification(figure.chart)
    body = (
        _templates()
        .get_template("report.html")
        .render(title=title, introduction=introduction, sections=sections, charts=charts)
    )
    return html_page(title, Markup(body), charts, style())


def _write_markdown(
    sections: Sequence[Section], path: Path, title: str, introduction: Sequence[str]
) -> list[Path]:
    pictures = picture_names(sections, path)
    figures = [figure for section in sections for figure in section.figures]
    for picture, figure in zip(pictures, figures, strict=True):
        save(figure.chart, picture)
    described = {
        figure.name + section.name: to_specification(figure.chart)["description"]
        for section in sections
        for figure in section.figures
    }
    text = (
        _templates()
        .get_template("page.md")
        .render(
            title=title,
            introduction=introduction,
            sections=sections,
            picture=lambda section, figure: quote(_picture(path, section, figure).name),
            described=lambda section, figure: described[figure.name + section.name],
        )
    )
    with atomic_write(path) as aside:
        aside.write_text(text, encoding="utf-8")
    return [path, *pictures]


def _print(page: str, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="kmlp-") as folder:
        source = Path(folder) / "report.html"
        source.write_text(page, encoding="utf-8")
        target = Path(folder) / "report.pdf"
        # Chromium has no sandbox for root, and says so by not starting. The page runs no
        # script but kmlp's, by its policy.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        done = subprocess.run(
            [
                find_browser(),
                "--headless",
                *root,
                "--host-resolver-rules=MAP * ~NOTFOUND",  # it needs no network
                f"--user-data-dir={folder}/profile",
                "--no-pdf-header-footer",
                f"--virtual-time-budget={_SHOWN_MS}",
                f"--print-to-pdf={target}",
                source.as_uri(),
            ],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PDF_SECONDS,
            check=False,
        )
        if not target.exists():
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise OSError(f"Chromium made no PDF: {lines[-1]}")
        path.write_bytes(target.read_bytes())


@cache
def _templates() -> Any:
    found = environment("kmlp", "report/templates")
    found.filters |= {"text": _paragraph, "cell": _inline, "line": visible}
    return found


_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|<(?=[a-zA-Z/!?])|&(?=#?\w+;)")
"""What Markdown does not take as it is: of markup, links, tables, HTML, formulas."""
_BLOCK = re.compile(r"(\d*)(?=[>=]|[#+-]+(?:\s|$)|(?<=\d)[.)](?:\s|$))")
"""Where a line begins, up to what makes it a heading, a list or a quotation."""


def _inline(text: str) -> str:
    r"""A text as Markdown that shows it, within a line.

    >>> print(_inline("[x](y) <b> learning_rate | 1 < 2"))
    \[x\](y) \<b> learning_rate \| 1 < 2
    """
    return _SPECIAL.sub(r"\\\g<0>", visible(" ".join(text.split())))


def _paragraph(text: str) -> str:
    r"""A text as Markdown that shows it, as a line of its own.

    >>> print(_paragraph("# one"), _paragraph("12. two"), _paragraph("1.5 three"))
    \# one 12\. two 1.5 three
    """
    line = _inline(text)
    block = _BLOCK.match(line)
    return line if block is None else f"{block[0]}\\{line[block.end() :]}"
