"""Every field has a column, and every row keeps to the columns."""

import math

import pytest
from helpers.made_up import made_up_ablation

from kmlp import RunConfig
from kmlp.model.hyperparameters import config_fields
from kmlp.studies.columns import COLUMNS, column_of

pytestmark = pytest.mark.once


def test_every_field_of_a_configuration_has_a_column():
    assert {column_of(name) for name in config_fields()} < set(COLUMNS)
    assert {field.name for field in config_fields().values()} - set(COLUMNS) == set()


def test_the_cells_of_rows_have_the_types_of_their_columns():
    study = made_up_ablation({16: [0.9, math.nan]}, base=RunConfig())
    rows = study.study_runs().rows()
    assert len(rows) == 2
    for row in rows:
        assert list(row) == list(COLUMNS)
        for name, cell in row.items():
            assert cell is None or type(cell) is COLUMNS[name].type, name
