"""The arguments and options that name a model's file, and the code that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    Path,
    typer.Argument(metavar="MODEL.keras", help="The model's file.", show_default=False),
]
Custom = Annotated[
    list[str] | None,
    typer.Option(
        metavar="package.module:name",
        help="A function or class that the model needs and Keras lacks; can be given "
        "several times.",
        show_default=False,
    ),
]
