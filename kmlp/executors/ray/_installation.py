"""What can be said of Ray without importing it, which takes a second."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re

from kmlp.errors import ClusterError

HINT = (
    " If it asks for a token, set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN where it is not "
    "that of ~/.ray/auth_token. The port of ray:// is its client server's, 10001 unless "
    "chosen."
)
"""What is said where a cluster does not answer."""

_OLDEST = (2, 52)
"""The first version that can ask for a token."""


def check_installed() -> None:
    """Raises `ClusterError` if Ray is not installed, or cannot ask for a token."""
    if importlib.util.find_spec("ray") is None:
        raise ClusterError("Ray is not installed. To fix it: `pip install kmlp[ray]`.")
    version = importlib.metadata.version("ray")
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise ClusterError(
            f"Ray {version} is installed, but kmlp needs {oldest} or newer: older ones let "
            "whoever reaches their ports run programs. To fix it: `pip install --upgrade "
            "kmlp[ray]`."
        )


def is_local(address: str | None) -> bool:
    """Whether an address asks for a Ray of this machine that kmlp starts and ends."""
    return address in (None, "local")
