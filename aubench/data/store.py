"""Folders of made data: built aside, sealed with hashes, published in one step, checked when opened.

A store is a folder with a ``manifest.json`` that names every other file, its size and its SHA-256. The manifest is
written last, so a folder that has one is complete. Opening compares sizes (a moment); :func:`verify` compares hashes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from aubench.errors import UserError
from aubench.files import atomic_write_text, sha256_file

MANIFEST = "manifest.json"


class Entry(BaseModel):
    """One file of a store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a store holds. ``facts`` is whatever its maker wants to remember (version, options, digests)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    facts: dict[str, Any]
    files: dict[str, Entry]
    digest: str
    """Hash of the names and hashes of all files: of the content."""


def seal(folder: Path, facts: dict[str, Any], known: dict[str, str] | None = None) -> Manifest:
    """Hash every file under ``folder`` and write its manifest. ``known`` holds hashes, by relative name, of files that
    must not be read again, as label files must not behind a locked door."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name != MANIFEST:
            files[name] = Entry(bytes=path.stat().st_size, sha256=(known or {}).get(name) or sha256_file(path))
    total = hashlib.sha256("".join(f"{name} {entry.sha256}\n" for name, entry in files.items()).encode())
    manifest = Manifest(facts=facts, files=files, digest=total.hexdigest())
    atomic_write_text(folder / MANIFEST, manifest.model_dump_json(indent=1) + "\n")
    return manifest


def open_store(folder: Path) -> Manifest:
    """The manifest of a store, once all its files are there with their sizes. Raises ``UserError`` naming a lack."""
    path = folder / MANIFEST
    remedy = f"Delete {folder} to have it made again."
    try:
        manifest = Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError, RecursionError) as error:
        raise UserError(
            f"{path}: cannot read the manifest ({type(error).__name__}). {remedy}", code="file-damaged"
        ) from None
    for name, entry in manifest.files.items():
        file = folder / name
        size = file.stat().st_size if file.is_file() else None
        if size != entry.bytes:
            found = "is missing" if size is None else f"has {size} bytes, not {entry.bytes}"
            raise UserError(f"{file} {found}. {remedy}", code="file-damaged")
    return manifest


def verify(folder: Path) -> Manifest:
    """:func:`open_store`, and every byte compared with its hash. Reads label files, so the door must be open."""
    manifest = open_store(folder)
    for name, entry in manifest.files.items():
        if sha256_file(folder / name) != entry.sha256:
            raise UserError(
                f"{folder / name} is damaged: its hash differs from the manifest. Delete {folder} to rebuild it.",
                code="file-damaged",
            )
    return manifest
