"""The commands, options, names and links of the documents exist."""

import ast
import importlib
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

from kmlp_cli.app import app
from kmlp_tuning.lab.bundled import bundled

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
]
DOCUMENTS.remove(ROOT / "CHANGELOG.md")


def name_of(path):
    return str(path.relative_to(ROOT))


def blocks(path, *languages):
    found = re.findall(
        r"^```(\w*)\n(.*?)^```$", path.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return [text for language, text in found if language in languages]


def commands_of(path):
    """The command lines of a document, without pipes, comments and other programs."""
    indented = re.findall(r"^    kmlp .*$", path.read_text("utf-8"), re.MULTILINE)
    for block in [*blocks(path, "console", "bash", "text", ""), *indented]:
        whole = block.replace("\\\n", " ")
        for line in re.findall(r"^\s*(?:\$ )?(kmlp [a-z-]+ ?.*)$", whole, re.MULTILINE):
            yield shlex.split(re.split(r" [|>] | \d?> ", line)[0], comments=True)


COMMANDS = [(path, words) for path in DOCUMENTS for words in commands_of(path)]


def test_documents_show_commands():
    assert len(COMMANDS) > 50


@pytest.mark.parametrize(
    ("path", "words"),
    COMMANDS,
    ids=[f"{name_of(path)}: {' '.join(words)}" for path, words in COMMANDS],
)
def test_a_command_of_the_documents_can_be_typed(path, words):
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="kmlp")
    arguments = words[1:]
    while hasattr(command, "commands"):
        name, *arguments = arguments
        command = command.commands[name]
    command.make_context(name, arguments, parent=context)  # raises for what is unknown


def test_a_recipe_that_the_documents_name_comes_with_kmlp():
    named = {
        word
        for _, (_, command, *words) in COMMANDS
        if command == "reproduce"
        for word in words[:1]
        if not word.startswith("-") and not word.endswith(".toml")
    }
    assert named
    assert named <= set(bundled())


IMPORTS = [
    (path, node.module, alias.name)
    for path in DOCUMENTS
    for block in blocks(path, "python")
    for node in ast.walk(ast.parse(block))
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
]


@pytest.mark.parametrize(
    ("path", "module", "name"),
    IMPORTS,
    ids=[f"{name_of(path)}: {module}.{name}" for path, module, name in IMPORTS],
)
def test_a_name_of_the_documents_can_be_imported(path, module, name):
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=name_of
)
def test_links_of_documents_that_the_site_does_not_check_lead_somewhere(path):
    text = re.sub(
        r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    targets = [it.partition("#")[0] for it in re.findall(r"\]\(([^)]+)\)", text)]
    assert targets
    assert not [it for it in targets if "://" not in it and not (ROOT / it).exists()]


def options_of(command):
    """Every option of a command and of those in it."""
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    for inner in getattr(command, "commands", {}).values():
        yield from options_of(inner)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_options_in_the_prose_exist(path):
    prose = re.sub(
        r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    codes = re.findall(r"`(?:kmlp [^`\n]*|--[^`\n]*)`", prose)
    named = {it for code in codes for it in re.findall(r"(?<![\w-])--[a-z][a-z-]*", code)}
    unknown = named - {*options_of(typer.main.get_command(app)), "--help"}
    assert not unknown


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 250


def test_files_that_contributors_are_sent_to_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    paths = re.findall(r"`((?:kmlp|tests|docs|tuning|cli)/[\w./]*)`", text)
    assert len(paths) > 10
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_the_design_lists_the_layers_that_are_checked():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    [layers] = [it["layers"] for it in contracts if it.get("containers") == ["kmlp"]]
    [table] = re.findall(
        r"^\| layer .*?\n\n",
        (ROOT / "docs/design.md").read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    rows = [
        re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.strip().splitlines()[2:]
    ]
    assert rows == [[name.strip() for name in layer.split("|")] for layer in layers]
