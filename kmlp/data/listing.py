"""What a user's folders have, without what systems and programs leave behind there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from kmlp._util.files import why_unreadable
from kmlp._util.text import visible
from kmlp.errors import DataError

_NAMES = frozenset(
    (
        # macOS
        *("__macosx", "icon\r", "desktop db", "desktop df", "temporary items"),
        "network trash folder",
        # Windows
        *("$recycle.bin", "system volume information", "msocache", "found.000"),
        *("thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db"),
        *("desktop.ini", "_desktop.ini", "picasa.ini", "zbthumbnail.info"),
        *("wpsettings.dat", "indexervolumeguid"),
        # Linux' file systems
        *("lost+found", "aquota.user", "aquota.group"),
        # network storage
        *("@eadir", "@tmp", "@recycle", "@recently-snapshot", "@__thumb", "@sharebin"),
        *("#recycle", "#snapshot"),
        # Python
        "__pycache__",
    )
)
_PATTERN = re.compile(
    r"""
    \..*                                # hidden; half-written by rsync, Dropbox, ...
    | .*~ | ~\$.* | \#.*\#              # kept by editors and by office programs
    | .*\.(bak|orig|swp|swo|tmp|temp|kate-swp)
    | .*\.(part|partial|filepart|crdownload|download|opdownload|aria2|!ut|!qb|!sync)
    | .*zone\.identifier                # of Windows, copied to Linux
    | .*@syno(resource|eastream)
    | .*\.sync-conflict-\d{8}-\d{6}.*   # of Syncthing
    | .*\(.*conflicted\ copy.*\).*      # of Dropbox, Nextcloud
    """,
    re.VERBOSE | re.DOTALL,
)
_MOST_NAMES = 10


def is_left_behind(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or made by a system or a program.

    Example:
    >>> is_left_behind(".DS_Store"), is_left_behind("__MACOSX"), is_left_behind("cat")
    (True, True, False)
    """
    name = name.lower()
    return name in _NAMES or _PATTERN.fullmatch(name) is not None


class Listing:
    """Lists folders, and keeps what is left out of them, to be told once."""

    def __init__(self) -> None:
        self._left_out: set[Path] = set()

    def entries(self, folder: Path) -> list[Path]:
        """What a folder has and nobody left behind, by name.

        Raises:
            DataError: if it cannot be read.
        """
        try:
            found = sorted(folder.iterdir())
        except OSError as error:
            raise DataError(f"{folder}: cannot be read: {error.strerror}.") from error
        for entry in found:
            if is_left_behind(entry.name):
                self.leave_out(entry)
        return [entry for entry in found if entry not in self._left_out]

    def folders(self, folder: Path) -> list[Path]:
        """The folders of a folder, and links to such, by name."""
        return [entry for entry in self.entries(folder) if is_folder(entry)]

    def files(self, folder: Path) -> list[Path]:
        """What else a folder has, by name.

        Raises:
            DataError: if that cannot be read, or if a link leads nowhere: to a folder, who
                knows?
        """
        found = [entry for entry in self.entries(folder) if not is_folder(entry)]
        for entry in found:
            if not _is_there(entry):
                raise DataError(f"{entry}: cannot be read: {why_unreadable(entry)}.")
        return found

    def leave_out(self, entry: Path) -> None:
        """Has an entry be listed no more, and be told of."""
        self._left_out.add(entry)

    def left_out_text(self) -> str | None:
        """What was left out, with its number; None: nothing was."""
        if not self._left_out:
            return None
        counts = Counter(entry.name for entry in sorted(self._left_out))
        names = [
            visible(name) + (f" ({count})" if count > 1 else "")
            for name, count in counts.most_common(_MOST_NAMES)
        ]
        if len(counts) > _MOST_NAMES:
            names.append("...")
        return (
            "Left out what is hidden, temporary, of a system, or not a picture of a class: "
            f"{', '.join(names)}; {len(self._left_out)} in all."
        )


def is_folder(entry: Path) -> bool:
    """Whether it is a folder, or a link to one, that can be looked at."""
    try:
        return entry.is_dir()
    except OSError:  # of a folder that may not be looked into
        return False


def _is_there(entry: Path) -> bool:
    try:
        entry.stat()
    except OSError:
        return False
    return True
