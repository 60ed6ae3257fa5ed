"""Executors do slices: today in this process."""

from kmlp.executors.in_process import InProcessExecutor

__all__ = ["InProcessExecutor"]
