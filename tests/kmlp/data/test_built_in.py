import pytest

from kmlp import RunConfig
from kmlp.data import check_dataset
from kmlp.data._built_in import BUILT_IN, Parameters, parameters_of
from kmlp.errors import ConfigError

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("wine", None),
        ("moons", Parameters(rows=1000, noise=0.2, seed=0)),
        ("circles", Parameters(rows=1000, noise=0.1, seed=0)),
        ("spirals:500", Parameters(rows=500, noise=0.1, seed=0)),
        ("moons:500:0", Parameters(rows=500, noise=0.0, seed=0)),
        ("moons:12:1e-2:4294967295", Parameters(rows=12, noise=0.01, seed=2**32 - 1)),
    ],
)
def test_parameters_follow_the_name(name, parameters):
    assert parameters_of(name) == parameters


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("moons:-1", ["rows must be a whole number from 12 to 100000"]),
        ("moons:100001", ["rows must be"]),
        ("moons:11", ["rows must be"]),
        ("moons:", ["rows must be"]),
        ("moons:1e3", ["rows must be"]),
        ("moons:٢٠٠٠", ["rows must be"]),
        (f"moons:{'1' * 5000}", ["rows must be"]),
        ("moons:500:nan", ["noise must be a number from 0 to 100"]),
        ("moons:500:-0.1", ["noise must be"]),
        ("moons:500:0,2", ["noise must be"]),
        ("moons:500:0.2:0.5", ["seed must be a whole number from 0 to 4294967295"]),
        ("moons:500:0.2:4294967296", ["seed must be"]),
        ("moons:10:x:y", ["rows must be", "noise must be", "seed must be"]),
        ("moons:2000:0.2:1:9", ["has 4 parameters, but moons has 3"]),
        ("wine:3", ["wine has no parameters: its 178 rows"]),
        ("diabetes:1.0.0", ["diabetes has no parameters"]),
    ],
)
def test_wrong_parameters_are_refused_with_rule_and_remedy(name, problems):
    with pytest.raises(ConfigError) as refusal:
        check_dataset(name)
    for problem, expected in zip(refusal.value.problems, problems, strict=True):
        assert expected in problem
        assert f"Write {name.partition(':')[0]}" in problem


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("moons:1000", "moons"),
        ("moons:1000:0.2:0", "moons"),
        ("circles:1000:0.2", "circles:1000:0.2"),
        ("moons:2000:.20", "moons:2000"),
        ("moons:500:-0", "moons:500:0"),
        ("moons:1000:0.2:7", "moons:1000:0.2:7"),
        ("wine", "wine"),
    ],
)
def test_a_configuration_has_one_name_for_one_table(name, canonical):
    assert RunConfig(dataset=name).dataset == canonical


def test_every_table_has_a_citation_and_a_page():
    for table in BUILT_IN.values():
        assert table.citation
        assert table.homepage.startswith("https://")
