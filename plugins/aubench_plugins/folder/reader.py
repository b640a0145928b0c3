"""Any folder as recordings: each video is one, and so is each folder of images.

The subject is the first folder of the path (``alice/smile/001.jpg`` shows alice), the file itself where there is none,
or what a pattern or the table of labels says. Images are numbered by the digits at the end of their names where each
has a number of its own, by their place in the folder otherwise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.data.dataset import PreparedDataset
from aubench.data.join import Problems
from aubench.data.layout import PICTURE_SUFFIXES, VIDEO_SUFFIXES, entries, listed, wrong_root
from aubench.data.records import Images, Recording, Scan, State, Video, empty_labels
from aubench.data.video import read_index
from aubench.errors import UserError
from aubench.facs import ACTION_UNITS

from . import FolderConfig
from .table import PRESENT, Row, Table, au_of, read_table

DEFAULT_TABLE = "labels.csv"
_DIGITS = re.compile(r"(\d+)$")


@dataclass
class _Found:
    """One recording to be: its path under the root, its media, the frames."""

    name: str
    media: Video | Images
    frames: npt.NDArray[np.int64]
    rows: list[Row] = field(default_factory=list)


class FolderReader:
    """Reads any folder."""

    name = "folder"
    automatic = True
    """Training prepares it by itself (:mod:`aubench.data.automatic`)."""

    def __init__(self, config: FolderConfig) -> None:
        self.config = config
        self.people = config.people or "folder"
        self.aus = _aus(config.aus)
        try:
            self.pattern = re.compile(config.subject_pattern) if config.subject_pattern else None
        except re.error as error:
            raise UserError(
                f"folder.subject_pattern {config.subject_pattern!r}: {error}.", code="config-invalid"
            ) from None
        if self.pattern is not None and self.pattern.groups < 1:
            raise UserError(
                f"folder.subject_pattern {config.subject_pattern!r} has no group for the subject.",
                code="config-invalid",
            )

    def options(self) -> Mapping[str, Any]:
        return self.config.model_dump(
            mode="json", include={"labels", "aus", "first_frame", "subject_pattern", "loose", "people"}
        )

    def label_places(self, root: Path) -> list[Path]:
        """The table of labels."""
        table = root / (self.config.labels or DEFAULT_TABLE)
        return [table] if table.is_file() else []

    def scan(self, root: Path) -> Scan:
        problems = Problems()
        found = self._media(root, problems) if root.is_dir() else {}
        if not found and not problems.found:
            raise wrong_root(root, "a folder of pictures", ["image and no video"], "a folder that holds some")
        table_at = root / (self.config.labels or DEFAULT_TABLE)
        table = Table()
        if self.config.labels is not None and not table_at.is_file():
            raise UserError(f"{table_at}: no such file (folder.labels).", code="file-missing")
        if table_at.is_file():
            table = read_table(table_at)
            problems.faults(table_at, table.faults)
            if beyond := [au for au in table.aus if au not in self.aus]:
                problems.warning(table_at, f"columns {listed(beyond)} are not among the requested AUs; ignored")
            if table.others:
                problems.note(table_at, f"columns {listed(table.others)} are ignored")
        else:
            problems.note(root, f"no {DEFAULT_TABLE}: nothing is labelled")
        images = _images(root, found)
        _assign(table, table_at, found, images, problems)
        recordings = [self._recording(root, each, images, table_at, problems) for each in found.values()]
        return Scan(tuple(recordings), problems.done())

    def _media(self, root: Path, problems: Problems) -> dict[str, _Found]:
        """Recordings by their path under the root."""
        found: dict[str, _Found] = {}
        waiting, known = [root], set[str]()
        while waiting:
            folder = waiting.pop(0)
            if (real := os.path.realpath(folder)) in known:
                continue  # a link back to where we come from
            known.add(real)
            inside = entries(folder)
            waiting += [path for path in inside if path.is_dir()]
            pictures = [path for path in inside if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()]
            if pictures and folder == root and self.config.loose == "people":
                for path in pictures:
                    found[path.name] = _Found(path.name, Images((path,)), np.zeros(1, np.int64))
            elif pictures:
                name = "." if folder == root else folder.relative_to(root).as_posix()
                numbers, ordered = number(pictures)
                found[name] = _Found(name, Images(ordered), numbers)
            for path in inside:
                if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
                    name = path.relative_to(root).as_posix()
                    try:
                        count = read_index(path).frames
                    except UserError as error:
                        problems.error(path, f"{str(error).removeprefix(f'{path}: ')}; left out", recording=name)
                        continue
                    if not count:
                        problems.error(path, "holds no frames; left out", recording=name)
                        continue
                    found[name] = _Found(name, Video(path), np.arange(count, dtype=np.int64))
        return dict(sorted(found.items()))

    def _recording(
        self, root: Path, each: _Found, images: Mapping[str, tuple[_Found, int]], table: Path, problems: Problems
    ) -> Recording:
        values, states = empty_labels(len(each.frames), len(self.aus))
        at = {int(frame): row for row, frame in enumerate(each.frames)}
        told: dict[int, int] = {}
        subjects: dict[str, int] = {}
        for row in each.rows:
            if row.subject is not None:
                subjects.setdefault(row.subject, row.line)
            if row.file in images:
                place = images[row.file][1]
            else:
                shift = self.config.first_frame if isinstance(each.media, Video) else 0
                frame = (row.frame or 0) - shift
                if frame not in at:
                    problems.error(
                        table, f"{row.file} has no frame {row.frame} ({len(each.frames)} frames)", row.line, each.name
                    )
                    continue
                place = at[frame]
            if place in told:
                problems.error(table, f"repeats line {told[place]}", row.line, each.name)
                continue
            told[place] = row.line
            for column, au in enumerate(self.aus):
                value = row.intensities.get(au)
                if value == PRESENT:
                    states[place, column] = State.PRESENT
                elif value is not None:
                    values[place, column], states[place, column] = value, State.VALUE
        if len(subjects) > 1:
            problems.error(table, f"{each.name} belongs to several subjects: {listed(subjects)}", None, each.name)
        subject = next(iter(subjects), None) or self._subject(root, each.name, problems)
        return Recording(subject, each.name, each.media, each.frames, values, states)

    def _subject(self, root: Path, name: str, problems: Problems) -> str:
        if self.pattern is not None:
            match = self.pattern.search(name)
            if match is not None and match[1]:
                return match[1]
            problems.error(root / name, f"folder.subject_pattern does not fit {name!r}", recording=name)
        parts = PurePosixPath(name).parts
        return parts[0] if parts else "."


def dataset(config: FolderConfig) -> PreparedDataset:
    """The factory of the card."""
    return PreparedDataset(config, FolderReader(config))


def _images(root: Path, found: Mapping[str, _Found]) -> dict[str, tuple[_Found, int]]:
    """Where each image is: its recording and its row in that."""
    return {
        picture.relative_to(root).as_posix(): (each, row)
        for each in found.values()
        if isinstance(each.media, Images)
        for row, picture in enumerate(each.media.paths)
    }


def _assign(
    table: Table, path: Path, found: Mapping[str, _Found], images: Mapping[str, tuple[_Found, int]], problems: Problems
) -> None:
    """Give every row to its recording."""
    for row in table.rows:
        if row.file in images:
            images[row.file][0].rows.append(row)
        elif row.file not in found:
            problems.error(path, f"there is no file {row.file}", row.line)
        elif row.frame is None and row.intensities:
            problems.error(path, f"{row.file} has several frames, but the line names none", row.line, row.file)
        else:
            found[row.file].rows.append(row)


def number(pictures: list[Path]) -> tuple[npt.NDArray[np.int64], tuple[Path, ...]]:
    """Frame numbers, ascending, and the images in that order."""
    digits = [match for path in pictures if (match := _DIGITS.search(path.stem))]
    numbers = [int(match[1]) for match in digits]
    if len(numbers) != len(pictures) or len(set(numbers)) != len(numbers) or max(numbers) >= 2**31:
        return np.arange(len(pictures), dtype=np.int64), tuple(pictures)
    order = np.argsort(numbers)
    return np.array(numbers, np.int64)[order], tuple(pictures[index] for index in order)


def _aus(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        return tuple(unit.key for unit in ACTION_UNITS)
    keys = [au_of(name) for name in names]
    if None in keys:
        raise UserError(f"folder.aus: {names[keys.index(None)]!r} is not an AU. Write AU12.", code="name-unknown")
    return tuple(sorted({key for key in keys if key is not None}))
