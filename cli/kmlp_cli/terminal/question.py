"""Asking for confirmation on the terminal before something is removed."""

from __future__ import annotations

import sys

from kmlp.errors import ConfigError
from kmlp_cli.terminal.output import say


def confirmed(question: str, without: str) -> bool:
    """Ask a yes-or-no question on stderr. The default answer is no.

    Args:
        question: The question.
        without: The option that answers yes, for the message of the error.

    Returns:
        True if the answer is yes.

    Raises:
        ConfigError: if nobody can answer.
    """
    say(f"{question} [y/N]: ", end="")
    try:
        answer = "" if sys.stdin is None else sys.stdin.readline()
    except (OSError, ValueError):  # a closed terminal; bytes that are not text
        answer = ""
    if not answer:
        say()
        raise ConfigError(
            [
                "Nobody can answer, because standard input is closed or at its end. "
                f"Nothing was changed. With {without}, the command does not ask."
            ]
        )
    return answer.strip().lower() in ("y", "yes")
