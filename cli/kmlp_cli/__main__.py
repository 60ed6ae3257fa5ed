"""`python -m kmlp_cli` is `kmlp`."""

from kmlp_cli.app import main

main()
