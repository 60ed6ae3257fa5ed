"""The store keeps runs and studies, in a runs folder or in memory.

`Store` is built up in layers: `OpenStore` (transactions), `RunReader`, `RunWriter`, and
`Store` itself, which shares runs with other processes.
"""

from kmlp.store._folder import runs_folder
from kmlp.store._store import Store
from kmlp.store._study_record import StudyRecord, StudySummary
from kmlp.store.listing import RunSummary

__all__ = ["RunSummary", "Store", "StudyRecord", "StudySummary", "runs_folder"]
