"""Tables as a terminal shows them."""

import pytest
from rich.console import Console

from kmlp import RunConfig
from kmlp.store import RunSummary
from kmlp.studies.table import Column, Row, Table
from kmlp_cli.render._rich_tables import rich_table
from kmlp_cli.render.printing import print_data
from kmlp_cli.render.store_tables import runs_table

pytestmark = pytest.mark.once


def table(*headers, **row):
    columns = tuple(map(Column, headers))
    return Table(title="A", columns=columns, rows=(Row(("1", "2"), **row),))


def test_single_cells_stand_out():
    drawn = rich_table(table("a", "b", strong_cells=(1,)))
    one, other = (next(iter(column.cells)) for column in drawn.columns)
    assert (one, str(other), other.style) == ("1", "2", "bold")
    page = table("a", "b", strong_cells=(1,)).to_html()
    assert page.count("bold") == 1 and page.index("bold") > page.index(">1<")


def test_a_table_without_headers_has_no_line_for_them(capsys):
    print_data(table("", ""))
    assert "─" not in capsys.readouterr().out
    print_data(table("a", ""))
    assert "─" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("runs", "headers"),
    [
        ([{}], ["val. acc. %"]),
        ([{"val_rmse": 12.5}], ["val. RMSE", "12.5"]),
        ([{}, {"val_rmse": 12.5}], ["val. acc. %", "val. RMSE", "98.76", "12.5"]),
        ([{"val_macro_f1": 0.5}, {}], ["val. acc. %", "98.76"]),
        ([], ["val. acc. %"]),
    ],
)
def test_runs_show_the_metric_of_their_task(runs, headers):
    table = runs_table([run_with(metrics) for metrics in runs])
    shown = " ".join(column.header for column in table.columns)
    shown += " ".join(cell for row in table.rows for cell in row.cells)
    assert all(header in shown for header in headers)
    are_regressions = ["val_rmse" in metrics for metrics in runs]
    assert ("RMSE" in shown) == any(are_regressions)
    assert ("acc." in shown) == (not all(are_regressions) or not runs)


def run_with(metrics):
    return RunSummary(
        key="0", config=RunConfig(), backend="jax", settings={}, fused=True, parameters=1,
        epochs=1, status="finished", failure=None,
        val_accuracy=None if "val_rmse" in metrics else 0.9876, test_accuracy=None, metrics=metrics,
        seconds=1.0, updated=0.0,
    )  # fmt: skip


@pytest.mark.parametrize("columns", [40, 80])
def test_no_figure_of_a_run_is_cut_on_a_narrow_terminal(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(Console, "is_terminal", property(lambda self: True))
    runs = [
        RunSummary(
            key=str(seed), config=RunConfig(seed=seed, activation=name), backend="jax",
            settings={}, fused=True, parameters=1, epochs=1_234_567, status="finished",
            failure=None, val_accuracy=0.9876, test_accuracy=0.91234, metrics={},
            seconds=1.0, updated=0.0,
        )
        for seed, name in enumerate(("relu", "math:sin"))
    ]  # fmt: skip
    print_data(runs_table(runs))
    shown = capsys.readouterr().out
    for figure in ("1234567", "98.76", "91.23", "finished"):
        assert shown.count(figure) == 2
