"""What is read back from a file equals the rows."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
from helpers.made_up import made_up_ablation
from pyarrow import parquet

from kmlp.export.files import SUFFIXES, _write_parquet, write_table
from kmlp.studies.columns import COLUMNS

pytestmark = pytest.mark.once

STUDIES = {
    "numbers": made_up_ablation({16: [0.1 + 0.2, math.nan], 32: [0.7, 1e-7]}),
    "texts": made_up_ablation({16: [0.9], (3, 2): [0.8]}),
}


@pytest.fixture(params=STUDIES)
def study(request):
    return STUDIES[request.param].study_runs()


def parsed(name, text):
    """A CSV cell as a value of its column, or of a width as a text."""
    if text == "":
        return None
    kind = str if "x" in text else COLUMNS[name].type
    return text == "True" if kind is bool else kind(text)


def test_csv(study, tmp_path):
    write_table(study, tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    rows = study.rows()
    if rows[-1]["width"] == "3x2":
        rows[0]["width"] = 16  # which a text alone does not show
    assert [{k: parsed(k, v) for k, v in row.items()} for row in read] == rows
    frame = pandas.read_csv(tmp_path / "rows.csv")
    assert frame["val_accuracy"].equals(study.to_frame()["val_accuracy"])
    assert frame["epoch"].dtype == frame["seed"].dtype == "int64"


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=HYPERLINK(A1)", "'=HYPERLINK(A1)"),
        ("+1", "'+1"),
        ("-1+cmd", "'-1+cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        ("\N{FULLWIDTH HYPHEN-MINUS}1", "'\N{FULLWIDTH HYPHEN-MINUS}1"),
        ("\N{SMALL COMMERCIAL AT}A1", "'\N{SMALL COMMERCIAL AT}A1"),
        ("a;=1", "a;'=1"),
        ("a,-1;+1|@x", "a,'-1;'+1|'@x"),
        ('a; "=1"', 'a; "\'=1"'),
        (" =1", " '=1"),
        ("\N{NO-BREAK SPACE}=1", "\N{NO-BREAK SPACE}'=1"),
        ("width=8,seed=0 a-b 1e-3", "width=8,seed=0 a-b 1e-3"),
        ("\t=1", r"\t=1"),
        ("x\r=1", r"x\r=1"),
        ("x\n=1,2", r"x\n=1,2"),
        ("\x1b[31m", r"\x1b[31m"),
    ],
)
def test_no_spreadsheet_runs_a_text_of_csv(name, cell, tmp_path):
    found = replace(STUDIES["numbers"].study_runs(), study=name)
    for suffix in SUFFIXES:
        write_table(found, tmp_path / f"rows{suffix}")
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as file:
        assert {row["study"] for row in csv.DictReader(file)} == {cell}
    assert set(pandas.read_csv(tmp_path / "rows.csv")["study"]) == {cell}
    assert json.loads((tmp_path / "rows.json").read_text())["study"] == name
    assert set(pandas.read_parquet(tmp_path / "rows.parquet")["study"]) == {name}


def test_negative_numbers_stay_numbers(tmp_path):
    ablation = made_up_ablation({16: [0.5]})
    [value] = ablation.levels
    [run] = value.runs
    record = replace(run.history[0], val_loss=-0.5)
    value = replace(value, runs=(replace(run, history=(record,)),))
    write_table(replace(ablation, levels=(value,)).study_runs(), tmp_path / "rows.csv")
    assert pandas.read_csv(tmp_path / "rows.csv")["val_loss"].tolist() == [-0.5]


def test_json(study, tmp_path):
    write_table(study, tmp_path / "rows.json")
    read = json.loads((tmp_path / "rows.json").read_text())
    assert read == {"study": "made-up", "kind": "ablation", "rows": study.rows()}


def test_parquet(study, tmp_path):
    write_table(study, tmp_path / "rows.parquet")
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert table.to_pylist() == study.rows()
    types = {name: str(table.schema.field(name).type) for name in COLUMNS}
    known = {int: "int64", float: "double", bool: "bool", str: "string"}
    width = "string" if study.rows()[-1]["width"] == "3x2" else "int64"
    assert types == {k: known[it.type] for k, it in COLUMNS.items()} | {"width": width}
    assert types["trial"] == types["train_size"] == "int64"  # of which all are null here
    frame = pandas.read_parquet(tmp_path / "rows.parquet")
    assert frame["val_accuracy"].equals(study.to_frame()["val_accuracy"])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_cannot_be_written_leaves_the_file_that_is_there(
    suffix, tmp_path, monkeypatch
):
    path = tmp_path / f"rows{suffix}"
    path.write_text("old")

    def fail(*_, **__):
        raise OSError("No space left on device")

    for name in ("csv.DictWriter", "json.dump", "pyarrow.parquet.write_table"):
        monkeypatch.setattr(name, fail)
    with pytest.raises(OSError, match="No space"):
        write_table(STUDIES["numbers"].study_runs(), path)
    assert [it.read_text() for it in tmp_path.iterdir()] == ["old"]


def test_a_full_disk_is_told_once():
    with pytest.raises(OSError, match=r"^\[Errno 28\] No space left on device$"):
        _write_parquet([], Path("/dev/full"))
