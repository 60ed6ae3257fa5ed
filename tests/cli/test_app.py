import re
import sys
from pathlib import Path

import pytest
from helpers.processes import kmlp as process
from helpers.processes import python, run

import kmlp as library
from kmlp.model.fields import Group
from kmlp.model.hyperparameters import config_fields
from kmlp.model.text import value_text
from kmlp.studies.kinds import all_kinds


def test_version(kmlp):
    result = kmlp("--version")
    assert (result.code, result.out) == (0, f"kmlp {library.__version__}\n")


def test_help_names_the_commands(kmlp):
    result = kmlp("--help")
    assert result.code == 0
    for command in ("ablate", "train", "info"):
        assert command in result.out


@pytest.mark.parametrize("command", [[], ["ablate"], ["train"], ["info"]])
def test_help_imports_no_backend_and_not_even_numpy(command):
    result = python(f"""
import sys
sys.argv = ["kmlp", *{command!r}, "--help"]
from kmlp_cli.app import main
try:
    main()
except SystemExit:
    pass
heavy = ("keras", "tensorflow", "jax", "torch", "numpy", "scipy", "pydantic")
print([name for name in heavy if name in sys.modules])
""")
    # Typer itself may read a command's options by pydantic.
    loaded = result.stdout.splitlines()[-1].replace("'pydantic'" if command else "", "")
    assert loaded == "[]", result.stderr


@pytest.mark.parametrize("command", ["ablate", "train"])
def test_help_shows_every_field_with_its_type_and_default(kmlp, command):
    text = " ".join(kmlp(command, "--help").out.split())
    for name, field in config_fields().items():
        option = f"--{name.replace('_', '-')}"
        default = field.derived.text if field.derived else value_text(name, field.default)
        if field.type is bool:
            option = f"{option} / --no-{name}"
            default = default if field.derived else f"no-{name}"
        else:
            option = f"{option} <{field.type.__name__}>"
        assert f"{option} {field.doc} [default: {default}]" in text


@pytest.mark.parametrize(
    ("command", "title"),
    [("train", "Configuration"), ("ablate", "Configuration"), ("tune", "Search space")],
)
def test_help_has_a_section_for_each_group_of_fields(kmlp, command, title):
    text = kmlp(command, "--help").out
    for group in Group:
        _, _, after = text.partition(f"\n{title}: {group.value}:\n")
        section = after.partition("\n\n")[0]
        options = re.findall(r"^  --(\S+)", section, re.MULTILINE)
        assert [option.replace("-", "_") for option in options] == [
            name for name, field in config_fields().items() if field.group is group
        ]


def test_ablate_help_has_examples(kmlp):
    assert "kmlp ablate --param width --values 32,128,512" in kmlp("ablate", "--help").out


def test_completion_is_there():
    script = str(Path(sys.executable).with_name("kmlp"))
    for words, completed in (("kmlp ab", "ablate"), ("kmlp ablate --wi", "--width")):
        count = str(len(words.split()) - 1)
        result = run(
            script, _KMLP_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count
        )
        assert completed in result.stdout.split()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["abalte"], "ablate"),
        (["ablate", "--param", "width", "--values", "1", "--widht", "3"], "--width"),
        (["ablate", "--param", "width"], "--values"),
    ],
)
def test_usage_errors_name_the_way_out(kmlp, arguments, message):
    result = kmlp(*arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_debug_shows_the_traceback():
    arguments = ["ablate", "--param", "widht", "--values", "1"]
    assert "Traceback" in process(*arguments, KMLP_DEBUG="1").stderr
    assert "Traceback" not in process(*arguments).stderr


@pytest.mark.once
@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(28, "No space left on device", "a.csv"),
            "a.csv: No space left on device.",
        ),
        (OSError("Chromium made no PDF"), "Chromium made no PDF"),
    ],
)
def test_what_the_system_refuses_is_a_line_that_names_the_file(
    monkeypatch, capsys, error, line
):
    from kmlp_cli import app

    def fail():
        raise error

    monkeypatch.setattr(app, "app", fail)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit) as caught:
        app.main()
    assert caught.value.code == 1
    assert capsys.readouterr().err == f"Error: {line}\n"


def test_the_help_of_plot_lists_the_charts_of_each_kind(kmlp):
    lines = [line.strip() for line in kmlp("plot", "--help").out.splitlines()]
    for kind in all_kinds():
        assert f"{kind.name}: {', '.join(kind.charts)}" in lines
