"""`kmlp data`: list, inspect, prepare and import datasets."""

import typer

from kmlp_cli.commands.data.importing import import_
from kmlp_cli.commands.data.info import info
from kmlp_cli.commands.data.list import list_
from kmlp_cli.commands.data.prepare import prepare
from kmlp_cli.commands.data.rm import rm
from kmlp_cli.commands.data.show import show
from kmlp_cli.options.groups import add_command

app = typer.Typer(
    help="List, show, prepare, import and remove datasets.", no_args_is_help=True
)
add_command(app, list_, name="list")
add_command(app, info)
add_command(app, prepare)
add_command(app, import_, name="import")
add_command(app, show)
add_command(app, rm)
