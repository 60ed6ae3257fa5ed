"""The options that name files to write; saving a model and logs there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp.errors import call_all
from kmlp_cli.options.groups import OptionGroup
from kmlp_cli.terminal.output import say

if TYPE_CHECKING:
    from kmlp.studies.rows import StudyRuns
    from kmlp.training.run import Run

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")]
TensorBoard = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard",
        metavar="FOLDER",
        help="Write logs for TensorBoard into this folder, in a subfolder named after the "
        "study.",
        show_default=False,
    ),
]


@dataclass(frozen=True, kw_only=True)
class LogOptions(OptionGroup):
    """The option of a command whose runs can be logged for TensorBoard."""

    title = "Output"

    tensorboard: TensorBoard = None

    def check(self) -> None:
        """Check that all files can be written.

        Raises:
            ConfigError: with every problem at once.
        """
        check_log_folder(self.tensorboard)

    def write_logs(self, runs: StudyRuns) -> None:
        """Write a study's logs for TensorBoard if the option is given, and say so."""
        if self.tensorboard is not None:
            save_logs(runs, self.tensorboard)


@dataclass(frozen=True, kw_only=True)
class ModelOptions(LogOptions):
    """The options of a command that results in one model as well."""

    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.keras",
            help="Save the trained model; for a search, the model of the best trial. Keras "
            "loads it without kmlp, but needs an activation of your own as custom_objects.",
            show_default=False,
        ),
    ] = None
    overwrite: Overwrite = False

    def check(self) -> None:
        call_all(
            [
                lambda: check_target(self.save, overwrite=self.overwrite),
                super().check,
            ]
        )


def check_target(
    path: Path | None,
    *,
    overwrite: bool,
    option: str = "--save",
    suffixes: Sequence[str] = (".keras",),
) -> None:
    """Check that a file can be written.

    Args:
        path: The file. If None, nothing is checked.
        overwrite: True if an existing file may be replaced.
        option: The option that names the file, for messages. Defaults to "--save".
        suffixes: The suffixes that the file may have. Defaults to (".keras",).

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
    elif os.path.lexists(path) and not overwrite:  # broken links as well
        problems.append(
            f"{path} of `{option}` exists. Choose another name, or give --overwrite."
        )
    if not path.parent.is_dir():
        problems.append(f"The folder {path.parent} of `{option}` does not exist.")
    elif not os.access(path.parent, os.W_OK):
        problems.append(f"The folder {path.parent} of `{option}` cannot be written to.")
    raise_problems(problems)


def check_report(path: Path, *, overwrite: bool) -> None:
    """Check that a report can be written as the file of `--out`.

    Raises:
        ConfigError: if the report cannot be written there, or needs Chromium, which is not
            installed.
    """
    from kmlp.report import FORMATS
    from kmlp.report.pages import find_browser

    check_target(path, option="--out", suffixes=FORMATS, overwrite=overwrite)
    if path.suffix == ".pdf":
        find_browser()


def check_pictures(report: Path, pictures: Iterable[Path], *, overwrite: bool) -> None:
    """Check that the charts beside a Markdown report can be written.

    Args:
        report: The file of the report. If it is not Markdown, nothing is checked.
        pictures: The files of charts.
        overwrite: True if existing files may be replaced.

    Raises:
        ConfigError: if one of them exists.
    """
    from kmlp.errors import raise_problems

    if report.suffix == ".md" and not overwrite:
        raise_problems(
            f"{picture} exists, but a chart may be written there. Choose another --out, or "
            "give --overwrite."
            for picture in pictures
            if os.path.lexists(picture)
        )


def check_log_folder(path: Path | None) -> None:
    """Check that logs for TensorBoard can be written into a folder.

    Args:
        path: The folder, which need not exist. If None, nothing is checked.

    Raises:
        ConfigError: if logs cannot be written there.
    """
    from kmlp.errors import raise_problems

    if path is None:
        return
    folders = (path, *path.absolute().parents)
    existing = next(folder for folder in folders if folder.exists())
    problems = []
    if not existing.is_dir():
        problems.append(
            f'The value of `--tensorboard` is "{path}", but {existing} is a file. Give the '
            "name of a folder."
        )
    elif not os.access(existing, os.W_OK):
        problems.append(f"The folder {existing} of `--tensorboard` cannot be written to.")
    raise_problems(problems)


def save_logs(runs: StudyRuns, path: Path) -> None:
    """Write a study's logs for TensorBoard, and say so."""
    from kmlp.export.tensorboard import write_logs

    say(f"Logs: tensorboard --logdir {write_logs(runs, path)}")


def save_run(run: Run, path: Path) -> None:
    """Save a run's model, and say so.

    Raises:
        typer.Exit: with code 1 if the run has no model.
    """
    from kmlp.model.activations import ACTIVATIONS
    from kmlp.model.saving import save_portable

    if run.checkpoint_bytes is None:
        say(f"Nothing was saved to {path}: {_why_not(run)}.")
        raise typer.Exit(1)
    compiled = save_portable(run.model(), path)
    say(f"Saved {path}.")
    if not compiled:
        say(
            "Keras does not have its loss or its optimizer. Compile the model again before "
            "further training."
        )
    if ACTIVATIONS.is_custom(run.config.activation):
        say(
            "To load the model, give Keras its activation "
            f'"{run.config.activation}" as custom_objects.'
        )


def _why_not(run: Run) -> str:
    if run.status != "finished":
        return f"the run {run.status}"
    last = run.at == "best" and run.epochs in run.checkpoints
    return (
        f"the model of epoch {run.outcome.epoch} is not stored; "
        f"{'--at last takes that of the last epoch, ' if last else ''}--fresh trains the "
        "run again"
    )
