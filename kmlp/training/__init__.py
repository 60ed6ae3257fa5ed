"""Training one run by `model.fit`; knows no study."""

from kmlp.training._session import Session

__all__ = ["Session"]
