"""Folders that are made once and kept: one process makes each, aside, and it takes its name when it is whole.

A folder is made under a private name beside its own, ``.<name>.<machine>-<pid>-<random>.partial``, and renamed at the
end. The lock only saves work: where it does not hold (some network file systems), two processes make two whole folders,
and the first one stays. What a killed process leaves is continued, or removed, by the next process that can tell that
its owner is dead: by the process's number on the same machine, elsewhere because it has not been renewed for long.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

from aubench.errors import UserError
from aubench.files import open_to_others
from aubench.locks import STALE_S, lock, renewed

T = TypeVar("T")
Check = Callable[[Path], bool]
OLD_S = 7 * 24 * 3600.0
"""Age at which an unfinished folder whose name does not tell its owner is removed."""
_NAME = re.compile(r"\.(?P<stem>.+)\.(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-[^.]+\.partial")
_LONGEST = 150


def materialise(
    folder: Path,
    find: Callable[[], T | None],
    build: Callable[[Path], None],
    *,
    resumable: Check | None = None,
    lock_file: Path | None = None,
    wait: bool = True,
) -> T:
    """What ``find`` finds in ``folder``; where it finds nothing, the folder is built first.

    Args:
        folder: Where it is to be; what is there but is not found is replaced.
        find: Looks into ``folder`` and returns ``None`` unless it is whole. Called several times.
        build: Fills the folder that it is given, which is empty, or one that ``resumable`` accepted.
        resumable: Whether an unfinished folder can be continued. By default none is.
        lock_file: The lock, by default beside the folder.
        wait: Wait for another process that is at work on it.

    Raises:
        aubench.locks.Busy: Another process is at work on it, and ``wait`` is false.
        UserError: What was built is not found afterwards (``file-damaged``), and whatever ``build`` raises.
        OSError: As the system gives it.
    """
    if (found := find()) is not None:
        return found
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lock(lock_file or folder.with_name(f".{folder.name}.lock"), wait=wait):
        if (found := find()) is not None:  # by another process, while this one waited
            return found
        with _private(folder, resumable) as partial:
            build(partial)
            found = _publish(partial, folder, find)
    if found is None:
        raise UserError(f"{folder}: the written data differs when read back; check the disk", code="file-damaged")
    return found


def _publish(partial: Path, folder: Path, find: Callable[[], T | None]) -> T | None:
    for _ in range(10):
        try:
            os.rename(partial, folder)
            break
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES) or not folder.exists():
                raise
        if (found := find()) is not None:
            return found
        gone = _private_name(folder, pid=0)
        with contextlib.suppress(FileNotFoundError):
            os.rename(folder, gone)
            shutil.rmtree(gone, ignore_errors=True)
    return find()


def working_on(folder: Path, pid: int) -> bool:
    """Whether a process of this machine was building ``folder`` when it ended."""
    begins = f".{_stem(folder)}.{_machine()}-{pid}-"
    return any(entry.name.startswith(begins) for entry in folder.parent.iterdir())


def sweep(parent: Path) -> None:
    """Remove what dead processes left unfinished in a folder."""
    for entry in parent.glob(".*.partial"):
        if _dead(entry, wait=False):
            shutil.rmtree(entry, ignore_errors=True)


# --- unfinished folders -----------------------------------------------------------------------------------------------


@contextmanager
def _private(folder: Path, resumable: Check | None) -> Iterator[Path]:
    """An unfinished folder that belongs to this process; kept afterwards if it can be continued, else removed."""
    partial = _left_behind(folder, resumable)
    if partial is None:
        partial = _private_name(folder)
        partial.mkdir()
        open_to_others(partial)
    try:
        with renewed(partial):
            yield partial
    except BaseException:
        if resumable is not None and resumable(partial):
            with contextlib.suppress(OSError):
                os.rename(partial, _private_name(folder, pid=0))
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _left_behind(folder: Path, resumable: Check | None) -> Path | None:
    """Take over what a dead process left of ``folder``, the newest, and remove the others. Where nothing is continued,
    what it left of the folders beside is removed too."""
    taken = None
    stem = _stem(folder)
    found = [entry for entry in folder.parent.iterdir() if entry.name.endswith(".partial")]
    for entry in sorted(found, key=_changed, reverse=True):
        known = _NAME.fullmatch(entry.name)
        mine = known is not None and known["stem"] == stem
        if not mine and resumable is not None:
            continue
        if not _dead(entry, wait=mine and resumable is not None and taken is None):
            continue
        claimed = _private_name(folder)
        try:
            os.rename(entry, claimed)  # of two that want it, one succeeds
        except OSError:
            continue
        if mine and taken is None and resumable is not None and resumable(claimed):
            taken = claimed
        else:
            shutil.rmtree(claimed, ignore_errors=True)
    return taken


def _dead(partial: Path, *, wait: bool) -> bool:
    """Whether its owner no longer runs; ``wait`` for the answer where only time can tell."""
    known = _NAME.fullmatch(partial.name)
    if known is None:
        return _age_s(partial) > OLD_S
    pid = int(known["pid"])
    if pid == 0:
        return True
    if known["machine"] == _machine():
        return not _runs(pid)
    if wait and _age_s(partial) <= STALE_S:
        print(
            f"{partial}: looking for {STALE_S:.0f} s whether a process on another machine still works on it",
            file=sys.stderr,
            flush=True,
        )
        first, until = _changed(partial), time.monotonic() + STALE_S
        while time.monotonic() < until and _changed(partial) == first and _age_s(partial) <= STALE_S:
            time.sleep(1.0)
    return _age_s(partial) > STALE_S


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    with contextlib.suppress(OSError, IndexError):  # a zombie, which nobody waits for, is over too
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
        return state not in "ZX"
    return True


def _age_s(path: Path) -> float:
    """Seconds since its last change, by the clock of its own file system, which may be another machine's."""
    with tempfile.TemporaryFile(dir=path.parent) as now:
        os.write(now.fileno(), b"\0")
        return os.fstat(now.fileno()).st_mtime - _changed(path)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


def _private_name(folder: Path, pid: int | None = None) -> Path:
    own = os.getpid() if pid is None else pid
    return folder.with_name(f".{_stem(folder)}.{_machine()}-{own}-{os.urandom(4).hex()}.partial")


def _stem(folder: Path) -> str:
    """The folder's name, shortened where the whole would be too long for a file system."""
    name = folder.name
    if len(name.encode()) <= _LONGEST:
        return name
    return f"{hashlib.sha256(name.encode()).hexdigest()[:32]}"


@cache
def _machine() -> str:
    """This machine and its table of processes, in eight digits: numbers of processes mean something only there."""
    facts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        facts.append(str(os.stat("/proc/self/ns/pid").st_ino))
    return hashlib.sha256(" ".join(facts).encode()).hexdigest()[:8]
