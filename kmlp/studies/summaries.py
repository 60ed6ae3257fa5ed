"""Texts about stored studies."""

from __future__ import annotations

from kmlp.settings import settings_text
from kmlp.store import StudyRecord


def backend_text(record: StudyRecord) -> str:
    """Return the backend of a study and its settings as text."""
    backend: str = record.identity["backend"]
    settings = settings_text(record.identity.get("settings", {}))
    return f"{backend}, {settings}" if settings else backend
