"""The CPUs and GPUs of a run, and the number of such runs that fit on a machine."""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any

from loky import cpu_count

from kmlp._util.numbers import as_number
from kmlp._util.processes import find_program
from kmlp.errors import ConfigError, call_all, shown

_ROUNDING = 1e-9
"""Tolerance of divisions, with which three runs of 0.1 CPUs fit into 0.3 CPUs."""

_NONE = ("", "-1", "NoDevFiles")
"""The names at which CUDA stops reading its list of devices."""


@dataclass(frozen=True, slots=True)
class Resources:
    """The CPUs and GPUs of a run; see `make_resources`."""

    cpus: float = 1.0
    gpus: float = 0.0
    """The fraction of a GPU, from 0 to 1."""

    @property
    def per_gpu(self) -> int:
        """The number of runs that share a GPU; 0 if runs use no GPU."""
        return math.floor(1 / self.gpus + _ROUNDING) if self.gpus else 0

    def fits(self, cpus: float, gpus: float) -> int:
        """Return the number of runs that fit on a machine at a time.

        Example:
        >>> Resources(cpus=1.5).fits(cpus=8, gpus=0)
        5
        >>> Resources(cpus=1, gpus=0.25).fits(cpus=16, gpus=2)
        8
        """
        count = math.floor(cpus / self.cpus + _ROUNDING)
        return min(count, self.per_gpu * math.floor(gpus)) if self.gpus else count

    def text(self) -> str:
        """Return the resources in words: `1.5 CPUs and 0.25 GPUs`."""
        words = [f"{self.cpus:g} CPU{'s' if self.cpus != 1 else ''}"]
        if self.gpus:
            words.append(f"{self.gpus:g} GPU{'s' if self.gpus != 1 else ''}")
        return " and ".join(words)

    def environment(self, gpu: str | None = None) -> dict[str, str]:
        """Return the environment variables of a process that trains with the resources.

        They keep a backend from taking the whole memory of a shared GPU when it starts.

        Args:
            gpu: The name of the GPU. Defaults to None: the one that is chosen already.
        """
        if not self.gpus:
            return {"CUDA_VISIBLE_DEVICES": ""}
        chosen = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu}
        if self.gpus == 1:
            return chosen
        return {
            **chosen,
            "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{0.9 * self.gpus:.3f}",  # JAX
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        }


def make_resources(cpus_per_run: Any = 1.0, gpus_per_run: Any = 0.0) -> Resources:
    """Return the resources with these numbers, after checking them.

    Args:
        cpus_per_run: CPUs of a run, `cpus_per_run >= 0.01`. A run computes with one thread.
            More than one CPU leaves room for other work of its process. Defaults to 1.
        gpus_per_run: GPUs of a run, 0, or from 0.01 to 1. With 0.25, four runs share one.
            Defaults to 0.

    Raises:
        ConfigError: if a number is not allowed, with the problems of both.
    """
    cpus, gpus = call_all(
        [
            partial(_number, "cpus_per_run", cpus_per_run, ">= 0.01", _is_count),
            partial(_number, "gpus_per_run", gpus_per_run, "0, or 0.01 to 1", _is_part),
        ]
    )
    return Resources(cpus, gpus)


def local_capacity(resources: Resources) -> int:
    """Return the number of runs that fit on this machine at a time.

    Raises:
        ConfigError: if no run fits.
    """
    cores, gpus = cpu_count(), len(visible_gpus()) if resources.gpus else 0
    capacity = resources.fits(cores, gpus)
    if not capacity:
        has = f"cores: {cores}, GPUs: {gpus}" if resources.gpus else f"cores: {cores}"
        raise ConfigError(
            [
                f"A run needs {resources.text()}, but this machine has less ({has}). "
                "Choose a smaller `cpus_per_run` or `gpus_per_run`."
            ]
        )
    return capacity


def visible_gpus() -> list[str]:
    """Return the GPUs that CUDA may use, by their names in CUDA_VISIBLE_DEVICES.

    They are counted without a backend, because a backend would take their memory.
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


def _is_count(number: float) -> bool:
    return 0.01 <= number < math.inf


def _is_part(number: float) -> bool:
    return number == 0 or 0.01 <= number <= 1


def _number(name: str, value: Any, rule: str, allowed: Callable[[float], bool]) -> float:
    number = as_number(value)
    if number is None or not allowed(number):
        raise ConfigError(
            [f"The value of `{name}` is {shown(value)}, but must be a number {rule}."]
        )
    return number
