"""The store keeps runs and studies, in a runs folder or in memory.

`Store` is built up in layers: `OpenStore` (transactions), `RunReader`, `RunWriter`, and
`Store` itself, which shares runs with other processes.
"""

from kmlp.store._folder import runs_folder
from kmlp.store._store import Store
from kmlp.store.listing import RunSummary
from kmlp.store.studies import StudyRecord, StudySummary

__all__ = ["RunSummary", "Store", "StudyRecord", "StudySummary", "runs_folder"]
