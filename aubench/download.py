"""Fetching one file: resumable, checked, with one line for whatever goes wrong."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from aubench.errors import UserError, code_of_errno
from aubench.files import sha256_file

_CHUNK = 1 << 18
_TIMEOUT = 30
_DRIVE = re.compile(r"https://drive\.google\.com/file/d/([\w-]+)/")
Progress = Callable[[int, int | None], object]


def fetch(
    url: str,
    path: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Download ``url`` to ``path`` and check its size and hash where they are given.

    What arrives is kept in ``<path>.part``; an interrupted download goes on from there, if the server can. A file that
    is there already and fits is left alone. ``progress`` is told the bytes there are and, if known, all of them.
    Raises :class:`UserError` when the server cannot be reached, refuses, answers with a web page, or what came is not
    the file on record (which is then thrown away).
    """
    if path.is_file() and _fits(path, size, sha256):
        return path
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _receive(direct(url), url, part, size, progress)
    except urllib.error.HTTPError as error:
        raise UserError(f"{url}: the server answers {error.code} {error.reason}", code="download-failed") from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        kept = f" ({part.stat().st_size} bytes are kept, the next try goes on from there)" if part.is_file() else ""
        raise UserError(
            f"{url}: cannot be reached: {' '.join(str(reason).split())}{kept}", code="download-failed"
        ) from None
    except OSError as error:
        raise UserError(
            f"{part}: cannot be written ({error.strerror or error})", code=code_of_errno(error.errno)
        ) from None
    if not _fits(part, size, sha256):
        found = f"{part.stat().st_size} bytes, sha256 {sha256_file(part)}"
        part.unlink()
        raise UserError(
            f"{url}: what came is not the file on record ({found}); it was thrown away", code="file-altered"
        )
    os.replace(part, path)
    return path


def direct(url: str) -> str:
    """The address of the bytes: for a page of Google Drive, that of its file."""
    if found := _DRIVE.match(url):
        return f"https://drive.usercontent.google.com/download?id={found[1]}&export=download&confirm=t"
    return url


def _fits(path: Path, size: int | None, sha256: str | None) -> bool:
    return (size is None or path.stat().st_size == size) and (sha256 is None or sha256_file(path) == sha256)


def _receive(address: str, url: str, part: Path, size: int | None, progress: Progress) -> None:
    """Append to ``part`` what is missing of it."""
    have = part.stat().st_size if part.is_file() else 0
    if size is not None and have > size:
        part.unlink()
        have = 0
    if size is not None and have == size:
        return
    request = urllib.request.Request(address, headers={"User-Agent": "aubench"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing lies beyond what we have
            return
        raise
    with answer:
        if "text/html" in answer.headers.get("Content-Type", ""):
            raise UserError(
                f"{url}: answers with a web page; download the file in a browser and use `weights add`",
                code="download-failed",
            )
        if answer.status != 206:  # the server begins anew
            have = 0
        length = answer.headers.get("Content-Length")
        total = size or (have + int(length) if length else None)
        with part.open("ab" if have else "wb") as file:
            progress(have, total)
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                progress(have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")
