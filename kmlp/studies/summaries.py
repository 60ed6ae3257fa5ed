"""What stored studies ask, in words."""

from __future__ import annotations

from kmlp.settings import settings_text
from kmlp.store import StudyRecord


def backend_text(record: StudyRecord) -> str:
    """The backend of a study and its settings."""
    backend: str = record.identity["backend"]
    settings = settings_text(record.identity.get("settings", {}))
    return f"{backend}, {settings}" if settings else backend
