"""A page for every command of `kmlp`, made from the Typer app."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import typer
from pieces import code, prose, table

from kmlp.model.hyperparameters import config_fields
from kmlp_cli.app import app

FOLDER = "reference/command-line"


@cache
def pages() -> dict[str, str]:
    """Return the pages by path, the overview first."""
    root = typer.main.get_command(app)
    commands = list(_commands(root, typer.Context(root, info_name="kmlp")))
    overview = [
        "# Command line\n",
        "Every command, as `kmlp COMMAND --help` shows it. Results go to the standard "
        "output, progress and messages to the standard error.\n",
        table(
            ["command", "purpose"],
            [
                [f"[`{context.command_path}`]({_file(context)})", prose(_summary(command))]
                for command, context in commands
            ],
        ),
        "## Exit codes\n",
        table(
            ["code", "meaning"],
            [
                ["0", "The command did its work. A run that diverged is a result, too."],
                [
                    "1",
                    "Something went wrong after the start: a run failed, the runs folder "
                    "was lost, a file could not be written, or there was no model to save.",
                ],
                ["2", "The input was refused. Nothing was trained."],
                ["129, 130, 143", "Stopped by SIGHUP, Ctrl-C or SIGTERM."],
            ],
        ),
        "## Environment variables\n",
        table(
            ["variable", "meaning"],
            [
                ["`KERAS_BACKEND`", "The backend, unless `--backend` names another one."],
                [
                    "`KMLP_RUNS_DIR`",
                    "The runs folder, unless `--runs-dir` names another one.",
                ],
                ["`KMLP_CACHE_DIR`", "The folder of the cached datasets."],
                [
                    "`TFDS_DATA_DIR`",
                    "The folder in which TensorFlow Datasets prepares data.",
                ],
                ["`RAY_ADDRESS`", "The Ray cluster, unless `--ray-address` names another."],
                ["`KMLP_DEBUG`", "`1` shows tracebacks and the backends' own messages."],
            ],
        ),
    ]
    return {
        f"{FOLDER}/index.md": "\n".join(overview),
        **{
            f"{FOLDER}/{_file(context)}": _page(command, context)
            for command, context in commands
        },
    }


def _commands(group: Any, context: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every command with its context, those of groups in their place."""
    for name, command in group.commands.items():
        inner = typer.Context(command, info_name=name, parent=context)
        if hasattr(command, "commands"):
            yield from _commands(command, inner)
        else:
            yield command, inner


def _file(context: Any) -> str:
    return f"{context.command_path.removeprefix('kmlp ').replace(' ', '-')}.md"


def _summary(command: Any) -> str:
    return " ".join(command.help.split("\n\n")[0].split())


def _page(command: Any, context: Any) -> str:
    usage = command.get_usage(context).removeprefix("Usage: ")
    blocks = [f"# {context.command_path}\n", *map(_paragraph, _blocks(command.help))]
    blocks.append(f"```text\n{usage}\n```\n")
    arguments, options, fields = [], [], []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            arguments.append(_row(parameter, context))
        elif parameter.name in config_fields():
            fields.append(_row(parameter, context))
        else:
            options.append(_row(parameter, context))
    for heading, kind, rows in (
        ("Arguments", "argument", arguments),
        ("Options", "option", options),
        ("Fields of the configuration", "option", fields),
    ):
        if rows:
            blocks.append(f"## {heading}\n")
            blocks.append(table([kind, "meaning", "default"], rows))
    return "\n".join([*blocks, *_epilog(command.epilog_text())])


def _row(parameter: Any, context: Any) -> list[str]:
    name, text = parameter.get_help_record(context)
    [default] = re.findall(r"  \[(?:default: )?([^\[\]]*)\]$", text) or [""]
    meaning = re.sub(r"  \[[^\[\]]*\]$", "", text)
    return [code(name), prose(meaning), prose(default)]


def _blocks(text: str) -> list[str]:
    return [block for block in text.replace("\b\n", "").split("\n\n") if block.strip()]


def _paragraph(text: str) -> str:
    return f"{prose(' '.join(text.split()))}\n"


def _epilog(text: str) -> Iterator[str]:
    """Yield the paragraphs under the options, and the examples as code."""
    for block in _blocks(text):
        head, _, lines = block.partition("\n")
        if head == "Examples:":
            yield f"## Examples\n\n```console\n{_prompted(lines)}\n```\n"
        elif not re.match(r"\w+: |Columns:", block):  # the columns have their own page
            yield _paragraph(block)


def _prompted(lines: str) -> str:
    return "\n".join(f"$ {line}" for line in lines.splitlines())
