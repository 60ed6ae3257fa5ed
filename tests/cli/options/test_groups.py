"""Options that commands take as groups, on an app of their own."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from kmlp_cli.options.groups import OptionGroup, add_command

pytestmark = pytest.mark.once


@dataclass(frozen=True, kw_only=True)
class PlaceOptions(OptionGroup):
    title = "Place"

    folder: Annotated[str, typer.Option(metavar="FOLDER", help="Where.")]
    deep: Annotated[bool, typer.Option("--deep", help="With all below.")] = False


@dataclass(frozen=True, kw_only=True)
class FarPlaceOptions(PlaceOptions):
    host: Annotated[str, typer.Option(help="On which machine.")] = "here"


def look(
    word: Annotated[str, typer.Argument(help="What to look for.")],
    times: Annotated[int, typer.Option(help="How often.")] = 1,
    *,
    place: FarPlaceOptions,
) -> None:
    """Look for a word."""
    typer.echo(f"{word} {times} {place}")


@pytest.fixture
def command():
    app = typer.Typer(rich_markup_mode=None)
    add_command(app, look, epilog="That is all.")
    return lambda *words: CliRunner().invoke(app, words)


def test_a_command_gets_its_groups_as_objects(command):
    assert command("x", "--folder", "a", "--deep", "--times", "2").output == (
        "x 2 FarPlaceOptions(folder='a', deep=True, host='here')\n"
    )


def test_an_option_of_a_group_can_be_required(command):
    result = command("x")
    assert result.exit_code == 2
    assert "--folder" in result.output


def test_help_has_a_section_for_each_group_with_inherited_options_first(command):
    help_ = command("--help").output
    assert help_.index("Look for a word.") < help_.index("Options:") < help_.index("Place:")
    assert help_.index("--times") < help_.index("Place:") < help_.index("--folder")
    assert help_.index("--folder") < help_.index("--deep") < help_.index("--host")
    assert help_.index("--host") < help_.index("That is all.")
