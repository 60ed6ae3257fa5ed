"""`python -m kmlp_cli` is `kmlp`."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # the current folder; `kmlp` does not import from there either

from kmlp_cli.app import main

main()
