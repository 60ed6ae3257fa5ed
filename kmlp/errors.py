"""The errors that kmlp raises on purpose; anything else is a bug."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any


class KmlpError(Exception):
    """Root of kmlp's errors. The command line shows its text and exits with its code."""

    exit_code = 2


class ConfigError(KmlpError, ValueError):
    """What was asked for cannot be trained. Carries every problem at once.

    Args:
        problems: One text per problem: what was received, what is allowed,
            how to mend it.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))


class UnknownNameError(KmlpError, LookupError):
    """A name that is not registered; the text lists the allowed ones."""


class BackendError(KmlpError, ImportError):
    """The asked-for backend is unknown, not installed, or another is loaded."""


class DataError(KmlpError, OSError):
    """A dataset's file is missing or is not what it should be."""


class StoreError(KmlpError, OSError):
    """The runs folder cannot be used, or what it is asked for is not there."""


class DamagedError(StoreError):
    """Something in the runs folder is not what kmlp wrote."""


class StoreWriteError(StoreError):
    """What was trained could not be kept: the disk is full, say."""

    exit_code = 1


class StoreLostError(StoreWriteError):
    """The runs folder was taken away while it was written to, or the study in it, so that
    nothing more can be kept. What was trained is in memory only.
    """

    unfinished: Mapping[Any, Any] = {}
    """Runs that were in progress, as far as they had come, by their `RunConfig`."""
    results: Sequence[Any] = ()
    """What `train`, `ablate`, ... would return, for each study: of the runs that finished;
    if none did, of all after as many epochs as each has. None: nothing was trained."""


class ResourceError(KmlpError, OSError):
    """The machine lacks what training needs, such as room in a folder. It ends the study;
    what was trained is kept.
    """

    exit_code = 1


class ClusterError(KmlpError, ConnectionError):
    """There is no cluster, or its nodes are not what they should be."""


class ClusterLostError(ClusterError):
    """A cluster is gone or fails while it trains; what it had sent is in the store."""

    exit_code = 1


def raise_problems(problems: Iterable[str]) -> None:
    """Raises `ConfigError` if there is any problem.

    Example:
    >>> raise_problems([])
    >>> raise_problems(["The value of `width` is 0, but must be `width >= 1`."])
    Traceback (most recent call last):
    ...
    kmlp.errors.ConfigError: The value of `width` is 0, but must be `width >= 1`.
    """
    found = tuple(problems)
    if found:
        raise ConfigError(found)


@contextmanager
def collect_errors() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Raise the problems of several steps as one `ConfigError`.

    Yields:
        A function that makes the context of one step. A step that raises `ConfigError`
        ends there, and the next one begins.

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
        ConfigError: with the problems of all of them, if any has one.

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
    """Return what `make` returns; the problems that it raises begin with the place.

    Example:
    >>> with_context("trials 1", lambda: raise_problems(["There are none."]))
    Traceback (most recent call last):
    ...
    kmlp.errors.ConfigError: trials 1: There are none.
    """
    try:
        return make()
    except ConfigError as error:
        raise ConfigError(f"{place}: {it}" for it in error.problems) from error.__cause__


def shown(value: Any) -> str:
    """A value as messages show it: not longer than a line.

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


def unknown_name(kind: str, name: str, allowed: Iterable[str]) -> str:
    """Says that a name is unknown, which one was perhaps meant, and which exist.

    Example:
    >>> unknown_name("parameter", "widht", ["depth", "width"])
    'Unknown parameter "widht": did you mean "width"? Allowed: depth, width.'
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f': did you mean "{near[0]}"?' if near else "."
    return f'Unknown {kind} "{name}"{hint} Allowed: {", ".join(names)}.'
