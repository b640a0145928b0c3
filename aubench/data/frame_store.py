"""Prepared data sets on disk: one folder each, with a folder per recording and a card that is written last.

``<cache>/datasets/<name>-<key>/store.json`` lists the recordings with their digests; the key is the hash of what
decides the content besides the files themselves (original folder, reader's options, size, alignment, codec).
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from aubench.arrays import load_array
from aubench.data.crops import BLOBS, INDEX, CropFile, CropStack, remedy
from aubench.data.labels import load_labels
from aubench.data.making import LANDMARKS, STATES, VALUES, VERSION, Making, finished
from aubench.data.store import MANIFEST, open_store
from aubench.errors import UserError
from aubench.files import cache_folder, sha256_file

CARD = "store.json"


class RecordingCard(BaseModel):
    """One recording of a store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str
    subject: str
    sequence: str
    camera: str
    rows: int
    wanted: int
    lost: dict[str, int]
    sources: dict[str, int]
    media: Literal["video", "images", ""] = ""
    """Empty in cards of before it was kept."""
    digest: str


class StoreCard(BaseModel):
    """What a store holds and how it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    dataset: str
    people: str
    aus: tuple[str, ...]
    root: str
    options: dict[str, Any]
    making: dict[str, Any]
    facts: dict[str, Any]
    problems: dict[str, int]
    """How many of each severity the scan found."""
    recordings: tuple[RecordingCard, ...]
    coded: int | None = None
    """Frames of the scan in which some AU is coded; ``None`` in cards of before it was kept."""
    digest: str

    @property
    def rows(self) -> int:
        return sum(card.rows for card in self.recordings)


def default_parent() -> Path:
    """Where stores are kept unless told otherwise."""
    return cache_folder() / "datasets"


def store_folder(parent: Path, name: str, root: Path, options: Mapping[str, Any], making: Making) -> Path:
    """Where the store of a data set, prepared from ``root`` in this way, lies."""
    facts = [VERSION, name, os.path.realpath(root), dict(options), asdict(making)]
    key = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
    return parent / f"{name}-{key[:16]}"


def digest_of(cards: Iterable[RecordingCard]) -> str:
    """Hash of the content of a whole store."""
    return hashlib.sha256("".join(f"{card.sequence} {card.digest}\n" for card in cards).encode()).hexdigest()


class FrameStore:
    """A finished store: its card, and its frames at random."""

    def __init__(self, folder: Path) -> None:
        """Raises ``UserError`` where there is no finished store, or one of another version."""
        self.folder = folder
        path = folder / CARD
        try:
            self.card = StoreCard.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise UserError(
                f"{folder}: no finished store of prepared frames; run `aubench data prepare`",
                code="dataset-not-prepared",
            ) from None
        except (OSError, ValueError, ValidationError, RecursionError) as error:
            raise UserError(
                f"{path}: cannot be read ({type(error).__name__}). {remedy(path)}", code="file-damaged"
            ) from None
        if self.card.version != VERSION:
            raise UserError(
                f"{path}: made by another version of aubench; run `aubench data prepare` again",
                code="dataset-not-prepared",
            )
        try:
            self.making = TypeAdapter(Making).validate_python(self.card.making)
        except ValidationError:
            raise UserError(
                f"{path}: does not say how the crops were made. {remedy(path)}", code="file-damaged"
            ) from None

    @cached_property
    def files(self) -> list[CropFile]:
        """One for each recording of the card. Raises ``UserError`` where a folder is missing or of another size."""
        files = []
        for card in self.card.recordings:
            folder = self.folder / card.folder
            if open_store(folder).digest != card.digest:
                raise UserError(
                    f"{folder}: is not the recording that {CARD} lists. {remedy(folder)}", code="file-damaged"
                )
            files.append(CropFile(folder, self.making.codec, self.making.size))
        return files

    def stack(self, recordings: npt.NDArray[np.int64]) -> CropStack:
        """All frames of the recordings with these numbers, in this order."""
        rows = [self.card.recordings[i].rows for i in recordings]
        which = np.repeat(np.asarray(recordings, np.int32), rows)
        within = np.concatenate([np.arange(n, dtype=np.int32) for n in rows] or [np.empty(0, np.int32)])
        # Of a store whose recordings are all left out, the size is still known.
        return CropStack(self.files, which, within)

    def entries(self, recordings: npt.NDArray[np.int64], field: str) -> npt.NDArray[Any]:
        """A field of the index (frame, source, points, matrix) over all frames of the recordings."""
        parts = [self.files[i].index[field] for i in recordings]
        return np.concatenate(parts) if parts else np.empty(0)

    def landmarks(self, recordings: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """68 points (n, 68, 2) in pixels of the crops, NaN without any. Raises ``UserError`` for a bad file."""
        parts = []
        for i in recordings:
            path = self.folder / self.card.recordings[i].folder / LANDMARKS
            shape = (self.card.recordings[i].rows, 68, 2)
            try:
                points = load_array(path, mapped=True)
            except FileNotFoundError:
                points = np.full(shape, np.nan, np.float32)
            except (OSError, ValueError) as error:
                raise UserError(f"{path}: {error}. {remedy(path.parent)}", code="file-damaged") from None
            if points.shape != shape or points.dtype != np.float32:
                raise UserError(f"{path}: contains other landmarks. {remedy(path.parent)}", code="file-damaged")
            parts.append(points)
        return np.concatenate(parts) if parts else np.empty((0, 68, 2), np.float32)

    def values(self, recordings: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Intensities (n, a), NaN where there is none. Behind the door. Raises ``UserError`` for altered bytes."""
        return self._labels(VALUES, recordings, np.dtype(np.float32))

    def states(self, recordings: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """:class:`aubench.data.records.State` (n, a). Behind the door."""
        return self._labels(STATES, recordings, np.dtype(np.uint8))

    def _labels(self, name: str, recordings: npt.NDArray[np.int64], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        parts = []
        for i in recordings:
            folder = self.folder / self.card.recordings[i].folder
            parts.append(load_labels(folder / name))
            # One flipped bit makes another label, which nobody would see; the files are small enough to be hashed.
            written = open_store(folder).files.get(name)
            if written is None or sha256_file(folder / name) != written.sha256:
                raise UserError(
                    f"{folder / name}: its content has changed since it was written. {remedy(folder)}",
                    code="file-altered",
                )
        return np.concatenate(parts) if parts else np.empty((0, len(self.card.aus)), dtype)

    def verify(self) -> list[str]:
        """Everything that is not as it was written, one line each: files, and the frames in them by number. Reads label
        files, so the door must be open."""
        faults: list[str] = []
        for card in self.card.recordings:
            folder = self.folder / card.folder
            manifest = finished(folder)
            if manifest is None:
                faults.append(f"{folder}: missing, or its files are not whole. {remedy(folder)}")
                continue
            if manifest.digest != card.digest:
                faults.append(f"{folder / MANIFEST}: is not the recording that {CARD} lists. {remedy(folder)}")
                continue
            bad = [name for name, entry in manifest.files.items() if sha256_file(folder / name) != entry.sha256]
            frames = self._frame_faults(folder) if BLOBS in bad and INDEX not in bad else []
            faults += frames
            faults += [f"{folder / name}: is damaged. {remedy(folder)}" for name in bad if name != BLOBS or not frames]
        if digest_of(self.card.recordings) != self.card.digest:
            faults.append(f"{self.folder / CARD}: has been changed; run `aubench data prepare` again")
        return faults

    def _frame_faults(self, folder: Path) -> list[str]:
        crops = CropFile(folder, self.making.codec, self.making.size)
        found = []
        for row, entry in enumerate(crops.index):
            if why := crops.fault(row):
                found.append(f"{folder / BLOBS}: frame {int(entry['frame'])} is corrupt: {why}. {remedy(folder)}")
        return found


def find_store(
    name: str,
    parent: Path,
    *,
    size: int,
    align: str,
    options: Mapping[str, Any],
    root: str | None,
    settings: Mapping[str, Any] | None = None,
) -> FrameStore:
    """The finished store of a data set that fits. Raises ``UserError`` that says what to run where there is none, and
    what to say where there are several. ``settings``: options of the data set that are not its default ones; the
    command that prepares the store repeats them."""
    fitting: list[FrameStore] = []
    others: list[FrameStore] = []
    for path in sorted(parent.glob(f"{name}-*/{CARD}")):
        try:
            store = FrameStore(path.parent)
        except UserError:
            continue
        card = store.card
        if card.dataset != name:
            continue
        same = (store.making.size, store.making.align, card.options) == (size, align, _plain(options))
        at_root = root is None or card.root == os.path.realpath(root)
        (fitting if same and at_root else others).append(store)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        roots = ", ".join(sorted(store.card.root for store in fitting))
        raise UserError(
            f"data set {name!r}: prepared more than once, from {roots}; "
            f"choose one with --root {name}=DIR (`aubench data stats`: --set {name}.root=DIR), or delete one",
            code="name-ambiguous",
        )
    how = _command(name, parent, size, align, root, settings or {})
    text = f"data set {name!r}: not prepared at {size} px, points from {align}; run: {how}"
    if others:
        text += " (prepared is: " + "; ".join(_words(store) for store in others[:3]) + ")"
    raise UserError(text, code="dataset-not-prepared")


def _command(name: str, parent: Path, size: int, align: str, root: str | None, settings: Mapping[str, Any]) -> str:
    """The command that prepares exactly the store that was looked for: everything that is not its default is in it."""
    words = ["aubench", "data", "prepare", name, "--root", f"{name}={root or 'DIR'}"]
    words += ["--size", str(size)] if size != Making().size else []
    words += ["--align", align] if align != Making().align else []
    for key, value in settings.items():
        text = yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()
        words += ["--set", f"{name}.{key}={text}"]
    words += ["--store", str(parent)] if parent != default_parent() else []
    return shlex.join(words)


def _plain(options: Mapping[str, Any]) -> Any:
    """As they come back from JSON: tuples are lists."""
    return json.loads(json.dumps(dict(options), default=str))


def _words(store: FrameStore) -> str:
    card = store.card
    options = "".join(f", {key} {value}" for key, value in card.options.items())
    return f"{store.making.size} px, points from {store.making.align}{options}, of {card.root}"
