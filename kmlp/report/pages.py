"""Sections as a page: HTML in one file, Markdown with its pictures, or PDF."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from kmlp.charts.style import save, style, to_specification
from kmlp.errors import ConfigError
from kmlp.files import replacing
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
    found = next((path for it in _BROWSERS if (path := shutil.which(it))), None)
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
    with replacing(path) as aside:
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
    return path.with_name(f"{path.stem}-{section.name}-{figure.name}.svg")


def _html(sections: Sequence[Section], title: str, introduction: Sequence[str]) -> str:
    import vl_convert

    charts: dict[str, dict[str, Any]] = {}
    for number, section in enumerate(sections, start=1):
        for figure in section.figures:
            charts[f"chart-{number}-{figure.name}"] = to_specification(figure.chart)
    page: str = (
        _templates()
        .get_template("page.html")
        .render(
            title=title,
            introduction=introduction,
            sections=sections,
            charts=charts,
            script=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"),
            specifications=_for_script(charts),
            config=_for_script(style()),
        )
    )
    return page


def _for_script(values: Any) -> str:
    """JSON that may stand within a script element."""
    return json.dumps(values, separators=(",", ":")).replace("<", "\\u003c")


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
            picture=lambda section, figure: _picture(path, section, figure).name,
            described=lambda section, figure: described[figure.name + section.name],
        )
    )
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")
    return [path, *pictures]


def _print(page: str, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="kmlp-") as folder:
        source = Path(folder) / "report.html"
        source.write_text(page, encoding="utf-8")
        target = Path(folder) / "report.pdf"
        # Chromium has no sandbox for root, and says so by not starting.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        done = subprocess.run(
            [
                find_browser(),
                "--headless",
                *root,
                f"--user-data-dir={folder}/profile",
                "--no-pdf-header-footer",
                f"--virtual-time-budget={_SHOWN_MS}",
                f"--print-to-pdf={target}",
                source.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=_PDF_SECONDS,
            check=False,
        )
        if not target.exists():
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise OSError(f"Chromium made no PDF: {lines[-1]}")
        shutil.copyfile(target, path)


@cache
def _templates() -> Any:
    import jinja2

    found = jinja2.Environment(
        loader=jinja2.PackageLoader("kmlp", "report/templates"),
        autoescape=lambda name: name == "page.html",
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    found.filters["cell"] = lambda text: text.replace("|", "\\|").replace("\n", " ")
    return found
