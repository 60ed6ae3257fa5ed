"""The settings that this process has, and those that a process started by it will have."""

from __future__ import annotations

import os
import sys
from functools import cache

from kmlp import backend
from kmlp.errors import raise_problems
from kmlp.settings._declared import SETTINGS
from kmlp.settings._setting import File, Setting, Settings, alike, as_text


def read_settings(name: str) -> Settings:
    """What a run on a backend has to state.

    Args:
        name: The backend.

    Raises:
        ConfigError: if a run would not be what its configuration says, or if a variable
            was changed after the backend may have read it.
        BackendError: if Keras' configuration file cannot be read.
    """
    problems, found = [], {}
    file = cache(backend.keras_file)
    for setting in _of(name):
        value = _value(setting, file)
        if _changed_late(setting):
            problems.append(
                f"The variable {setting.variable} was changed after {name} was loaded, "
                "which may have read it before. Set it before Python starts."
            )
        elif value == setting.default:
            continue
        elif setting.refused:
            problems.append(_refusal(setting, value, file))
        else:
            found[setting.name] = value
    raise_problems(problems)
    return found


def differing_settings(name: str) -> Settings:
    """All that is not as it is by default, what a run would be refused for included.

    Raises:
        BackendError: if Keras' configuration file cannot be read.
    """
    file = cache(backend.keras_file)
    values = {setting: _value(setting, file) for setting in _of(name)}
    return {it.name: value for it, value in values.items() if value != it.default}


def check_inherited(name: str) -> None:
    """Checks that processes which are started now have the settings of this one.

    Raises:
        ConfigError: if some were made in this process alone.
        BackendError: if Keras' configuration file cannot be read.
    """
    problems = []
    file = cache(backend.keras_file)
    for setting in _of(name):
        value, theirs = _value(setting, file), _inherited(setting, file)
        if value != theirs:
            also = f"set {setting.variable} as well, or " if setting.variable else ""
            problems.append(
                f"The setting `{setting.name}` is {value} in this process, but {theirs} in "
                f"those that are to train. To have it, {also}train with `jobs=1`, in this "
                "one."
            )
    raise_problems(problems)


def variables_to_send(name: str) -> dict[str, str]:
    """The variables that processes on other machines need to have the same settings."""
    names = [it.variable for it in _of(name) if it.variable and not it.refused]
    return {it: os.environ[it] for it in names if it in os.environ}


def _of(name: str) -> list[Setting]:
    return [setting for setting in SETTINGS if name in setting.backends]


def _value(setting: Setting, file: File) -> str:
    """The value in this process."""
    module = sys.modules.get(setting.library or "")
    if setting.ask is None or module is None:
        return _inherited(setting, file)
    try:
        return as_text(setting.ask(module))
    except AttributeError:  # another version of the library, or one half imported
        return setting.default


def _inherited(setting: Setting, file: File) -> str:
    """The value in a process that is started now."""
    text = os.environ.get(setting.variable or "")
    if text is not None:
        text = setting.clean(text.strip())
    elif setting.in_file and (value := file().get(setting.name)) is not None:
        text = as_text(value)
    return setting.default if text is None else alike(text, setting.default)


def _changed_late(setting: Setting) -> bool:
    """Whether a variable that cannot be asked for any more is not as it was."""
    then = backend.variables_at_load()
    if then is None or setting.ask is not None or setting.variable is None:
        return False
    return then.get(setting.variable) != os.environ.get(setting.variable)


def _refusal(setting: Setting, value: str, file: File) -> str:
    source, mend = "set in this process", setting.mend
    if _inherited(setting, file) == value:
        if setting.variable is not None and setting.variable in os.environ:
            source = f"by the variable {setting.variable}"
            mend = f"Unset {setting.variable}."
        elif setting.in_file:
            source = f"by {backend.keras_path()}"
            mend = "Change it there, or name another folder by KERAS_HOME."
    return (
        f"The setting `{setting.name}` is {value} ({source}), but must be "
        f"{setting.default} where runs are trained. {mend}"
    )
