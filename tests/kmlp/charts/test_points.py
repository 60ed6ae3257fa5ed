import pytest

from kmlp.charts.points import points
from kmlp.charts.style import to_specification
from kmlp.data import load_examples
from kmlp.errors import ConfigError

pytestmark = pytest.mark.once


def rows_of(chart):
    (values,) = to_specification(chart)["datasets"].values()
    return values


def test_each_training_row_is_a_point_with_its_class():
    examples = load_examples("circles:60")
    chart = points("circles:60", examples)
    rows = rows_of(chart)
    assert len(rows) == len(examples.train) == 50
    assert rows[3]["x"] == pytest.approx(float(examples.train.x[3, 0]), rel=1e-4)
    assert rows[3]["target"] == examples.class_names[examples.train.y[3]]
    assert to_specification(chart)["encoding"]["x"]["title"] == "x1"


def test_no_more_points_than_can_be_seen():
    chart = points("spirals:7000", load_examples("spirals:7000"))
    assert len(rows_of(chart)) == 5000
    assert "5,000 of 5,833 training rows" in to_specification(chart)["title"]["subtitle"]


def test_other_tables_are_refused():
    with pytest.raises(ConfigError, match=r"wine.*exactly two"):
        points("wine", load_examples("wine"))
