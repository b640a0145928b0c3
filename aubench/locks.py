"""Locks between processes: the system's where the file system has them, a lock file that is renewed where it has not.

A lock of the system ends with its process. A lock file, on a file system without locks (Lustre or NFS mounted without
them), stays when its process is killed: whoever waits for one that is no longer renewed is told which file to delete.
No lock can be trusted everywhere (some file systems keep them within one machine), so that nothing may become wrong,
only slower, where two processes hold the same one: see :mod:`.materialise`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from aubench.errors import UserError

RENEWED_EVERY_S = 20.0
STALE_S = 120.0
"""What its owner has not renewed for so long is taken for left behind by a process that was killed."""
_TOLD_EVERY_S = 30.0
_TOLD_FIRST_S = 3.0
_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)

Busy = Timeout
"""Raised by :func:`lock` without ``wait`` where another process holds the lock."""


@contextmanager
def lock(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of ``path``, a file that is made in an existing folder and may stay there.

    Args:
        path: The lock's file.
        wait: Wait for as long as another process holds it, with a line on stderr every 30 s that names it.

    Raises:
        Busy: Another process holds it, and ``wait`` is false.
        UserError: It is a lock file whose owner has not renewed it for two minutes (``run-busy``).
        OSError: The folder cannot be written.
    """
    if system_locks(path.parent):
        held = FileLock(path)
        _acquire(held, path, wait, renewed=False)
        try:
            # Whoever is refused is told who has it; best effort.
            with contextlib.suppress(OSError):
                path.write_text(f"{os.getpid()}\n{socket.gethostname()}\n", encoding="utf-8")
            yield
        finally:
            held.release()
        return
    file = path.with_name(path.name + ".held")
    marker = SoftFileLock(file)
    _acquire(marker, file, wait, renewed=True)
    try:
        with renewed(file):
            yield
    finally:
        marker.release()


def owner(path: Path) -> str:
    """Who holds the lock of ``path``, in words, as far as can be told."""
    for file in (path.with_name(path.name + ".held"), path):
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = file.read_text(encoding="utf-8").splitlines()
            return f"process {int(lines[0])} on {lines[1].strip()}"
    return "another process"


def system_locks(folder: Path) -> bool:
    """Whether the file system of ``folder`` offers locks."""
    try:
        import fcntl
    except ImportError:  # Windows has others, which filelock knows
        return True
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _WITHOUT_LOCKS:
                return False
            raise
    return True


@contextmanager
def renewed(path: Path) -> Iterator[None]:
    """Renew the time of change of a file or folder while the block lasts: its owner is alive."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(RENEWED_EVERY_S):
            with contextlib.suppress(OSError):
                os.utime(path)

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _acquire(held: FileLock | SoftFileLock, path: Path, wait: bool, *, renewed: bool) -> None:
    began = changed = time.monotonic()
    told = began + _TOLD_FIRST_S - _TOLD_EVERY_S
    known = None
    while True:
        try:
            held.acquire(timeout=0.5 if wait else 0, poll_interval=0.1)
            return
        except Timeout:
            if not wait:
                raise
        now = time.monotonic()
        if renewed and (time_of := _changed(path)) != known:
            known, changed = time_of, now
        if renewed and now - changed > STALE_S:
            raise UserError(
                f"{path}: {owner(path)} holds this lock but has not renewed it for {STALE_S:.0f} s; if that process no "
                "longer runs, delete the file",
                code="run-busy",
            )
        if now - told > _TOLD_EVERY_S:
            told = now
            print(f"waiting for {owner(path)}, which holds {path}", file=sys.stderr, flush=True)


def _changed(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
