"""What is read back from a file equals the rows."""

import csv
import json
import math

import pandas
import pytest
from made_up import made_up_ablation
from pyarrow import parquet

from kmlp.columns import COLUMNS
from kmlp.table_files import SUFFIXES, write_table

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
