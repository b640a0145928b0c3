"""What a store that was prepared by itself remembers: what its folder held then, and which files were of no use.

``ready.json`` in the store, written when the store is whole. The folder counts as the same while the names, sizes and
times of change of its files are: no file is opened to find that out.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from aubench.data.frame_store import FrameStore
from aubench.data.layout import PICTURE_SUFFIXES, VIDEO_SUFFIXES, litter
from aubench.data.making import LOST, folder_name
from aubench.data.records import Images, Scan
from aubench.files import atomic_write_text

NOTE = "ready.json"
_READ = VIDEO_SUFFIXES | PICTURE_SUFFIXES | {".csv"}


class Note(BaseModel):
    """``listing``: hash of what was in the folder; ``skipped``: why a file is not used, by its path under the folder;
    ``others``: how many files of kinds that nobody reads, by suffix."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listing: str
    skipped: dict[str, str]
    others: dict[str, int]

    def write(self, store: Path) -> None:
        atomic_write_text(store / NOTE, self.model_dump_json(indent=1) + "\n")


def read_note(store: Path) -> Note | None:
    """The note in a store; ``None`` where there is none that can be read."""
    try:
        return Note.model_validate(json.loads((store / NOTE).read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError, RecursionError):
        return None


def listing(root: Path) -> tuple[str, dict[str, int]]:
    """Hash of the names, sizes and times of change of what can be read under ``root``, and how many other files there
    are, by suffix."""
    lines, others = [], Counter[str]()
    for path in _files(root):
        suffix = path.suffix.lower()
        if suffix not in _READ:
            others[suffix or "no suffix"] += 1
            continue
        try:
            stat = path.stat()
            lines.append(f"{os.path.relpath(path, root)} {stat.st_size} {stat.st_mtime_ns}\n")
        except OSError:
            lines.append(f"{os.path.relpath(path, root)} cannot be reached\n")
    return hashlib.sha256("".join(sorted(lines)).encode(errors="surrogateescape")).hexdigest(), dict(others)


def _files(root: Path) -> Iterator[Path]:
    """Every file under ``root``, litter left out; a folder that a link leads back to is entered once."""
    known: set[str] = set()
    for folder, inside, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        inside[:] = [] if real in known else sorted(name for name in inside if not litter(name))
        if real not in known:
            known.add(real)
            yield from (Path(folder) / name for name in names if not litter(name))


def skipped(scan: Scan, store: Path, root: Path) -> dict[str, str]:
    """Why a file is not used at all, by its path under ``root``: videos that cannot be opened, images and videos of
    which no frame could be used."""
    found = {
        _under(problem.path, root): problem.message.removesuffix("; left out")
        for problem in scan.problems
        if problem.severity == "error" and problem.path.suffix.lower() in VIDEO_SUFFIXES
    }
    for recording in scan.recordings:
        lost = _lost(store / folder_name(recording.sequence) / LOST)
        if isinstance(recording.media, Images):
            paths = dict(zip(recording.frames.tolist(), recording.media.paths, strict=True))
            found |= {_under(paths[frame], root): reason for frame, reason in lost}
        elif lost and len(lost) == len(recording.frames):
            reasons = Counter(reason for _, reason in lost).most_common(2)
            text = " or ".join(reason for reason, _ in reasons)
            found[_under(recording.media.path, root)] = f"{text} ({len(lost)} frame{'s' * (len(lost) != 1)})"
    return dict(sorted(found.items()))


def _under(path: Path, root: Path) -> str:
    return os.path.relpath(path, root)


def _lost(path: Path) -> list[tuple[int, str]]:
    """Frames that were lost, and why; none where nothing says so."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [(int(row["frame"]), row["reason"]) for row in csv.DictReader(file)]
    except OSError:
        return []


def media(store: FrameStore) -> dict[str, int]:
    """How many videos and photos of a store have frames in it."""
    cards = store.card.recordings
    return {
        "videos": sum(card.media == "video" for card in cards),
        "photos": sum(card.rows for card in cards if card.media == "images"),
    }


def facts(store: FrameStore) -> dict[str, Any]:
    """For a report; nothing for a store that was not prepared by itself."""
    note = read_note(store.folder)
    return {} if note is None else {**media(store), "skipped_files": len(note.skipped)}
