"""What options write: a model, logs for TensorBoard; and where they may write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kmlp_cli.render.output import say

if TYPE_CHECKING:
    from kmlp.studies.rows import StudyRuns
    from kmlp.training.run import Run


def check_target(
    path: Path | None,
    *,
    overwrite: bool,
    option: str = "--save",
    suffixes: Sequence[str] = (".keras",),
) -> None:
    """Checks that a file can be written there; None: none is to be.

    Args:
        path: The file.
        overwrite: Whether one that exists may be replaced.
        option: The option that names it, for messages. Defaults to "--save".
        suffixes: Those that its name may have. Defaults to (".keras",).

    Raises:
        ConfigError: with every problem at once.
    """
    from kmlp.errors import raise_problems

    if path is None:
        return
    problems = []
    if path.suffix not in suffixes:
        names = ", ".join(f"name{suffix}" for suffix in suffixes)
        one_of = "a" if len(suffixes) == 1 else "one of"
        problems.append(
            f'The value of `{option}` is "{path}", but must be {one_of} {names}.'
        )
    elif path.is_dir():
        problems.append(f"{path} of `{option}` is a folder. Choose another name.")
    elif os.path.lexists(path) and not overwrite:  # a link that leads nowhere, too
        problems.append(
            f"{path} of `{option}` exists. Choose another name, or give --overwrite."
        )
    if not path.parent.is_dir():
        problems.append(f"The folder {path.parent} of `{option}` does not exist.")
    elif not os.access(path.parent, os.W_OK):
        problems.append(f"The folder {path.parent} of `{option}` cannot be written to.")
    raise_problems(problems)


def check_log_folder(path: Path | None) -> None:
    """Checks that `--tensorboard` can make and fill a folder there; None: it need not.

    Raises:
        ConfigError: if it cannot.
    """
    from kmlp.errors import raise_problems

    if path is None:
        return
    there = next(it for it in (path, *path.absolute().parents) if it.exists())
    problems = []
    if not there.is_dir():
        problems.append(
            f'The value of `--tensorboard` is "{path}", but {there} is a file. Give the '
            "name of a folder."
        )
    elif not os.access(there, os.W_OK):
        problems.append(f"The folder {there} of `--tensorboard` cannot be written to.")
    raise_problems(problems)


def save_logs(found: StudyRuns, path: Path) -> None:
    """Writes a study's logs for TensorBoard, and says so."""
    from kmlp.export.tensorboard import write_logs

    say(f"Logs: tensorboard --logdir {write_logs(found, path)}")


def save_run(run: Run, path: Path) -> None:
    """Saves a run's model, and says so.

    Raises:
        typer.Exit: with code 1, if there is none.
    """
    from kmlp.model.activations import ACTIVATIONS
    from kmlp.model.build import save_portable

    if run.archive is None:
        say(f"Nothing was saved to {path}: {_why_not(run)}.")
        raise typer.Exit(1)
    compiled = save_portable(run.model(), path)
    say(f"Saved {path}.")
    if not compiled:
        say("Its loss is not Keras' own: compile it to train on.")
    if ACTIVATIONS.is_own(run.config.activation):
        say(f'To load it, give its activation "{run.config.activation}" as custom_objects.')


def _why_not(run: Run) -> str:
    if run.status != "finished":
        return f"the run {run.status}"
    return (
        f"the store has the run's model after more than {run.epochs} epochs only; "
        "--fresh trains it anew"
    )
