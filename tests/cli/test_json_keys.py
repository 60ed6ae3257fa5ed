"""Every command with `--json` says what it prints; the outputs are checked where they are
made, see `tests/helpers/processes.py`.
"""

from typing import get_args, get_type_hints

import pytest
import typer
from helpers.json_types import check_output, mismatches

from kmlp.studies._caveats import Problem
from kmlp_cli.app import app
from kmlp_cli.json_keys import OUTPUTS
from kmlp_cli.json_keys._results import CaveatJson, EstimateJson
from kmlp_cli.json_keys._runs_folder import RunsJson, StudySummaryJson

pytestmark = pytest.mark.once


def commands(group, prefix=""):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} ")
        else:
            yield f"{prefix}{name}", command


def test_every_command_with_json_has_its_keys_documented():
    with_json = {
        name
        for name, command in commands(typer.main.get_command(app))
        if any("--json" in parameter.opts for parameter in command.params)
    }
    assert with_json == set(OUTPUTS)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"mean": 0.5}, " has no interval"),
        ({"mean": 1, "interval": None, "p": 1}, ".p is not documented"),
        ({"mean": "0.5", "interval": None}, ".mean is '0.5'"),
        ({"mean": None, "interval": [0, True]}, ".interval is [0, True]"),
        ([0.5], " is not an object"),
    ],
)
def test_an_output_that_differs_is_named(value, problem):
    [found] = mismatches(value, EstimateJson)
    assert found.startswith(problem)


def test_an_output_as_it_is_documented_passes():
    assert not [*mismatches({"mean": 0.5, "interval": [0, 1]}, EstimateJson)]
    check_output(("runs", "--json"), '{"runs": []}')
    with pytest.raises(AssertionError, match="RunsJson"):
        check_output(("runs", "--json"), '{"runs": [{}]}')
    assert RunsJson in OUTPUTS["runs"]


def test_a_study_has_further_keys():
    problems = mismatches({"param": "width"}, StudySummaryJson)
    assert not [it for it in problems if "not documented" in it]


def test_every_caveat_is_documented():
    assert get_args(get_type_hints(CaveatJson)["problem"]) == get_args(Problem)
