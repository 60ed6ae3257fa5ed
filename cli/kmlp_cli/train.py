"""`kmlp train`: one run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp_cli.options import (
    Backend,
    ConfigOptions,
    Epochs,
    Fresh,
    Fused,
    Json,
    Name,
    Quiet,
    RunsDir,
    config_options,
)

if TYPE_CHECKING:
    from kmlp.run import Run


@config_options
def train(
    config: ConfigOptions,
    epochs: Epochs = 10,
    backend: Backend = None,
    fused: Fused = True,
    name: Name = None,
    runs_dir: RunsDir = None,
    fresh: Fresh = False,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.keras",
            help="Save the trained model. It loads in a Python without kmlp; an "
            "activation of your own has to be given there.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let --save replace a file.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train one model, and show what each epoch came to."""
    from kmlp import backend as backends
    from kmlp.checks import check_count
    from kmlp.errors import gather
    from kmlp.export import run_to_json
    from kmlp.runner import train as run_training
    from kmlp_cli.output import print_json, print_table
    from kmlp_cli.progress import show_progress
    from kmlp_cli.tables import run_summary, run_table

    backends.select(backend)
    run_config, *_ = gather(
        [
            config.make,
            lambda: check_count("epochs", epochs),
            lambda: _check_target(save, overwrite=overwrite),
        ]
    )
    with show_progress(("seed",), quiet=quiet, fresh=fresh) as display:
        run = run_training(
            run_config,
            epochs=epochs,
            fused=fused,
            observer=display,
            runs_dir=runs_dir,
            fresh=fresh,
            name=name,
        )
    if as_json:
        print_json(run_to_json(run))
    else:
        print_table(run_table(run), run_summary(run))
    if save is not None:
        _save(run, save)
    if run.status == "failed":
        raise typer.Exit(1)


def _check_target(path: Path | None, *, overwrite: bool) -> None:
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


def _save(run: Run, path: Path) -> None:
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
