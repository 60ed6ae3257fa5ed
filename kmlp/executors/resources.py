"""What a run gets of a machine: a share of its CPUs and GPUs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from kmlp._util.numbers import as_number
from kmlp.errors import ConfigError, call_all, shown

_ROUNDING = 1e-9
"""So that three runs of 0.1 fit where 0.3 is."""


@dataclass(frozen=True, slots=True)
class Share:
    """A run's share; see `make_share`."""

    cpus: float = 1.0
    gpus: float = 0.0

    @property
    def per_gpu(self) -> int:
        """How many runs share a GPU; 0 if they use none."""
        return math.floor(1 / self.gpus + _ROUNDING) if self.gpus else 0

    def fits(self, cpus: float, gpus: float) -> int:
        """How many runs fit beside each other on a machine.

        Example:
        >>> Share(cpus=1.5).fits(cpus=8, gpus=0)
        5
        >>> Share(cpus=1, gpus=0.25).fits(cpus=16, gpus=2)
        8
        """
        count = math.floor(cpus / self.cpus + _ROUNDING)
        return min(count, self.per_gpu * math.floor(gpus)) if self.gpus else count

    def text(self) -> str:
        """What it is, in words: `1.5 CPUs and 0.25 GPUs`."""
        words = [f"{self.cpus:g} CPU{'s' if self.cpus != 1 else ''}"]
        if self.gpus:
            words.append(f"{self.gpus:g} GPU{'s' if self.gpus != 1 else ''}")
        return " and ".join(words)

    def environment(self, gpu: str | None = None) -> dict[str, str]:
        """The environment variables of a process that trains with it.

        Backends take all of a GPU's memory when they start, unless they are told not to.

        Args:
            gpu: The GPU to be used. Defaults to None: the one that is chosen already.
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


def make_share(cpus_per_run: Any = 1.0, gpus_per_run: Any = 0.0) -> Share:
    """The share of these numbers, checked.

    Args:
        cpus_per_run: CPUs of a run, `cpus_per_run >= 0.01`. A run computes with one thread,
            so that more leave room for what its process does beside. Defaults to 1.
        gpus_per_run: GPUs of a run, 0, or from 0.01 to 1: 0.25 lets four runs share one.
            Defaults to 0.

    Raises:
        ConfigError: with the problems of both.
    """
    cpus, gpus = call_all(
        [
            partial(_number, "cpus_per_run", cpus_per_run, ">= 0.01", _is_count),
            partial(_number, "gpus_per_run", gpus_per_run, "0, or 0.01 to 1", _is_part),
        ]
    )
    return Share(cpus, gpus)


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
