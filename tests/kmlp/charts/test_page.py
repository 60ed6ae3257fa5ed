"""Pages in a real Chromium, where there is one."""

import html
import re
from dataclasses import replace

import pytest
from helpers.made_up import made_up_ablation
from markupsafe import Markup

from kmlp.charts.ablation import CHARTS
from kmlp.charts.model import confusion
from kmlp.charts.page import chart_page, html_page
from kmlp.charts.style import save, style, to_specification
from kmlp.inference.evaluation import Evaluation

pytestmark = pytest.mark.once

EVIL = (
    "t</script><script>document.title=12321</script><!--<script>]]>{{7*7}}\u2028datum['x']"
)


@pytest.fixture
def tab(chromium):
    """A tab, and what it complained of or asked for."""
    tab = chromium.new_page()
    tab.heard, tab.asked = [], []
    tab.on("console", lambda message: tab.heard.append(message.text))
    tab.on("pageerror", lambda error: tab.heard.append(str(error)))
    tab.on("request", lambda request: tab.asked.append(request.url))
    yield tab
    tab.close()


def of_values():
    return CHARTS["values"](
        replace(made_up_ablation({8: [0.8, 0.9], 64: [0.9, 0.95]}), backend=EVIL)
    )


def of_classes():
    names = (EVIL, "<!--<script>")
    matrix = ((3, 1), (0, 4))
    return confusion(
        Evaluation(class_names=names, confusion=matrix, classes=(), mistakes=())
    )


@pytest.mark.parametrize("chart", [of_values, of_classes])
def test_a_chart_is_drawn_whatever_its_texts_are(tab, tmp_path, chart):
    path = tmp_path / "chart.html"
    save(chart(), path)
    tab.goto(path.as_uri())
    tab.wait_for_selector(".chart svg.marks")
    assert tab.title() == "Chart"
    assert "t</script><script>" in html.unescape(tab.locator("svg.marks").inner_html())
    tab.locator(".chart summary").click()
    for kind in ("SVG", "PNG"):
        with tab.expect_download() as download:
            tab.get_by_text(f"Save as {kind}").click()
        assert download.value.suggested_filename == f"visualization.{kind.lower()}"
    assert tab.heard == []
    assert {it.partition(":")[0] for it in tab.asked} <= {"file", "data", "blob"}


def test_a_page_runs_nothing_that_is_not_its_own(tab, tmp_path):
    """Were a text ever taken for markup, the policy would still forbid it."""
    body = Markup(
        '<div class="chart" id="chart"></div><script>document.title = "ran"</script>'
        '<img src="x" onerror="document.title = 1"><style>body {{ color: red }}</style>'
        '<a href="javascript:document.title = 2" id="link">a</a><base href="http://[::1]/">'
        '<iframe src="data:text/html,a"></iframe><img src="http://[::1]:9/a.png">'
    )
    path = tmp_path / "page.html"
    chart = {"chart": to_specification(of_values())}
    path.write_text(html_page("title", body, chart, style()), "utf-8")
    failed = []
    tab.on("requestfailed", lambda request: failed.append(request))
    tab.goto(path.as_uri())
    tab.wait_for_selector(".chart svg.marks")
    tab.locator("#link").click()
    assert tab.title() == "title"
    assert {it.failure for it in failed if it.url.startswith("http")} <= {"csp"}
    assert sum("Content Security Policy" in it for it in tab.heard) >= 6


def test_a_policy_allows_nothing_that_is_inline_or_evaluated():
    page = chart_page(to_specification(of_values()), style())
    [policy] = re.findall(
        r'<meta http-equiv="Content-Security-Policy" content="(.*)">', page
    )
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert "unsafe" not in policy
    assert page.index("Content-Security-Policy") < page.index("<title>") < page.index("<s")
