"""The options and arguments that describe a study, or name one."""

from __future__ import annotations

from typing import Annotated

import typer

Study = Annotated[str, typer.Argument(help="The study's name: see `kmlp studies`.")]
Name = Annotated[
    str | None,
    typer.Option(
        help="The study's name, for `kmlp show`.  [default: made from the options]"
    ),
]
Epochs = Annotated[int, typer.Option(help="Epochs of every run.")]
Patience = Annotated[
    int | None,
    typer.Option(
        help="Early stopping: end a run after this many epochs without a better validation "
        "accuracy, or loss with --metric loss. The epochs are then the most epochs.  "
        "[default: no early stopping]",
        show_default=False,
    ),
]
Retune = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD[=LOW:HIGH[:log]],...",
        help="Tune these fields anew for every value, so that none looks worse because the "
        "learning rate, for example, does not suit it. Both answers are shown.  [default: "
        "none]",
        show_default=False,
    ),
]
RetuneTrials = Annotated[
    int,
    typer.Option(
        help="Settings that --retune tries for every value; a third of them go on to more "
        "epochs, twice."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the planned training, and stop.")
]
