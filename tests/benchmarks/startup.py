"""How long `kmlp --help` takes, against the libraries that it cannot do without.

Run by `make bench`. Both are whole processes, in turn, so that a machine that slows down
slows both. Measured on two cores with Python 3.11: a ratio of 1.6. With help pages
drawn by Rich, it was 2.4.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

RUNS = 15
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name != "PYTHONDONTWRITEBYTECODE"  # an installed kmlp has its bytecode
}
COMMANDS = {
    "kmlp --help": [str(Path(sys.executable).with_name("kmlp")), "--help"],
    "import typer, rich.table": [sys.executable, "-c", "import typer, rich.table"],
}


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    return time.perf_counter() - started


def main() -> None:
    for command in COMMANDS.values():  # the first run writes bytecode
        seconds(command)
    pairs = [[seconds(command) for command in COMMANDS.values()] for _ in range(RUNS)]
    table = Table(
        "command", "median ms", "least ms", title=f"Start-up, {RUNS} runs in turn"
    )
    for name, times in zip(COMMANDS, zip(*pairs, strict=True), strict=True):
        table.add_row(
            name, f"{1000 * statistics.median(times):.0f}", f"{1000 * min(times):.0f}"
        )
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    Console().print(table, f"median ratio: {ratio:.2f} (at most 2 is wanted)")


if __name__ == "__main__":
    main()
