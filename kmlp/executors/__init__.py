"""Executors do slices: in this process, or in worker processes of this machine."""

from kmlp.executors.in_process import InProcessExecutor
from kmlp.executors.processes import ProcessExecutor

__all__ = ["InProcessExecutor", "ProcessExecutor"]
