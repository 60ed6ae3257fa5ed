"""A kind of study that kmlp does not know, in one file: every command handles it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.stores import KEYS, small_store

from kmlp import RunConfig
from kmlp.charts.ablation import CHARTS
from kmlp.kinds.outputs import write_page, write_rows
from kmlp.kinds.run import _as_ablation
from kmlp.store import Store, StudyRecord
from kmlp.store.studies import put_study
from kmlp.studies import kinds
from kmlp.studies.conclusion import Conclusion
from kmlp.studies.discussion import Discussion
from kmlp.studies.library import load_study
from kmlp.studies.rows import StudyRun, StudyRuns
from kmlp.studies.runner import StudySpec
from kmlp.studies.single_run import RunStudy
from kmlp.studies.study import Study
from kmlp.studies.table import Column, Row, Table
from kmlp_cli.app import main
from kmlp_tuning.lab import reading
from kmlp_tuning.lab.recipe import Part, Recipe
from kmlp_tuning.lab.results import LabResult, PartResult

pytestmark = pytest.mark.once


@dataclass(frozen=True, repr=False)
class Both(Conclusion):
    one: float
    other: float

    @property
    def text(self):
        return f"The first has {self.one:.1f}, the second {self.other:.1f}."

    def to_dict(self):
        return {"one": self.one, "other": self.other}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class Pair(Study):
    """Two runs side by side."""

    kind = "pair"

    both: tuple

    @property
    def headline(self):
        return "two runs"

    @property
    def runs(self):
        return self.both

    @property
    def conclusion(self):
        return Both(*(run.val_accuracy for run in self.both))

    def study_runs(self):
        runs = tuple(StudyRun(run=run) for run in self.both)
        return StudyRuns(study=self.name, kind=self.kind, varied=("width",), runs=runs)


def load(store, record):
    [[one], [other]] = record.runs_by_level
    return Pair(name=record.name, both=(store.run_of_key(one), store.run_of_key(other)))


def tables(study, brief):
    rows = tuple(Row((str(run.config.width), str(run.epochs))) for run in study.both)
    columns = (Column("width"), Column("epochs"))
    return (Table(title="A pair", columns=columns, rows=rows, sentences=study.answer),)


def to_dict(study):
    return {"name": study.name, "widths": [run.config.width for run in study.both]}


def discuss(study):
    return Discussion(
        question="Which of two?",
        answer=study.answer,
        limits=("A third.",),
        tables=study.tables(),
        setup=(("runs", "2"),),
        runs=tuple((f"run {run.config.width}", run) for run in study.both),
    )


def draw(study, name):
    return CHARTS[name](_as_ablation(RunStudy(name=study.name, run=study.both[0])))


PAIR = kinds.StudyKind(
    name="pair",
    spec={"extent": {"widths": [int]}},
    load=load,
    summarize=lambda record: f"a pair of {record.extent['widths']}",
    tables=tables,
    to_dict=to_dict,
    discuss=discuss,
    charts=("curves",),
    draw=draw,
    report=write_page,
    export=write_rows,
)
RECORD = StudyRecord(
    name="two",
    kind="pair",
    identity={"backend": "jax", "fused": True},
    extent={"widths": [8, 16]},
    epochs=3,
    runs_by_level=((KEYS[0],), (KEYS[2],)),
)


@pytest.fixture
def registered(monkeypatch):
    known = dict(kinds._kinds())
    monkeypatch.setattr(kinds, "_kinds", lambda: known)
    kinds.register_kind(PAIR)


@pytest.fixture
def runs(tmp_path, monkeypatch, registered):
    folder = small_store(tmp_path / "runs")
    with Store(folder) as store:
        put_study(store, RECORD)
    monkeypatch.setenv("KMLP_RUNS_DIR", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def test_it_is_listed_and_shown(kmlp, runs):
    assert "a pair of [8, 16]" in kmlp("studies").out
    shown = kmlp("show", "two")
    assert (shown.code, shown.err) == (0, "")
    assert "A pair" in shown.out and "The first has 0.3, the second 0.5." in shown.out
    assert len(kmlp("show", "two", "--csv").out.splitlines()) == 1 + 2 * 3


def test_its_json_is_its_own(runs, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["kmlp", "show", "two", "--json"])
    with pytest.raises(SystemExit):
        main()
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"name": "two", "widths": [8, 16]}


def test_it_is_drawn_reported_and_exported(kmlp, runs):
    for arguments in (
        ("plot", "two", "--out", "a.svg"),
        ("plot", "two", "--kind", "curves", "--out", "b.svg"),
        ("report", "two", "widths", "--out", "a.md"),
        ("export", "two", "--out", "a.csv", "--tensorboard", "logs"),
    ):
        assert kmlp(*arguments).code == 0
    page = Path("a.md").read_text()
    assert "## Which of two?" in page and "| run 16 | 0 | finished | 3 |" in page
    assert len(Path("a.csv").read_text().splitlines()) == 1 + 2 * 3


def test_it_is_reached_from_python(runs):
    study = load_study("two", runs)
    study.report("a.html")
    study.export("a.parquet")
    assert study.plot().to_dict() == study.plot("curves").to_dict()
    assert repr(study) == (
        'Pair "two": two runs, 2 runs\nThe first has 0.3, the second 0.5.'
    )
    assert "<caption>A pair</caption>" in study._repr_html_()


def test_options_of_ablations_and_charts_of_others_are_refused(kmlp, runs):
    for arguments in (
        ("show", "two", "--baseline", "8"),
        ("plot", "two", "--kind", "values", "--out", "a.svg"),
        ("compare", "two", "widths"),
    ):
        result = kmlp(*arguments)
        assert (result.code, result.out) == (2, "")
        assert "the kind pair" in result.err


def test_it_is_removed(kmlp, runs):
    assert kmlp("rm", "two", "--yes").code == 0
    assert "two" not in kmlp("studies").out.split()


def test_a_stored_one_that_cannot_be_of_its_kind_is_named(kmlp, runs):
    with Store(runs) as store:
        store.connection.execute(
            "UPDATE studies SET spec = json_set(spec, '$.extent', json('{}')) WHERE name = 'two'"
        )
        from helpers.stores import seal_all

        seal_all(store.connection)
        store.connection.commit()
    result = kmlp("show", "two")
    assert (result.code, "is damaged" in result.err) == (2, True)


def test_one_that_is_not_installed_is_listed_and_removed_but_not_shown(
    kmlp, runs, monkeypatch
):
    monkeypatch.setattr(kinds, "_kinds", lambda: {"run": PAIR})
    assert "the kind pair" in kmlp("studies").out
    result = kmlp("show", "two")
    assert (result.code, '"pair"' in result.err) == (2, True)
    assert kmlp("rm", "two", "--yes").code == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class PairPart(Part):
    """Two runs of a recipe."""

    label = "pair"

    def spec(self, *, fused):
        configs = [RunConfig(width=8), RunConfig(width=16)]
        return StudySpec(
            kind="pair",
            prefix="pair",
            identity={},
            extent={"widths": [8, 16]},
            runs_by_level=[[config] for config in configs],
            epochs=[3, 3],
            name="two",
            build_result=lambda record, runs, epochs: Pair(
                name=record.name, both=tuple(run for [run] in runs)
            ),
        )


def test_a_lab_trains_and_reports_it(kmlp, runs, monkeypatch):
    part = PairPart(place="pairs 1", heading=None, notes=())
    lab = Recipe(
        file="a", name="a", title="A lab", question=None, source=None, notes=(),
        parts=(part,),
    )  # fmt: skip
    monkeypatch.setattr(reading, "read_recipe", lambda file: lab)
    result = kmlp("reproduce", "a", "--backend", "jax", "--quiet", "--out", "a.md")
    assert (result.code, "A pair" in result.out) == (0, True)
    assert "## Which of two?" in Path("a.md").read_text()
    again = LabResult(
        recipe=lab,
        parts=(PartResult(part=part, study=load_study("two", runs), comparable=True),),
    )
    assert again.to_dict()["parts"][0]["kind"] == "pair"
