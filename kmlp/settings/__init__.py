"""Settings of Keras, of the backend and of its libraries, which can change results.

Python code, an environment variable or a file can set how a backend computes. A setting
that differs from its default becomes a part of the run's key, or the run is refused.
Runs with equal keys therefore have equal numbers. `SETTINGS` lists the settings with an
effect on a run's numbers, and `NEUTRAL` those without an effect, with the reasons.

A loaded library is asked for its settings. If a library is not loaded, its environment
variables and Keras' file are read as the library will read them. The key of a run can
therefore be computed without loading a library.
"""

from kmlp.settings._declared import SETTINGS
from kmlp.settings._neutral import NEUTRAL
from kmlp.settings._reading import (
    check_inherited,
    differing_settings,
    read_settings,
    variables_to_send,
)
from kmlp.settings._setting import Setting, Settings, as_text, settings_text

__all__ = [
    "NEUTRAL",
    "SETTINGS",
    "Setting",
    "Settings",
    "as_text",
    "check_inherited",
    "differing_settings",
    "read_settings",
    "settings_text",
    "variables_to_send",
]
