"""The backend of the test process: the one that KERAS_BACKEND names."""

import torch  # noqa: F401  (before TensorFlow: the other order can crash)

from kmlp import backend

backend.load()
