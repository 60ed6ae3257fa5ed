"""The public functions and methods of studies."""

import re
from pathlib import Path

import pytest
from helpers.made_up import made_up_ablation as made_up
from helpers.stores import small_store

import kmlp
from kmlp import ConfigError, RunConfig
from kmlp.errors import StoreError
from kmlp.studies._keywords import config_of

pytestmark = pytest.mark.once


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return small_store(tmp_path / "runs")


def test_a_study_is_loaded_listed_and_deleted(folder):
    study = kmlp.load_study("widths", folder)
    assert isinstance(study, kmlp.Ablation)
    assert (study.kind, study.param, study.missing) == ("ablation", "width", 0)
    assert [level.value for level in study.levels] == [8, 16]
    assert [machine["host"] for machine in study.environments] == ["a"]
    [line] = kmlp.list_studies(folder)
    assert (line.name, line.finished) == ("widths", 4)
    assert len(kmlp.list_runs(folder)) == 4
    assert [run.config.seed for run in kmlp.list_runs(folder, width=8, seed=1)] == [1]
    assert len(kmlp.list_runs(folder, study="widths", status="finished")) == 4
    kmlp.delete_study("widths", folder)
    assert not kmlp.list_studies(folder)


def test_an_unknown_name_is_refused_with_the_nearest_one(folder):
    for ask in (kmlp.load_study, kmlp.delete_study):
        with pytest.raises(StoreError, match=r'"width".*"widths"'):
            ask("width", folder)
    with pytest.raises(ConfigError, match=r'"widht".*"width"'):
        kmlp.list_runs(folder, widht=8)
    with pytest.raises(StoreError):
        kmlp.list_studies(folder / "nowhere")


def test_a_study_is_drawn_reported_and_exported(folder):
    study = kmlp.load_study("widths", folder)
    assert study.charts == (
        "values",
        "curves",
        "gap",
        "rate",
        "seconds",
        "steps",
        "boundary",
        "tuning",
    )
    assert study.plot().to_dict() == study.plot("values").to_dict()
    for name in ("a.html", "a.md"):
        study.report(name, title="Two widths")
        assert "Two widths" in Path(name).read_text()
    assert Path("a-widths-curves.svg").exists()
    study.export("rows.csv")
    assert len(Path("rows.csv").read_text().splitlines()) == 1 + 4 * 3
    with pytest.raises(ConfigError, match=r'"curvs".*"curves"'):
        study.plot("curvs")
    for write in (study.report, study.export):
        with pytest.raises(ConfigError, match=r"a\.txt"):
            write("a.txt")


def test_a_study_is_shown_in_few_lines():
    study = made_up({8: [0.8, 0.81], 16: [0.9, 0.911]})
    lines = repr(study).splitlines()
    assert len(lines) == 2 and lines[1] == study.conclusion.text
    page = study._repr_html_()
    assert page.startswith("<table>") and str(study.conclusion) in page
    evil = made_up({8: [0.8]}, base=RunConfig(dataset="mnist"))
    assert "<script>" not in re.sub("<[a-z]+>", "", evil._repr_html_())


def test_results_are_shown_in_few_lines(folder):
    """Notebooks show the repr of a run, a summary of runs or studies, or a comparison."""
    run, summary = kmlp.load_study("widths", folder).runs[0], kmlp.list_runs(folder)[0]
    [study] = kmlp.list_studies(folder)
    paired = kmlp.compare(made_up({8: [0.8, 0.81]}), made_up({8: [0.9, 0.911]}))
    for shown in (run, summary, study, paired):
        assert len(repr(shown)) < 250 and repr(shown).count("\n") <= 1
    assert eval(repr(run.config)) == run.config


def test_the_texts_of_a_table_are_not_markup_in_a_notebook():
    from kmlp.studies.table import Column, Row, Table

    table = Table(title="<b>", columns=(Column("<i>"),), rows=(Row(("\x1b<u>",)),))
    page = table.to_html()
    assert all(text not in page for text in ("<b>", "<i>", "<u>", "\x1b"))
    assert "&lt;u&gt;" in page


def test_a_view_is_of_an_ablation_only(folder):
    study = kmlp.load_study("widths", folder)
    shown = study.viewed(baseline="16", convergence=True)
    assert shown.baseline.value == 16 and len(shown.tables()) == 2
    assert study.viewed(target_accuracy=0.5).to_dict()["target_accuracy"] == 0.5


def ask(config=None, *, epochs=10, fresh=False, **fields):
    return config_of(config, fields, ask)


def test_fields_are_keywords():
    assert ask(width=64, depth=1) == RunConfig(width=64, depth=1)
    assert ask() == RunConfig()
    config = RunConfig(width=8)
    assert ask(config) is config


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"widht": 64}, '"widht".*"width"'),
        ({"epoch": 3}, '"epoch".*"epochs"'),
        ({"width": 64, "config": RunConfig()}, "`width`"),
        ({"width": 0}, "`width`"),
    ],
)
def test_wrong_keywords_are_refused(given, problem):
    with pytest.raises(ConfigError, match=problem):
        ask(**given)


def test_the_parameter_that_varies_is_refused_as_a_field():
    with pytest.raises(ConfigError, match=r"`width`.*varies"):
        kmlp.ablate("width", [8, 16], width=32)


@pytest.mark.parametrize(
    ("where", "wrong"), [({"width": "8"}, "width"), ({"status": "done"}, "status")]
)
def test_a_filter_that_no_run_can_match_is_refused(folder, where, wrong):
    with pytest.raises(ConfigError, match=wrong):
        kmlp.list_runs(folder, **where)
