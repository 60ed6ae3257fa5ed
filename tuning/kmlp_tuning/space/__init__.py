"""The search space: fields with their domains, and Keras models drawn from it."""

from kmlp.model.domains import Choice as Choice
from kmlp.model.domains import Conditional as Conditional
from kmlp.model.domains import Range as Range
