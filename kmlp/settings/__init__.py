"""Settings outside of a run's configuration: of Keras, of a backend and of its libraries.

A process, an environment variable or a file can set how a backend computes. A run
states what of it is not as it is by default, in its key, or is refused: so equal keys
mean equal numbers. `SETTINGS` lists all that was looked at and has an effect; `NEUTRAL`
lists what has none on a run's numbers, with the reason.

A library that is loaded is asked for its settings. Of one that is not, the variables
and Keras' file are read as it will read them, so that nothing is loaded to know a key.
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
