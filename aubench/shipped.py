"""Hashes of the weights that come with plugins: ``SHA256SUMS`` beside them, in the form of ``sha256sum``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from aubench.errors import UserError
from aubench.files import atomic_write_text, sha256_file

SUMS = "SHA256SUMS"


def record(path: Path) -> None:
    """Put the hash of a file into the list beside it. Raises ``OSError``."""
    sums = {**_read(path.parent), path.name: sha256_file(path)}
    atomic_write_text(path.parent / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())))


def require_unaltered(path: Path) -> None:
    """Raise ``UserError`` where a file is listed with another hash. Plugins without a list are taken as they are."""
    expected = _read(path.parent).get(path.name)
    if expected is None:
        return
    try:
        status = path.stat()
        found = _hash(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})", code="file-unreadable") from None
    if found != expected:
        raise UserError(
            f"{path}: differs from the shipped file (sha256 {found[:12]}, recorded {expected[:12]}); install the "
            "package again",
            code="file-altered",
        )


def _read(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = [line.split(maxsplit=1) for line in lines]
    return {pair[1].lstrip("*"): pair[0] for pair in pairs if len(pair) == 2}


@lru_cache(maxsize=64)
def _hash(path: Path, changed: int, size: int) -> str:
    """Once for each state of a file: a network may be built many times in a process."""
    return sha256_file(path)
