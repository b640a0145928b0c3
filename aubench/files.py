"""Writing files so that a crash leaves the old one or the new one, never half of either; hashing them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

_CHUNK = 1 << 20


def cache_folder() -> Path:
    """Where things that can be made or fetched again are kept: ``$AUBENCH_CACHE``, else ``~/.cache/aubench``."""
    return Path(os.environ.get("AUBENCH_CACHE") or Path.home() / ".cache" / "aubench")


def plain_name(name: str, most: int = 128) -> bool:
    """Whether a name from a file of somebody else's is one plain component of a path, and so cannot lead elsewhere: of
    1 to ``most`` characters, without separators, colons and control characters, and with no dot in front."""
    return 0 < len(name) <= most and name[0] != "." and name.isprintable() and not set(name) & set("/\\:")


def atomic_write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Put ``data`` at ``path``, making its folder where needed.

    The bytes go to a temporary file beside it and reach the disk before they take the name, so that a full disk or
    a ``kill -9`` leaves what was there before. Raises ``OSError`` as the system gives it.
    """
    atomic_write_chunks(path, (data,))


def atomic_write_chunks(path: str | os.PathLike[str], chunks: Iterable[bytes]) -> None:
    """Put ``chunks`` one after the other at ``path`` as :func:`atomic_write_bytes` does."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        publish(name, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def publish(temporary: str | os.PathLike[str], target: Path) -> None:
    """Give a whole file, whose bytes have reached the disk, the name ``target`` in the same folder."""
    # mkstemp makes private files; what is published gets the rights that an ordinary open() would give.
    open_to_others(temporary)
    os.replace(temporary, target)
    _sync_folder(target.parent)


def atomic_write_text(path: str | os.PathLike[str], text: str) -> None:
    """Put UTF-8 ``text`` at ``path`` as :func:`atomic_write_bytes` does; line ends stay as they are."""
    atomic_write_bytes(path, text.encode("utf-8"))


def sha256_file(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file's bytes, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def open_to_others(path: str | os.PathLike[str]) -> None:
    """Give a file or folder that was made private the rights that an ordinary one would have been made with."""
    os.chmod(path, (0o777 if os.path.isdir(path) else 0o666) & ~_umask())


def content_digest(paths: Iterable[Path]) -> str:
    """Hash of the names, from their common folder on, and bytes of files (one or more), 64 hexadecimal digits.

    What was hashed once is remembered in the cache by absolute path, size and time of last change, so that gigabytes
    are not read on every start: a file that is changed and given its old size and time again goes unnoticed.
    """
    files = [path.absolute() for path in paths]
    base = os.path.commonpath([path.parent for path in files])
    rows = [(str(path), status.st_size, status.st_mtime_ns) for path in files for status in [path.stat()]]
    seen = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    note = cache_folder() / "hashes" / f"{seen[:32]}.txt"
    with contextlib.suppress(OSError):
        known = note.read_text(encoding="ascii", errors="replace").strip()
        if re.fullmatch("[0-9a-f]{64}", known):
            return known
    content = [(path.relative_to(base).as_posix(), sha256_file(path)) for path in files]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time only
        atomic_write_text(note, digest)
    return digest


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _sync_folder(folder: Path) -> None:
    """Bring the new name itself to the disk, where the system lets a folder be synced (Windows does not)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
