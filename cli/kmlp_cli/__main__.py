"""`python -m kmlp_cli` is `kmlp`."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # the current folder, from which `kmlp` does not import either

from kmlp_cli.app import main

main()
