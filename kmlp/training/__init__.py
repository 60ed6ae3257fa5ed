"""Training one run by `model.fit`; knows no study."""

from kmlp.training.session import Session

__all__ = ["Session"]
