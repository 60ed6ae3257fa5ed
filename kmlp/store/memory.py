"""A store in memory."""

from __future__ import annotations

from kmlp import backend
from kmlp.config import RunConfig
from kmlp.data import load_dataset
from kmlp.run import Run, run_key


class MemoryStore:
    """Remembers runs until the process ends."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def get(self, config: RunConfig) -> Run | None:
        return self._runs.get(_key(config))

    def put(self, run: Run) -> None:
        self._runs[_key(run.config)] = run


def _key(config: RunConfig) -> str:
    fingerprint = load_dataset(config.dataset).fingerprint
    return run_key(config, fingerprint, backend.select())
