"""Reports of made-up studies, in a real Chromium where there is one."""

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from helpers.made_up import made_up_ablation

from kmlp import ConfigError
from kmlp.charts.ablation import CHARTS
from kmlp.report import Figure, Section, pages, write_report
from kmlp.studies.table import Column, Row, Table

pytestmark = pytest.mark.once

# The rate of the made-up runs does not vary.
DRAWN = {
    name: draw
    for name, draw in CHARTS.items()
    if name not in ("rate", "boundary", "tuning")
}


def section(name="width-1", question="What does <width> do?"):
    study = made_up_ablation({8: [0.80, 0.85], 64: [0.95, 0.97]})
    table = Table(
        title="By value",
        columns=(
            Column("width"),
            Column("accuracy %"),
            Column("p"),
            Column("problems", numeric=False),
        ),
        rows=(
            Row(("8", "82.50 ± 31.77", ".020", "-")),
            Row(("64", "96.00 ± 12.71", "-", "1 of 2 | diverged"), strong=True),
            Row(("1,024", "9.10", "<.001", "-")),
        ),
        notes=("depth 2", "±: half of the interval."),
    )
    return Section(
        name=name,
        question=question,
        answer=("width=64 is better.",),
        limits=("Nothing is said of others.",),
        tables=(table,),
        figures=tuple(Figure(name=it, chart=draw(study)) for it, draw in DRAWN.items()),
        setup=(("dataset", "mnist"),),
        commands=("kmlp ablate --param width",),
        runs=table.titled("Every run"),
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    both = [section(), section("depth-1", "What does depth do?")]
    assert write_report(both, path, title="My & lab") == [path]
    return path


def test_a_page_holds_all_that_it_needs(page):
    text = page.read_text()
    markup = re.sub(r"(?s)(<script[^>]*>).*?</script>", r"\1", text)
    assert not re.search(r"""<(script|link|img)[^>]+(src|href)=["'](?!data:)""", markup)
    assert "My &amp; lab" in text
    assert "What does &lt;width&gt; do?" in text
    assert '<p class="note">depth 2</p><p class="note">±: half of the interval.</p>' in text


def test_what_names_say_cannot_end_a_script(tmp_path):
    evil = made_up_ablation({8: [0.8]}, param="width")
    evil = replace(evil, backend="</script><script>document.title = 'x'</script>")
    chart = CHARTS["values"](evil)
    path = tmp_path / "report.html"
    write_report(
        [replace(section(), figures=(Figure(name="values", chart=chart),))], path, title="a"
    )
    assert "</script><script>document" not in path.read_text()


def test_markdown_has_its_pictures_beside_it(tmp_path):
    path = tmp_path / "lab.md"
    written = write_report([section()], path, title="My lab")
    assert written == [path, *pages.picture_names([section()], path)]
    assert all(it.exists() for it in written)
    text = path.read_text()
    for name in DRAWN:
        assert re.search(rf"!\[[^]]+\]\(lab-width-1-{name}\.svg\)", text)
    assert r"| 64 | 96.00 ± 12.71 | - | 1 of 2 \| diverged |" in text
    assert "    kmlp ablate --param width" in text
    assert "\n\ndepth 2\n\n±: half of the interval.\n\n" in text


EVIL = (
    "# </title><script>document.title='x'</script><img src=x onerror=alert(1)> "
    "[a](javascript:x) |`$x$`| *b* &amp; \x1b]0;t\x07\u202e"
)


def everywhere(text):
    """A report in which every text is that one."""
    table = Table(
        title=text,
        columns=(Column(text, numeric=False),),
        rows=(Row((text,)), Row(("-0.5",))),
        notes=(text,),
    )
    evil = replace(made_up_ablation({8: [0.8]}), backend=text)
    return Section(
        name=text,
        question=text,
        answer=(text,),
        limits=(text,),
        notes=(text,),
        tables=(table,),
        figures=(Figure(name="values", chart=CHARTS["values"](evil)),),
        setup=((text, text),),
        commands=(f"kmlp train --name '{text}\nkmlp rm'",),
        runs=table,
    )


def test_every_text_of_a_page_is_text(tmp_path, chromium):
    path = tmp_path / "report.html"
    write_report([everywhere(EVIL)] * 2, path, title=EVIL, introduction=[EVIL])
    text = path.read_text("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", text)
    tab = chromium.new_page()
    asked = []
    tab.on("dialog", lambda dialog: asked.append("alert") or dialog.dismiss())
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(path.as_uri())
    tab.wait_for_function("document.querySelectorAll('.chart svg.marks').length == 2")
    assert tab.title() == EVIL.replace("\x1b", r"\x1b").replace("\x07", r"\x07").replace(
        "\u202e", r"\u202e"
    )
    assert tab.locator("img, a:not([href^='#']):not(.vega-actions a)").count() == 0
    assert tab.locator("main pre").first.inner_text().count("\n") == 1
    assert asked == [path.as_uri()]
    tab.close()


def test_every_text_of_markdown_is_text(tmp_path):
    path = tmp_path / "report.md"
    _, picture = write_report([everywhere(EVIL)], path, title=EVIL, introduction=[EVIL])
    assert picture.parent == tmp_path
    text = path.read_text("utf-8")
    assert f"({quote(picture.name)})" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    plain = re.sub(r"\\[^\w\s]", "", prose)  # without what is escaped
    assert not re.search(r"<[a-z/]|&\w+;|[`$]|\[a\]|\n# +[<\\]", plain)
    assert "| -0.5 |" in text
    headings = [line for line in prose.splitlines() if line.startswith("#")]
    assert all(line.lstrip("#").startswith((r" \#", " ")) for line in headings)
    assert len(re.findall(r"(?m)^    kmlp", text)) == 1
    assert "\nkmlp rm" not in text


def test_what_a_template_prints_is_escaped():
    template = (Path(pages.__file__).parent / "templates" / "page.md").read_text("utf-8")
    printed = set(re.findall(r"\{\{ (.*?) \}\}", template))
    by_itself = {
        '"--:|" if column.numeric else "---|"',
        "picture(section, figure)",
        "data_table(table)",
        "data_table(section.runs)",
    }
    assert all(
        re.search(r"\|(text|cell|line)$|map\(.cell.\)", it) for it in printed - by_itself
    )
    assert by_itself < printed


def test_a_pdf_needs_chromium(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="Chromium"):
        write_report([section()], tmp_path / "report.pdf", title="a")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def shown(chromium, page):
    """The page as a browser shows it, and what it complained of or asked for."""
    tab = chromium.new_page()
    tab.heard, tab.asked = [], []
    tab.on("console", lambda message: tab.heard.append(message.text))
    tab.on("pageerror", lambda error: tab.heard.append(str(error)))
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.goto(page.as_uri())
    tab.wait_for_function("document.querySelectorAll('.chart svg.marks').length == 10")
    yield tab
    tab.close()


def test_a_browser_draws_all_charts_without_a_word_or_a_network(shown, page):
    assert shown.heard == []
    assert shown.asked == [page.as_uri()]
    captions = shown.eval_on_selector_all(
        "figcaption", "found => found.map(it => it.textContent)"
    )
    assert len(captions) == 10
    assert all("82.50 %" in it for it in captions)
    assert shown.locator(".chart [aria-label*='82.50 %']").count() == 10


def column(tab, place):
    return tab.eval_on_selector(
        "table.sortable",
        f"table => [...table.tBodies[0].rows].map(row => row.cells[{place}].textContent)",
    )


def test_tables_sort_by_mouse_and_by_keyboard(shown):
    assert column(shown, 0) == ["8", "64", "1,024"]
    accuracy = shown.locator("table.sortable thead button").nth(1)
    accuracy.click()
    assert column(shown, 1) == ["9.10", "82.50 ± 31.77", "96.00 ± 12.71"]
    accuracy.focus()
    shown.keyboard.press("Enter")
    assert column(shown, 0) == ["64", "8", "1,024"]
    head = shown.locator("table.sortable thead th").nth(1)
    assert head.get_attribute("aria-sort") == "descending"
    shown.locator("table.sortable thead button").nth(2).click()
    assert column(shown, 2) == ["<.001", ".020", "-"]
    assert head.get_attribute("aria-sort") is None


def test_a_tooltip_says_what_a_point_is(shown):
    shown.locator("#chart-1-values .mark-symbol path").last.hover()
    shown.wait_for_selector("#vg-tooltip-element.visible")
    text = shown.inner_text("#vg-tooltip-element")
    assert "validation accuracy" in text
    assert "seed" in text


def test_the_page_is_dark_where_the_reader_wants_it(chromium, page):
    colours = []
    for scheme in ("light", "dark"):
        tab = chromium.new_page(color_scheme=scheme)
        tab.goto(page.as_uri())
        colours.append(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
        tab.close()
    assert colours == ["rgb(255, 255, 255)", "rgb(23, 25, 28)"]


def test_a_pdf_is_printed_with_its_charts(chromium, tmp_path):
    path = tmp_path / "report.pdf"
    assert write_report([section()], path, title="a") == [path]
    content = path.read_bytes()
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) >= 2
    assert list(tmp_path.iterdir()) == [path]


def test_the_specifications_are_json(page):
    [found] = re.findall(
        r'<script type="application/json" id="charts">(.*)</script>', page.read_text()
    )
    assert len(json.loads(found)["charts"]) == 10
