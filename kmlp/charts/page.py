"""Pages: HTML in one file, in which no text can become markup or a script.

All pages are made here. A page's content security policy lets a browser run the page's own
scripts only, load nothing, and evaluate no text: Vega's expressions are interpreted.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import vl_convert

from kmlp._util.text import visible

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup


def html_page(
    title: str,
    body: Markup,
    charts: Mapping[str, Mapping[str, Any]],
    config: Mapping[str, Any],
) -> str:
    """A page with charts, which needs no network.

    Args:
        title: The title of the page.
        body: The content, as a template of `environment` renders it, with an element for
            each chart.
        charts: The charts as Vega-Lite, by the ids of their elements.
        config: The configuration of Vega-Lite for all charts.
    """
    from markupsafe import Markup

    css, script = _file("page.css"), _file("page.js")
    scripts = [_embed_script(), script]
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_source, scripts))}",
            f"style-src {_source(css)}",
            "img-src data:",  # for pictures in charts, and for the menu that saves charts
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    # `<` could end the script element, or begin a comment in it.
    values = json.dumps({"charts": charts, "config": config}, separators=(",", ":"))
    page: str = (
        environment("kmlp", "charts/templates")
        .get_template("page.html")
        .render(
            title=title,
            policy=policy,
            css=Markup(css),
            body=body,
            charts=Markup(values.replace("<", "\\u003c")),
            scripts=list(map(Markup, scripts)),
        )
    )
    return page


def chart_page(specification: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """A page with one chart, as `html_page` makes it."""
    from markupsafe import Markup

    body = Markup('<div class="chart" id="chart"></div>')
    return html_page("Chart", body, {"chart": specification}, config)


@cache
def environment(package: str, folder: str) -> jinja2.Environment:
    """Templates that escape each value for HTML, and invisible characters as well.

    Args:
        package: The package that has the templates.
        folder: The folder of the templates in the package.
    """
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader(package, folder),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printed,
    )


def _printed(value: Any) -> Any:
    """The value as a template prints it: in a text, invisible characters are escaped."""
    import markupsafe

    if isinstance(value, str) and not isinstance(value, markupsafe.Markup):
        return visible(value, keep="\n")
    return value


@cache
def _embed_script() -> str:
    """The script that defines `vegaEmbed` in a page."""
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return script


@cache
def _file(name: str) -> str:
    return (files("kmlp.charts") / "templates" / name).read_text("utf-8")


@cache
def _source(text: str) -> str:
    """A script or style as a content security policy names it."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
