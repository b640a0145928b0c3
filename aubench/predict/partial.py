"""The rows read so far, in a file beside the table that they will become, so that a killed run does not lose them.

``clip.csv.x7k2.partial`` has the columns of a raw table and can be used as one; its last line may be incomplete. Each
run has a file of its own, which it locks while it works. At the end the file takes the table's name, or is removed
where the finished table is another one (smoothed, calibrated). After an error it stays.
"""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from aubench.files import publish
from aubench.predict import table
from aubench.predict.readings import Readings

SUFFIX = ".partial"


class Partial:
    """The partial file of the table ``path``; ``named`` for a source of image files. ``say`` is told in one line of the
    files that killed runs left, and of this run's own where it ends with an error.

    What an earlier run left is removed once this run has its own table.
    """

    def __init__(self, path: Path, *, named: bool, say: Callable[[str], object]) -> None:
        self.path, self.named, self.say = path, named, say
        self._left = [other for other in _partials(path) if _is_abandoned(other)]
        for other in self._left:
            say(f"{other}: contains the rows of an unfinished earlier run; this run will replace it")
        self._file: IO[bytes] | None = None

    def add(self, rows: Readings) -> None:
        """Write some more rows, and hand them to the system. Raises :class:`aubench.errors.UserError`."""
        try:
            file = self._open() if self._file is None else self._file
            file.write(table.lines(rows, named=self.named).encode("utf-8"))
            file.flush()
        except OSError as error:
            raise table.cannot_write(self.path, error) from None

    def finish(self) -> None:
        """Make the rows the table. Raises :class:`aubench.errors.UserError`."""
        try:
            file = self._open() if self._file is None else self._file
            file.flush()
            os.fsync(file.fileno())
            publish(file.name, self.path)
        except OSError as error:
            raise table.cannot_write(self.path, error) from None
        self._close(remove=False)

    def discard(self) -> None:
        """Remove the rows: the table has been written otherwise, or there are none."""
        self._close(remove=True)

    def _open(self) -> IO[bytes]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f"{self.path.name}.", suffix=SUFFIX)
        os.close(handle)
        self._file = file = open(name, "wb")  # noqa: SIM115  closed by __exit__
        _lock(file)
        file.write(table.head(named=self.named).encode("utf-8"))
        return file

    def _close(self, *, remove: bool) -> None:
        if self._file is not None:
            self._file.close()
            if remove:
                Path(self._file.name).unlink(missing_ok=True)
            self._file = None
        for other in self._left:
            with contextlib.suppress(OSError):
                other.unlink(missing_ok=True)
        self._left = []

    def __enter__(self) -> Partial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self.say(f"{self._file.name}: contains the rows so far")


def _partials(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{glob.escape(path.name)}.*{SUFFIX}"))


def _lock(file: IO[bytes]) -> bool:
    """Lock a file as long as it is open; false if another process holds it, or where the system has no such locks."""
    try:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _is_abandoned(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _lock(file)
    except OSError:
        return False
