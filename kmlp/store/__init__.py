"""Stores remember runs: today in memory, for as long as the process lives."""

from kmlp.store.memory import MemoryStore

__all__ = ["MemoryStore"]
