"""The Typer app, and the one place where errors become messages."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated, Any

import typer

from kmlp import __version__
from kmlp._util.processes import absolute_folders
from kmlp.errors import ConfigError, KmlpError
from kmlp.model import registry
from kmlp_cli.commands import (
    ablate,
    data,
    evaluate,
    export,
    plot,
    predict,
    reproduce,
    tune,
)
from kmlp_cli.commands.compare import compare
from kmlp_cli.commands.doctor import doctor
from kmlp_cli.commands.info import info
from kmlp_cli.commands.report import report
from kmlp_cli.commands.rm import rm
from kmlp_cli.commands.runs import runs
from kmlp_cli.commands.show import show
from kmlp_cli.commands.studies import studies
from kmlp_cli.commands.train import train
from kmlp_cli.options.groups import add_command
from kmlp_cli.terminal.current_folder import check_current_folder
from kmlp_cli.terminal.interruption import Interrupted, interruptible, leave
from kmlp_cli.terminal.output import say
from kmlp_cli.terminal.streams import guarded

app = typer.Typer(
    name="kmlp",
    help="Measure the effect of a hyperparameter on a neural network. kmlp trains "
    "multilayer perceptrons on images and tables, one question at a time, with error bars.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich's help takes twice as long
    context_settings={"help_option_names": ["--help", "-h"]},
)
add_command(app, ablate.ablate, epilog=ablate.EPILOG)
add_command(app, tune.tune, epilog=tune.EPILOG)
add_command(app, train)
add_command(app, reproduce.reproduce, epilog=reproduce.epilog)
add_command(app, evaluate.evaluate, epilog=evaluate.EPILOG)
add_command(app, predict.predict, epilog=predict.EPILOG)
add_command(app, studies)
add_command(app, show)
add_command(app, compare)
add_command(app, plot.plot, epilog=plot.epilog)
add_command(app, report)
add_command(app, export.export, epilog=export.epilog)
add_command(app, runs)
add_command(app, rm)
add_command(app, doctor)
app.add_typer(data.app, name="data")
add_command(app, info)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"kmlp {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    asks_for_help = not {"--help", "-h"}.isdisjoint(sys.argv)
    if context.invoked_subcommand != "info" and not asks_for_help:
        check_current_folder()


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"Warning: {message}")


def _say_what_runs(path: str, place: str) -> None:
    say(f"Running the code of {place}, which {path} names.")


@guarded()
def main() -> None:
    """Run the command line.

    The exit code is 2 if the input was refused, and 1 if something failed later.

    `KMLP_DEBUG=1` shows tracebacks.
    """
    warnings.showwarning = _show_warning
    # Python's own modules start programs from there, too, such as `uname`.
    os.environ["PATH"] = os.pathsep.join(absolute_folders())
    registry.announce = _say_what_runs
    with interruptible():
        try:
            app()
        except Interrupted as interrupted:
            interrupted.say()
            leave(interrupted.exit_code)
        except KmlpError as error:
            if os.environ.get("KMLP_DEBUG") == "1":
                raise
            for line in error.problems if isinstance(error, ConfigError) else [str(error)]:
                say(f"Error: {line}")
            sys.exit(error.exit_code)
        except OSError as error:  # such as a full disk
            if os.environ.get("KMLP_DEBUG") == "1":
                raise
            has_file = error.filename is not None and error.strerror
            say(f"Error: {f'{error.filename}: {error.strerror}.' if has_file else error}")
            sys.exit(1)
        except MemoryError as error:
            if os.environ.get("KMLP_DEBUG") == "1":
                raise
            reason = f" ({error})" if str(error) else ""
            say(f"Error: There is not enough memory{reason}.")
            sys.exit(1)
