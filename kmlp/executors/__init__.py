"""Executors of tasks: in this process, in others of this machine, or on a cluster."""

from kmlp.executors._futures import FuturesExecutor
from kmlp.executors._in_process import InProcessExecutor
from kmlp.executors._processes import ProcessExecutor
from kmlp.executors._task import Worker, run_task
from kmlp.executors.ray import RayExecutor

__all__ = [
    "FuturesExecutor",
    "InProcessExecutor",
    "ProcessExecutor",
    "RayExecutor",
    "Worker",
    "run_task",
]
