"""What this machine has room for."""

from __future__ import annotations

import os
import subprocess
from itertools import takewhile

from loky import cpu_count

from kmlp._util.processes import find_program
from kmlp.errors import ConfigError
from kmlp.executors.resources import Share

_NONE = ("", "-1", "NoDevFiles")
"""What CUDA takes for the end of its devices."""


def places_here(share: Share) -> int:
    """How many runs fit beside each other on this machine.

    Raises:
        ConfigError: if not one does.
    """
    cores, gpus = cpu_count(), len(visible_gpus()) if share.gpus else 0
    found = share.fits(cores, gpus)
    if not found:
        has = f"cores: {cores}, GPUs: {gpus}" if share.gpus else f"cores: {cores}"
        raise ConfigError(
            [
                f"A run is to have {share.text()}, but this machine has less ({has}). Give "
                "`cpus_per_run` or `gpus_per_run` less."
            ]
        )
    return found


def visible_gpus() -> list[str]:
    """The GPUs of this machine that CUDA may use, as CUDA_VISIBLE_DEVICES names them.

    They are counted without a backend, which would take their memory.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [*takewhile(lambda name: name not in _NONE, chosen.split(","))]
    command = find_program("nvidia-smi")
    if command is None:
        return []
    done = subprocess.run(
        [command, "-L"],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("GPU ")]
    return [str(place) for place in range(len(lines))]
