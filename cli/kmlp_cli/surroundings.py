"""What a command finds around it: standard streams, the current folder, who answers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from kmlp.errors import ConfigError


def open_closed_streams() -> None:
    """Has the standard streams lead nowhere that whoever started this process closed.

    Files that are opened would take their places, and get what is printed.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
        mode = "r" if descriptor == 0 else "w"
        setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def current_folder() -> Path | None:
    """The current folder; None if there is none any more, or it cannot be read."""
    try:
        return Path.cwd()
    except OSError:
        return None


def check_current_folder() -> None:
    """Raises `ConfigError` if the current folder was removed."""
    if current_folder() is None:
        raise ConfigError(
            [
                "The current folder does not exist any more, or cannot be read. Change to "
                "another one: cd ~."
            ]
        )


def confirmed(question: str, without: str) -> bool:
    """Asks a question on stderr, whose answer is no by default.

    Args:
        question: The question.
        without: The option that answers yes without being asked.

    Raises:
        ConfigError: if nobody can answer.
    """
    typer.echo(f"{question} [y/N]: ", nl=False, err=True)
    try:
        answer = sys.stdin.readline()
    except (OSError, ValueError):  # a terminal that is gone; bytes that are no text
        answer = ""
    if not answer:
        typer.echo(err=True)
        raise ConfigError(
            [
                "Nobody can answer: standard input is closed or at its end. Nothing was "
                f"changed. Give {without} to do it without being asked."
            ]
        )
    return answer.strip().lower() in ("y", "yes")
