"""Numbers on which all statistics agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

CONFIDENCE = 0.95
"""The level of confidence intervals."""
ERROR_RATE = 1 - CONFIDENCE
"""The largest probability of a false conclusion in a family of comparisons."""
POWER = 0.8
"""Target statistical power."""
ROUNDING = 5e-7
"""A mean or a spread below this is zero. Accuracies are float32, which rounds them by up to
6e-8. A single image of a million is more than this."""
