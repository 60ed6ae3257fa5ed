"""The current folder, which may have been removed."""

from __future__ import annotations

from pathlib import Path

from kmlp.errors import ConfigError


def check_current_folder() -> None:
    """Check that the current folder exists and can be read.

    Raises:
        ConfigError: if the folder does not exist or cannot be read.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise ConfigError(
            [
                "The current folder does not exist any more, or cannot be read. Change to "
                "another folder, such as with cd ~."
            ]
        ) from error
