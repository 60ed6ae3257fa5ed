"""The backend of the test process, the one that KERAS_BACKEND names, and no runs folder."""

import os

import torch  # noqa: F401  (before TensorFlow: the other order can crash)

from kmlp import backend

# No test sees the runs of another, unless it names a folder.
os.environ["KMLP_RUNS_DIR"] = ":memory:"

backend.load()
