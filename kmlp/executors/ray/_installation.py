"""Checks of Ray that do not import it, because the import takes a second."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re

from kmlp.errors import ClusterError

HINT = (
    " If the cluster asks for a token, set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN if the "
    "token is not in ~/.ray/auth_token. The port of ray:// is that of the client server, "
    "which is 10001 by default."
)
"""The end of the message for a cluster that does not answer."""

_OLDEST = (2, 52)
"""The first version of Ray that can ask for a token."""


def check_installed() -> None:
    """Raise `ClusterError` if Ray is not installed, or is too old to ask for a token."""
    if importlib.util.find_spec("ray") is None:
        raise ClusterError("Ray is not installed. To fix it: `pip install kmlp[ray]`.")
    version = importlib.metadata.version("ray")
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise ClusterError(
            f"Ray {version} is installed, but kmlp needs {oldest} or newer. With older "
            "versions, anyone who reaches their ports can run programs. To fix it: `pip "
            "install --upgrade kmlp[ray]`."
        )


def is_local(address: str | None) -> bool:
    """True if the address stands for a local Ray, which kmlp starts and ends."""
    return address in (None, "local")
