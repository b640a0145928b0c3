"""Fetching one file over HTTP: resumable, checked before it gets its name, with one line for whatever goes wrong."""

from __future__ import annotations

import http.client
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from aubench.errors import UserError, code_of_errno
from aubench.files import sha256_file

_CHUNK = 1 << 18
_TIMEOUT = 30
LARGEST = 4 << 30
"""Bytes of the largest file that is fetched where its size is not on record: 4 GiB."""
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
    is there already is left alone. ``progress`` is told the bytes there are and, if known, all of them.
    Raises :class:`UserError` when the address is not one of http or https, or leads to one that is not; when the server
    cannot be reached, refuses, or answers with a web page; when what came is not the file on record (it is then thrown
    away); and when ``path`` exists and is not that file either.
    """
    if os.path.lexists(path):
        if path.is_file() and _fits(path, size, sha256):
            return path
        raise UserError(
            f"{path}: already exists and differs from the recorded file; move it away or delete it",
            code="output-exists",
        )
    _require_http(url, url)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _receive(direct(url), url, part, size, progress)
    except urllib.error.HTTPError as error:
        raise UserError(f"{url}: the server answers {error.code} {error.reason}", code="download-failed") from None
    except (http.client.HTTPException, ValueError) as error:  # an answer that is not HTTP, or an impossible address
        raise UserError(f"{url}: cannot be fetched ({type(error).__name__}: {error})", code="download-failed") from None
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
            f"{url}: the download differs from the recorded file ({found}); it was deleted", code="file-altered"
        )
    os.replace(part, path)
    return path


def _require_http(address: str, url: str) -> None:
    """``address``: where ``url`` leads to."""
    if urllib.parse.urlsplit(address).scheme.lower() not in ("http", "https"):
        leads = "" if address == url else f" leads to {address:.200}, which"
        raise UserError(f"{url}:{leads} is not an http or https address", code="download-failed")


class _Redirected(urllib.request.HTTPRedirectHandler):
    """Follows a server to another http or https address only, and never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        _require_http(newurl, req.full_url)
        if req.type == "https" and newurl.lower().startswith("http:"):
            raise UserError(
                f"{req.full_url}: redirects to {newurl:.200}, which is not encrypted", code="download-failed"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


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
        answer = urllib.request.build_opener(_Redirected).open(request, timeout=_TIMEOUT)
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
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if have else os.O_TRUNC) | getattr(os, "O_NOFOLLOW", 0)
        with open(os.open(part, flags, 0o666), "wb") as file:  # through no symbolic link, and so into no other file
            progress(have, total)
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                if have > (size or LARGEST):
                    raise UserError(
                        f"{url}: the download exceeds the expected {size or LARGEST} bytes", code="download-failed"
                    )
                progress(have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")
