"""`kmlp data`: list, inspect, prepare and import datasets."""

import typer

from kmlp_cli.commands.data.importing import import_
from kmlp_cli.commands.data.info import info
from kmlp_cli.commands.data.list import list_
from kmlp_cli.commands.data.prepare import prepare
from kmlp_cli.commands.data.rm import rm
from kmlp_cli.commands.data.show import show

app = typer.Typer(help="List, look at, prepare and import datasets.", no_args_is_help=True)
app.command(name="list")(list_)
app.command()(info)
app.command()(prepare)
app.command(name="import")(import_)
app.command()(show)
app.command()(rm)
