"""List a user's folders without the files that systems and programs leave behind."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from kmlp._util.text import visible
from kmlp._util.user_files import why_unreadable
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
    \..*                                # hidden, or partly written by rsync, Dropbox, ...
    | .*~ | ~\$.* | \#.*\#              # backups and locks of editors and office programs
    | .*\.(bak|orig|swp|swo|tmp|temp|kate-swp)
    | .*\.(part|partial|filepart|crdownload|download|opdownload|aria2|!ut|!qb|!sync)
    | .*zone\.identifier                # Windows, copied to Linux
    | .*@syno(resource|eastream)
    | .*\.sync-conflict-\d{8}-\d{6}.*   # Syncthing
    | .*\(.*conflicted\ copy.*\).*      # Dropbox, Nextcloud
    """,
    re.VERBOSE | re.DOTALL,
)
_MOST_NAMES = 10


def is_left_behind(name: str) -> bool:
    """Return True if a name is hidden, or is one that systems or programs leave behind.

    Example:
    >>> is_left_behind(".DS_Store"), is_left_behind("__MACOSX"), is_left_behind("cat")
    (True, True, False)
    """
    name = name.lower()
    return name in _NAMES or _PATTERN.fullmatch(name) is not None


class Listing:
    """A reader of folders that remembers the entries that were left out."""

    def __init__(self) -> None:
        self._left_out: set[Path] = set()

    def entries(self, folder: Path) -> list[Path]:
        """Return the entries of a folder that are not left out, in order of their names.

        Raises:
            DataError: if the folder cannot be read.
        """
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            raise DataError(f"{folder}: cannot be read: {error.strerror}.") from error
        for entry in entries:
            if is_left_behind(entry.name):
                self.leave_out(entry)
        return [entry for entry in entries if entry not in self._left_out]

    def folders(self, folder: Path) -> list[Path]:
        """Return the folders in a folder, and links to folders, in order of their names."""
        return [entry for entry in self.entries(folder) if is_folder(entry)]

    def files(self, folder: Path) -> list[Path]:
        """Return the other entries of a folder, in order of their names.

        Raises:
            DataError: if an entry cannot be read. A broken link is refused, because it
                may stand for a folder.
        """
        files = [entry for entry in self.entries(folder) if not is_folder(entry)]
        for file in files:
            if not _exists(file):
                raise DataError(f"{file}: cannot be read: {why_unreadable(file)}.")
        return files

    def leave_out(self, entry: Path) -> None:
        """Leave an entry out of all later results, and remember it."""
        self._left_out.add(entry)

    def left_out_text(self) -> str | None:
        """Return a sentence about the left-out entries; None if there are none."""
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
            "Hidden, temporary and system files, and files that are not pictures of a "
            f"class, were left out: {', '.join(names)}; {len(self._left_out)} in all."
        )


def is_folder(entry: Path) -> bool:
    """Return True for a folder or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # the parent folder may not be searched
        return False


def _exists(entry: Path) -> bool:
    try:
        entry.stat()
    except OSError:
        return False
    return True
