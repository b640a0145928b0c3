"""One recording made ready: its pictures decoded once, aligned, and written to a folder of its own.

The folder is built aside, sealed with a manifest and named when whole (:mod:`aubench.materialise`). What decides its
content is hashed into a fingerprint, so that a recording is made again when its video, its labels or the options have
changed, and only then.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from aubench.arrays import save_array
from aubench.data.crops import BLOBS, ENTRY, INDEX, SOURCES, Codec, encode
from aubench.data.fivepoints import FivePoints, Found
from aubench.data.labels import LABEL_SUFFIX
from aubench.data.openface import find_csv
from aubench.data.prepared import Source
from aubench.data.records import Images, Recording
from aubench.data.store import MANIFEST, Manifest, open_store, seal
from aubench.data.video import read_frames, read_index
from aubench.errors import UserError
from aubench.files import atomic_write_text
from aubench.predict.align import Canvas, apply, crop
from aubench.predict.sources import read_image

VERSION = 1
"""Raised whenever the same recording and options give other crops."""
VALUES, STATES = f"labels/values{LABEL_SUFFIX}", f"labels/states{LABEL_SUFFIX}"
LANDMARKS, LOST = "landmarks.npy", "lost.csv"
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Making:
    """How crops are made."""

    size: int = 128
    align: Source = "auto"
    codec: Codec = "jpeg"


def folder_name(sequence: str) -> str:
    """A sequence as the name of a folder, whatever characters are in it."""
    return quote(sequence, safe="+=@ ()[],").replace(".", "%2E") or "%"


def fingerprint(recording: Recording, making: Making, root: Path) -> str:
    """Hash of what decides the content of a prepared recording. Pixels and landmark files are not read for it: a
    picture counts as the same while its path under ``root``, its size and its time of change are."""
    media = recording.media
    files = list(media.paths) if isinstance(media, Images) else [media.path]
    if making.align in ("auto", "openface") and (csv_file := find_csv(recording)):
        files.append(csv_file)
    total = hashlib.sha256()
    facts = [VERSION, asdict(making), recording.subject, recording.camera, media.turns, recording.landmarks is not None]
    total.update(json.dumps([*facts, dict(recording.facts)], sort_keys=True, default=str).encode())
    for file in files:
        try:
            stat = file.stat()
            total.update(f"{os.path.relpath(file, root)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        except OSError:
            total.update(f"{os.path.relpath(file, root)} missing\n".encode())
    for array in (recording.frames, recording.values, recording.states):
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def finished(folder: Path, mark: str | None = None) -> Manifest | None:
    """The manifest of a whole prepared recording, ``None`` where there is none, or one with another fingerprint."""
    if not (folder / MANIFEST).is_file():
        return None
    try:
        manifest = open_store(folder)
    except UserError:
        return None
    return manifest if mark is None or manifest.facts.get("fingerprint") == mark else None


def pictures(recording: Recording, *, threads: int = 0) -> Iterator[tuple[int, Image | str]]:
    """``(row, upright RGB picture)`` for every frame of a recording, or why there is no picture."""
    media = recording.media
    if isinstance(media, Images):
        for row, path in enumerate(media.paths):
            try:
                yield row, _turned(read_image(path), media.turns)
            except UserError as error:
                yield row, _reason(str(error), path)
        return
    following = 0
    try:
        index = read_index(media.path)
        numbers = {int(number): row for row, number in enumerate(recording.frames)}
        for number, image in read_frames(media.path, recording.frames, threads=threads, index=index):
            for row in range(following, numbers[number]):
                yield row, "cannot be decoded"
            following = numbers[number] + 1
            yield following - 1, _turned(image, media.turns)
    except UserError as error:
        for row in range(following, len(recording.frames)):
            yield row, _reason(str(error), media.path)
        return
    for row in range(following, len(recording.frames)):
        beyond = recording.frames[row] >= index.frames
        yield row, f"beyond the end of the video, which has {index.frames} frames" if beyond else "cannot be decoded"


def _reason(text: str, path: Path) -> str:
    return text.removeprefix(f"{path}: ")


def _turned(image: Image, turns: int) -> Image:
    return np.ascontiguousarray(np.rot90(image, -turns)) if turns % 4 else image


def make(
    recording: Recording,
    building: Path,
    making: Making,
    mark: str,
    progress: Callable[[int], None],
    *,
    threads: int = 0,
) -> Manifest:
    """Make a recording in ``building``, an empty folder. ``progress`` is told how many frames were done since.

    Frames without a picture or a face are left out, each with its reason in ``lost.csv``.
    """
    points = FivePoints(recording, making.align)
    entries, landmarks, kept = [], [], []
    lost: list[tuple[int, str]] = []
    with open(building / BLOBS, "wb") as file:
        for row, image in pictures(recording, threads=threads):
            progress(1)
            canvas = Canvas(image) if not isinstance(image, str) else None
            found: Found | str = points.find(row, canvas) if canvas is not None else str(image)
            if isinstance(found, str) or canvas is None:
                lost.append((int(recording.frames[row]), str(found)))
                continue
            face, matrix = crop(canvas, found.points, making.size)
            blob = encode(face, making.codec)
            where = (file.tell(), len(blob), zlib.crc32(blob), found.source)
            entries.append((int(recording.frames[row]), *where, found.points, matrix))
            landmarks.append(apply(matrix, np.asarray(found.landmarks, np.float64)))
            kept.append(row)
            file.write(blob)
        file.flush()
        os.fsync(file.fileno())
    index = np.array(entries, ENTRY)
    save_array(building / INDEX, index)
    if landmarks and np.isfinite(landmarks).any():
        save_array(building / LANDMARKS, np.asarray(landmarks, np.float32))
    known = {
        VALUES: _write_labels(building / VALUES, recording.values[kept]),
        STATES: _write_labels(building / STATES, recording.states[kept]),
    }
    if lost:
        atomic_write_text(building / LOST, _table(lost))
    facts: dict[str, Any] = {
        "version": VERSION,
        "fingerprint": mark,
        "subject": recording.subject,
        "sequence": recording.sequence,
        "camera": recording.camera,
        "wanted": len(recording.frames),
        "rows": len(index),
        "lost": dict(Counter(reason for _, reason in lost).most_common()),
        "sources": {name: int((index["source"] == place).sum()) for place, name in enumerate(SOURCES)},
        "problems": [str(problem) for problem in points.problems[:100]],
        "facts": dict(recording.facts),
    }
    return seal(building, facts, known)


def _write_labels(path: Path, array: npt.NDArray[np.generic]) -> str:
    """Write it and return its SHA-256, taken on the way: a locked door lets nobody read the file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _table(lost: list[tuple[int, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["frame", "reason"])
    writer.writerows(lost)
    return text.getvalue()
