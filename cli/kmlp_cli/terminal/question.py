"""A question on the terminal, before something is removed."""

from __future__ import annotations

import sys

from kmlp.errors import ConfigError
from kmlp_cli.terminal.output import say


def confirmed(question: str, without: str) -> bool:
    """Ask a question on stderr, whose answer is no by default.

    Args:
        question: The question.
        without: The option that answers yes beforehand.

    Raises:
        ConfigError: if nobody can answer.
    """
    say(f"{question} [y/N]: ", end="")
    try:
        answer = "" if sys.stdin is None else sys.stdin.readline()
    except (OSError, ValueError):  # the terminal is gone; bytes that are not text
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
