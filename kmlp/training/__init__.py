"""Train one run with `model.fit`. This package does not know studies."""

from kmlp.training._session import Session

__all__ = ["Session"]
