"""Pages: HTML in one file, whose texts are never taken for more, whatever they are.

All pages are made here. A page's policy has a browser run its own scripts alone, load
nothing, and evaluate no text: Vega's expressions are interpreted.
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
        title: Of the page.
        body: What it holds, as a template of `environment` renders it, with an element for
            each chart.
        charts: Vega-Lite, by the elements' ids.
        config: Of Vega-Lite, for all of them.
    """
    from markupsafe import Markup

    css, script = _file("page.css"), _file("page.js")
    scripts = [_embed_script(), script]
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_source, scripts))}",
            f"style-src {_source(css)}",
            "img-src data:",  # pictures within charts, and the menu that saves them
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    # `<` could end the element, or begin a comment in it.
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
    """Templates, in which all that is printed into HTML is escaped, and can be seen.

    Args:
        package: What has them.
        folder: Where it has them.
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
    """What a template prints of a value; of a text, what can be seen."""
    import markupsafe

    if isinstance(value, str) and not isinstance(value, markupsafe.Markup):
        return visible(value, keep="\n")
    return value


@cache
def _embed_script() -> str:
    """The script that gives a page `vegaEmbed`."""
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return script


@cache
def _file(name: str) -> str:
    return (files("kmlp.charts") / "templates" / name).read_text("utf-8")


@cache
def _source(text: str) -> str:
    """A script or style as a policy names it."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
