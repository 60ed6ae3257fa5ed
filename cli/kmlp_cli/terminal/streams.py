"""Standard streams that accept any text, and whose errors do not end a command.

A command prints at its end, often after hours of training. So every character can be
printed, and a command writes its files even if standard output is closed.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from functools import cached_property
from types import TracebackType
from typing import Any, TextIO, cast

from kmlp._util.text import visible

_STAND_INS: dict[str, str | list[str]] = {
    "▁▂▃▄▅▆▇█": "_.:-=+*#",
    "▀": "=",
    "─━╴╶╸╺": "------",
    "│┃": "||",
    "┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛┡┩╇╈": "+++++++++++++++++++++",
    "±": ["+/-"],
    "→": ["->"],
    "…": ["..."],
    "\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}": "---",
    "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}": "''",
    "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}": '""',
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{NO-BREAK SPACE}": " ",
}
"""Stand-ins for characters that an encoding lacks.

They replace all characters of a key or none, so that a sparkline is not mixed. Characters
without a stand-in are escaped as in Python.
"""


class StyledStream(io.TextIOBase):
    """A stream of text with the control sequences of a terminal, which Rich writes.

    Characters that the encoding lacks have stand-ins. After a failed write, everything
    else that is written is dropped silently.

    Args:
        raw: The stream; None if it was closed when the process began.
    """

    def __init__(self, raw: TextIO | None) -> None:
        self._raw = raw
        self._gone = raw is None
        self.error: OSError | None = None
        """The error of the failed write, unless the reader left."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._raw, "encoding", None) or "utf-8"

    def __getattr__(self, name: str) -> Any:
        # Libraries look for the stream of bytes, to write to it directly.
        if name in ("buffer", "_raw"):
            raise AttributeError(name)
        return getattr(self._raw, name)

    def fileno(self) -> int:
        if self._raw is None:
            raise io.UnsupportedOperation("fileno")
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw is not None and self._raw.isatty()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._raw is not None and not self._gone:
            try:
                self._raw.write(self.fit(text))
            except OSError as error:
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        if self._raw is not None and not self._gone:
            try:
                self._raw.flush()
            except OSError as error:
                self._lose(error)

    def fit(self, text: str) -> str:
        r"""Put stand-ins in place of characters that cannot be encoded.

        >>> ascii = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        >>> print(StyledStream(ascii).fit("2 ± 1, é, ▂▄"))
        2 +/- 1, \xe9, .-
        """
        if text.isascii():
            return text
        known = text.translate(self._table)
        return known.encode(self.encoding, "backslashreplace").decode(self.encoding)

    @cached_property
    def _table(self) -> dict[int, str]:
        table: dict[int, str] = {}
        for characters, stand_ins in _STAND_INS.items():
            try:
                characters.encode(self.encoding)
            except UnicodeEncodeError:
                table |= dict(zip(map(ord, characters), stand_ins, strict=True))
        return table

    def _lose(self, error: OSError) -> None:
        """Drop all later output, including output of others to the same file."""
        self._gone = True
        if not isinstance(error, ConnectionError):  # the reader closed the pipe
            self.error = error
        with contextlib.suppress(OSError):
            number = self.fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)
            if self._raw is not None:
                self._raw.flush()  # otherwise Python's own flush would fail at exit


class Stream(StyledStream):
    """A stream of text without control sequences: control characters are escaped.

    Attributes:
        styled: The same stream with control sequences.
    """

    def __init__(self, raw: TextIO | None) -> None:
        super().__init__(raw)
        self.styled = StyledStream(raw)

    def write(self, text: str) -> int:
        self.styled.write(visible(text, keep="\n\t"))
        return len(text)

    def flush(self) -> None:
        self.styled.flush()


class guarded(contextlib.ContextDecorator):  # noqa: N801  (as those of contextlib)
    """A context in which the standard streams accept any text.

    Raises:
        SystemExit: at the end, with code 1, if standard output could not be written. A
            reader that closed its pipe is not an error.
    """

    def __enter__(self) -> None:
        _open_closed()
        self._before = sys.stdin, sys.stdout, sys.stderr
        self._out, self._err = Stream(sys.stdout), Stream(sys.stderr)
        sys.stdout, sys.stderr = cast(TextIO, self._out), cast(TextIO, self._err)
        if sys.stdin is None:
            sys.stdin = io.StringIO()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._out.flush()
        lost = self._out.styled.error
        well = error is None or (isinstance(error, SystemExit) and not error.code)
        if isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError):
            # Another pipe broke. Typer takes it for stdout, and ends silently.
            print(f"Error: {error.__context__}", file=self._err)
        if lost is not None:
            reason = lost.strerror or str(lost)
            print(f"Error: The output could not be written ({reason}).", file=self._err)
        self._err.flush()
        sys.stdin, sys.stdout, sys.stderr = self._before
        if lost is not None and well:
            raise SystemExit(1) from None


def _open_closed() -> None:
    """Open closed standard streams on the null device.

    Otherwise a file that is opened later would take their place, and the output of a
    backend would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
