"""The errors that kmlp raises on purpose; anything else is a bug."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any


class KmlpError(Exception):
    """The base class of kmlp's errors.

    The command line shows the text of an error, and exits with its code.
    """

    exit_code = 2


class ConfigError(KmlpError, ValueError):
    """The configuration cannot be trained. The error lists all problems.

    Args:
        problems: A sentence for each problem: the value, the rule and the remedy.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))


class UnknownNameError(KmlpError, LookupError):
    """A name is not registered. The text lists the allowed names."""


class BackendError(KmlpError, ImportError):
    """A backend is unknown or not installed, or Keras has loaded another one."""


class DataError(KmlpError, OSError):
    """A file of a dataset is missing or not valid."""


class StoreError(KmlpError, OSError):
    """The runs folder cannot be used, or does not have the run or study."""


class DamagedError(StoreError):
    """Content of the runs folder was changed since kmlp wrote it."""


class StoreWriteError(StoreError):
    """Trained epochs could not be stored, for example because the disk is full."""

    exit_code = 1


class StoreLostError(StoreWriteError):
    """The runs folder, or the study in it, was removed while a command was training.

    Epochs that were trained since are in memory only.
    """

    unfinished: Mapping[Any, Any] = {}
    """The runs that were in progress, with the epochs trained so far, by `RunConfig`."""
    results: Sequence[Any] = ()
    """The results that `train`, `ablate`, ... would return, one for each study. A result
    has the runs that finished; if none finished, all runs with the epochs that they have.
    It is None if no epoch was trained."""


class ResourceError(KmlpError, OSError):
    """The machine lacks a resource for training, such as space in a folder.

    The study ends. Its trained epochs are stored.
    """

    exit_code = 1


class ClusterError(KmlpError, ConnectionError):
    """A cluster cannot be reached, or its nodes do not meet the requirements."""


class ClusterLostError(ClusterError):
    """A cluster failed or was lost during training. The epochs that it sent are stored."""

    exit_code = 1


def raise_problems(problems: Iterable[str]) -> None:
    """Raise `ConfigError` if there is any problem.

    Example:
    >>> raise_problems([])
    >>> raise_problems(["The value of `width` is 0, but must be `width >= 1`."])
    Traceback (most recent call last):
    ...
    kmlp.errors.ConfigError: The value of `width` is 0, but must be `width >= 1`.
    """
    collected = tuple(problems)
    if collected:
        raise ConfigError(collected)


@contextmanager
def collect_errors() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Raise the problems of several steps as one `ConfigError`.

    Yields:
        A function that returns the context of one step. After a step that raises
        `ConfigError`, the next step begins.

    Example:
    >>> with collect_errors() as step:
    ...     with step():
    ...         raise_problems(["The value of `width` is 0."])
    ...     with step():
    ...         raise_problems(["The value of `depth` is -1."])
    Traceback (most recent call last):
    ...
    kmlp.errors.ConfigError: The value of `width` is 0.
    The value of `depth` is -1.
    """
    problems: list[str] = []

    @contextmanager
    def step() -> Iterator[None]:
        try:
            yield
        except ConfigError as error:
            problems.extend(error.problems)

    yield step
    raise_problems(problems)


def call_all(makers: Iterable[Callable[[], Any]]) -> list[Any]:
    """Call each of `makers`, and return their results in order.

    Raises:
        ConfigError: with the problems of all calls, if a call raises `ConfigError`.

    Example:
    >>> call_all([lambda: 1, lambda: 2])
    [1, 2]
    """
    results: list[Any] = []
    with collect_errors() as step:
        for make in makers:
            with step():
                results.append(make())
    return results


def with_context(place: str, make: Callable[[], Any]) -> Any:
    """Return the result of `make`. Its problems begin with the context.

    Example:
    >>> with_context("configs 1", lambda: raise_problems(["There are none."]))
    Traceback (most recent call last):
    ...
    kmlp.errors.ConfigError: configs 1: There are none.
    """
    try:
        return make()
    except ConfigError as error:
        problems = (f"{place}: {problem}" for problem in error.problems)
        raise ConfigError(problems) from error.__cause__


def shown(value: Any) -> str:
    """Return a value as messages show it, not longer than a line.

    Example:
    >>> shown("relu"), shown(10**5000)
    ("'relu'", 'an integer of thousands of digits')
    """
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write it in decimals
        return "an integer of thousands of digits"
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."


_LONG = 100


_NEAR = 0.66
"""The least similarity of a name that is suggested, from 0 to 1: `dart` is not `nodata`."""


def unknown_name(kind: str, name: str, allowed: Iterable[str]) -> str:
    """Return the message for an unknown name, with the nearest name and all allowed names.

    Example:
    >>> unknown_name("parameter", "widht", ["depth", "width"])
    'Unknown parameter "widht": did you mean "width"? Allowed: depth, width.'
    """
    names = sorted(allowed)
    similar = difflib.get_close_matches(name, names, n=len(names) or 1, cutoff=_NEAR)
    near = min(similar, key=lambda other: _edits(name, other), default=None)
    hint = f': did you mean "{near}"?' if near is not None else "."
    return f'Unknown {kind} "{name}"{hint} Allowed: {", ".join(names)}.'


def _edits(text: str, other: str) -> int:
    """Return the fewest typing errors that turn a text into another.

    An error is a character too many, one that is missing or wrong, or two that are swapped:
    the optimal string alignment distance.

    >>> _edits("adma", "adam"), _edits("adma", "adamax")
    (1, 2)
    """
    rows = [list(range(len(other) + 1))]
    for i, character in enumerate(text, start=1):
        rows.append([i])
        for j, wanted in enumerate(other, start=1):
            wrong = rows[i - 1][j - 1] + (character != wanted)
            edits = min(wrong, rows[i - 1][j] + 1, rows[i][j - 1] + 1)
            if text[i - 2 : i] == other[j - 2 : j][::-1] and min(i, j) > 1:
                edits = min(edits, rows[i - 2][j - 2] + 1)
            rows[i].append(edits)
    return rows[-1][-1]
