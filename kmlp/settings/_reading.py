"""Read the settings of this process, and those of a process that it starts."""

from __future__ import annotations

import os
import sys
from functools import cache

from kmlp import backend
from kmlp.errors import raise_problems
from kmlp.settings._declared import SETTINGS
from kmlp.settings._setting import File, Setting, Settings, as_text, normalized


def read_settings(name: str) -> Settings:
    """Return the settings that are part of a run's key: those that are not the default.

    Args:
        name: Name of the backend.

    Raises:
        ConfigError: if a setting is not allowed for runs, or if a variable was changed
            after the backend may have read it.
        BackendError: if Keras' configuration file cannot be read.
    """
    problems, stated = [], {}
    file = cache(backend.keras_file)
    for setting in _settings_of(name):
        value = _value(setting, file)
        if _changed_late(setting):
            problems.append(
                f"The variable {setting.variable} was changed after {name} was loaded. "
                f"{name} may have read the earlier value. Set it before Python starts."
            )
        elif value == setting.default:
            continue
        elif setting.refused:
            problems.append(_refusal(setting, value, file))
        else:
            stated[setting.name] = value
    raise_problems(problems)
    return stated


def differing_settings(name: str) -> Settings:
    """Return all settings that differ from their defaults, including the refused ones.

    Args:
        name: Name of the backend.

    Raises:
        BackendError: if Keras' configuration file cannot be read.
    """
    file = cache(backend.keras_file)
    values = {setting: _value(setting, file) for setting in _settings_of(name)}
    return {
        setting.name: value for setting, value in values.items() if value != setting.default
    }


def check_inherited(name: str) -> None:
    """Check that new processes will have the settings of this process.

    Args:
        name: Name of the backend.

    Raises:
        ConfigError: if a setting was made only in this process.
        BackendError: if Keras' configuration file cannot be read.
    """
    problems = []
    file = cache(backend.keras_file)
    for setting in _settings_of(name):
        value, inherited = _value(setting, file), _inherited(setting, file)
        if value != inherited:
            variable = f"set {setting.variable}, too, or " if setting.variable else ""
            problems.append(
                f"The setting `{setting.name}` is {value} in this process, but {inherited} "
                f"in the processes that would train. To use it, {variable}train with "
                "`jobs=1` in this process."
            )
    raise_problems(problems)


def variables_to_send(name: str) -> dict[str, str]:
    """Return the variables that give processes on other machines the same settings.

    Args:
        name: Name of the backend.
    """
    settings = [setting for setting in _settings_of(name) if not setting.refused]
    names = [setting.variable for setting in settings if setting.variable]
    return {variable: os.environ[variable] for variable in names if variable in os.environ}


def _settings_of(name: str) -> list[Setting]:
    return [setting for setting in SETTINGS if name in setting.backends]


def _value(setting: Setting, file: File) -> str:
    """Return the value in this process."""
    module = sys.modules.get(setting.library or "")
    if setting.ask is None or module is None:
        return _inherited(setting, file)
    try:
        return as_text(setting.ask(module))
    except AttributeError:  # another version of the library, or a partly imported one
        return setting.default


def _inherited(setting: Setting, file: File) -> str:
    """Return the value in a process that is started now."""
    text = os.environ.get(setting.variable or "")
    if text is not None:
        text = setting.clean(text.strip())
    elif setting.in_file and (value := file().get(setting.name)) is not None:
        text = as_text(value)
    return setting.default if text is None else normalized(text, setting.default)


def _changed_late(setting: Setting) -> bool:
    """Return True if a variable was changed after the library had read its value."""
    at_load = backend.variables_at_load()
    if at_load is None or setting.ask is not None or setting.variable is None:
        return False
    return at_load.get(setting.variable) != os.environ.get(setting.variable)


def _refusal(setting: Setting, value: str, file: File) -> str:
    source, remedy = "set in this process", setting.remedy
    if _inherited(setting, file) == value:
        if setting.variable is not None and setting.variable in os.environ:
            source = f"by the variable {setting.variable}"
            remedy = f"Unset {setting.variable}."
        elif setting.in_file:
            source = f"by {backend.keras_path()}"
            remedy = "Change the file, or set KERAS_HOME to another folder."
    return (
        f"The setting `{setting.name}` is {value} ({source}), but must be "
        f"{setting.default} where runs are trained. {remedy}"
    )
