"""What a command finds around it: the current folder, and somebody who answers."""

from __future__ import annotations

import sys
from pathlib import Path

from kmlp.errors import ConfigError
from kmlp_cli.render.output import say


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
    say(f"{question} [y/N]: ", end="")
    try:
        answer = "" if sys.stdin is None else sys.stdin.readline()
    except (OSError, ValueError):  # a terminal that is gone; bytes that are no text
        answer = ""
    if not answer:
        say()
        raise ConfigError(
            [
                "Nobody can answer: standard input is closed or at its end. Nothing was "
                f"changed. Give {without} to do it without being asked."
            ]
        )
    return answer.strip().lower() in ("y", "yes")
