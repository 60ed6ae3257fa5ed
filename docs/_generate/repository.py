"""The documents at the root of the repository, as pages of the site."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

DOCUMENTS = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


@cache
def pages(root: Path) -> dict[str, str]:
    """Return the pages by path; links into `docs/` become links of the site."""
    return {
        name.lower(): re.sub(r"\]\(docs/", "](", (root / name).read_text("utf-8"))
        for name in DOCUMENTS
    }
