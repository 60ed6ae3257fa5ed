"""`--save`: a trained model as a `.keras` file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from kmlp.run import Run


def check_target(path: Path | None, *, overwrite: bool) -> None:
    """Checks that a model can be saved there; None: none is to be.

    Raises:
        ConfigError: with every problem at once.
    """
    from kmlp.errors import raise_problems

    if path is None:
        return
    problems = []
    if path.suffix != ".keras":
        problems.append(f'The value of `--save` is "{path}", but must be a name.keras.')
    elif path.is_dir():
        problems.append(f"{path} of `--save` is a folder. Choose another name.")
    elif path.exists() and not overwrite:
        problems.append(
            f"{path} of `--save` exists. Choose another name, or give --overwrite."
        )
    if not path.parent.is_dir():
        problems.append(f"The folder {path.parent} of `--save` does not exist.")
    elif not os.access(path.parent, os.W_OK):
        problems.append(f"The folder {path.parent} of `--save` cannot be written to.")
    raise_problems(problems)


def save_run(run: Run, path: Path) -> None:
    """Saves a run's model, and says so.

    Raises:
        typer.Exit: with code 1, if there is none.
    """
    from kmlp.activations import ACTIVATIONS
    from kmlp.model import save_portable

    if run.archive is None:
        print(f"Nothing was saved to {path}: {_why_not(run)}.", file=sys.stderr)
        raise typer.Exit(1)
    compiled = save_portable(run.model(), path)
    print(f"Saved {path}.", file=sys.stderr)
    if not compiled:
        print("Its loss is not Keras' own: compile it to train on.", file=sys.stderr)
    if ACTIVATIONS.is_own(run.config.activation):
        print(
            f'To load it, give its activation "{run.config.activation}" as custom_objects.',
            file=sys.stderr,
        )


def _why_not(run: Run) -> str:
    if run.status != "finished":
        return f"the run {run.status}"
    return (
        f"the store has the run's model after more than {run.epochs} epochs only; "
        "--fresh trains it anew"
    )
