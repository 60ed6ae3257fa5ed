"""Executors run tasks: in this process, in others of this machine, or on a cluster."""

from kmlp.executors.futures import FuturesExecutor
from kmlp.executors.in_process import InProcessExecutor
from kmlp.executors.processes import ProcessExecutor
from kmlp.executors.ray import RayExecutor
from kmlp.executors.task import Worker, run_task

__all__ = [
    "FuturesExecutor",
    "InProcessExecutor",
    "ProcessExecutor",
    "RayExecutor",
    "Worker",
    "run_task",
]
