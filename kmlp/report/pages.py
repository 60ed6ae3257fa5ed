"""Reports as files: HTML in one file, Markdown with SVG pictures, or PDF."""

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
from kmlp.report._sections import Figure, Section

FORMATS = (".html", ".md", ".pdf")
"""The suffixes of the files that a report can be written to."""

MOST_ROWS = 20
"""The largest number of rows of a table that is not folded."""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PDF_SECONDS = 120
"""Timeout for Chromium, in seconds."""
_SHOWN_MS = 20_000
"""The time that a page has to draw its charts, in milliseconds of Chromium's virtual time.
"""


def find_browser() -> str:
    """Return the path of Chromium, which prints a page as PDF.

    Raises:
        ConfigError: if Chromium is not installed.
    """
    browser = next((path for name in _BROWSERS if (path := find_program(name))), None)
    if browser is None:
        raise ConfigError(
            [
                "A report as PDF needs Chromium, which is not installed (looked for: "
                f"{', '.join(_BROWSERS)}). Install it, or write an .html file and print it "
                "from a browser."
            ]
        )
    return browser


def write_report(
    sections: Sequence[Section],
    path: Path,
    *,
    title: str,
    introduction: Sequence[str] = (),
) -> list[Path]:
    """Write a report.

    Args:
        sections: A section for each study.
        path: A file that ends in `.html`, which needs no network; in `.md`, with its
            charts as SVG files beside it; or in `.pdf`, which needs Chromium.
        title: The title of the page.
        introduction: Paragraphs under the title. Defaults to none.

    Returns:
        The files that were written, the report first.

    Raises:
        ConfigError: if a PDF is asked for and Chromium is not installed.
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
    """The SVG files beside a Markdown report."""
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
        .render(
            title=title,
            introduction=introduction,
            sections=sections,
            charts=charts,
            most_rows=MOST_ROWS,
        )
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
        # Chromium refuses to start for root with its sandbox. The page is safe without: its
        # content security policy allows only kmlp's scripts.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        done = subprocess.run(
            [
                find_browser(),
                "--headless",
                *root,
                "--host-resolver-rules=MAP * ~NOTFOUND",  # no network
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
            raise OSError(f"Chromium did not write a PDF: {lines[-1]}")
        path.write_bytes(target.read_bytes())


@cache
def _templates() -> Any:
    templates = environment("kmlp", "report/templates")
    templates.filters |= {"text": _paragraph, "cell": _inline, "line": visible}
    return templates


_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|<(?=[a-zA-Z/!?])|&(?=#?\w+;)")
"""Characters with a meaning in Markdown: markup, links, tables, HTML and formulas."""
_BLOCK = re.compile(r"(\d*)(?=[>=]|[#+-]+(?:\s|$)|(?<=\d)[.)](?:\s|$))")
"""The beginning of a line that Markdown would take for a heading, a list or a quotation,
up to the character to escape.
"""


def _inline(text: str) -> str:
    r"""Escape a text for use within a line of Markdown.

    >>> print(_inline("[x](y) <b> learning_rate | 1 < 2"))
    \[x\](y) \<b> learning_rate \| 1 < 2
    """
    return _SPECIAL.sub(r"\\\g<0>", visible(" ".join(text.split())))


def _paragraph(text: str) -> str:
    r"""Escape a text for use as a separate line of Markdown.

    >>> print(_paragraph("# one"), _paragraph("12. two"), _paragraph("1.5 three"))
    \# one 12\. two 1.5 three
    """
    line = _inline(text)
    block = _BLOCK.match(line)
    return line if block is None else f"{block[0]}\\{line[block.end() :]}"
