"""CK+ as recordings: one for each sequence, coded in its last frame only.

::

    cohn-kanade-images/S005/001/S005_001_00000001.png ...
    FACS/S005/001/S005_001_00000011_facs.txt
    Landmarks/S005/001/S005_001_00000011_landmarks.txt
    Emotion/S005/001/S005_001_00000011_emotion.txt
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from aubench.data.dataset import PreparedDataset
from aubench.data.join import Problems, au_name, gaps
from aubench.data.landmarks import IBUG68
from aubench.data.layout import PICTURE_SUFFIXES, files, folders, listed, packed, ranges, unnest, within, wrong_root
from aubench.data.records import Images, Landmarks, LandmarkSource, Problem, Recording, Scan, State, empty_labels

from . import CkPlusConfig
from .parse import POINTS, UNKNOWN, frame_key, read_emotion, read_facs, read_points

AUS = (
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 23, 24, 25, 26, 27, 28, 29, 31, 34, 38, 39, 43,
)  # fmt: skip
"""AUs that are coded; a code beyond them is told, not kept."""
TOPS = {
    "images": ("cohn-kanade-images", "extended-cohn-kanade-images"),
    "facs": ("FACS", "FACS_labels"),
    "landmarks": ("Landmarks",),
    "emotion": ("Emotion", "Emotion_labels"),
}
SEQUENCES, SUBJECTS = 593, 123

Key = tuple[str, str]


@dataclass
class _Sequence:
    """Files of one sequence, by frame number as CK+ counts, from 1."""

    folder: Path | None = None
    images: dict[int, Path] = field(default_factory=dict)
    facs: dict[int, Path] = field(default_factory=dict)
    landmarks: dict[int, Path] = field(default_factory=dict)
    emotion: dict[int, Path] = field(default_factory=dict)


class CkPlusReader:
    """Reads CK+'s folder."""

    name = "ckplus"
    people = "ckplus"
    aus = tuple(au_name(number) for number in AUS)

    def __init__(self, config: CkPlusConfig) -> None:
        self.config = config

    def options(self) -> Mapping[str, Any]:
        return {"neutral_first": self.config.neutral_first}

    def label_places(self, root: Path) -> list[Path]:
        """The folders of FACS codes and emotions."""
        found = [_top(root, names) for name, names in TOPS.items() if name in ("facs", "emotion")]
        return [folder for folder in found if folder is not None]

    def scan(self, root: Path) -> Scan:
        tops = {name: _top(root, names) for name, names in TOPS.items()}
        if tops["images"] is None or tops["facs"] is None:
            lacking = [f"folder {TOPS[name][0]}" for name in ("images", "facs") if tops[name] is None]
            raise wrong_root(root, "CK+", lacking, "the folder that holds both")
        problems = Problems()
        sequences: dict[Key, _Sequence] = {}
        for name, top in tops.items():
            if top is None:
                problems.note(root, f"no folder {TOPS[name][0]}: used without")
            else:
                _collect(name, top, sequences, problems)
        strange: Counter[int] = Counter()
        recordings = []
        for key in sorted(sequences):
            found = self._recording(key, sequences[key], strange, problems)
            if found is not None:
                recordings.append(found)
        for au, count in sorted(strange.items()):
            problems.note(tops["facs"], f"AU{au:02d}, coded in {count} sequences, is not kept")
        subjects = {each.subject for each in recordings}
        if len(recordings) != SEQUENCES or len(subjects) != SUBJECTS:
            archives = packed(root)
            hint = f"; still packed: {listed(path.name for path in archives)}" if archives else ""
            problems.warning(
                tops["images"],
                f"{len(recordings)} sequences of {len(subjects)} subjects; CK+ has {SEQUENCES} of {SUBJECTS}{hint}",
            )
        return Scan(tuple(recordings), problems.done())

    def _recording(self, key: Key, parts: _Sequence, strange: Counter[int], problems: Problems) -> Recording | None:
        subject, sequence = key[0], "_".join(key)
        if not parts.images or parts.folder is None:
            where = next(path for each in (parts.facs, parts.landmarks, parts.emotion) for path in each.values())
            problems.error(where, f"sequence {sequence} has no images; left out", recording=sequence)
            return None
        if holes := gaps(parts.images):
            problems.warning(parts.folder, f"no image of frame {holes}", recording=sequence)
        frames = np.array(sorted(number - 1 for number in parts.images), np.int64)
        values, states = empty_labels(len(frames), len(AUS))
        peak = max(parts.images)
        if self.config.neutral_first and peak != 1 and 1 in parts.images:
            values[0], states[0] = 0.0, State.VALUE
        facts: dict[str, Any] = {}
        for number, path in parts.facs.items():
            facs = read_facs(path)
            problems.faults(path, facs.faults, sequence)
            if number not in parts.images:
                problems.error(path, f"codes frame {number}, which has no image; left out", None, sequence)
                continue
            if number != peak:
                problems.warning(path, f"codes frame {number}; the last image is {peak}", recording=sequence)
            row = int(np.searchsorted(frames, number - 1))
            strange.update(au for au in facs.codes if au not in AUS)
            # An AU whose line was torn could be any: then "not listed" no longer means "absent".
            unlisted = State.MISSING if facs.faults else State.VALUE
            for column, au in enumerate(AUS):
                code = facs.codes.get(au)
                states[row, column] = unlisted if code is None else State.PRESENT if code == UNKNOWN else State.VALUE
                if states[row, column] == State.VALUE:
                    values[row, column] = code or 0
        if not parts.facs:
            problems.warning(parts.folder, "no FACS file: this sequence has no codes", recording=sequence)
        for path in parts.emotion.values():
            try:
                facts["emotion"] = read_emotion(path)
            except ValueError as error:
                problems.warning(path, str(error), recording=sequence)
        media = Images(tuple(parts.images[frame + 1] for frame in frames.tolist()))
        landmarks = None
        if parts.landmarks:
            paths = tuple(parts.landmarks.get(frame + 1) for frame in frames.tolist())
            if None in paths:
                bare = ranges(number for number in parts.images if number not in parts.landmarks)
                problems.warning(parts.folder, f"no landmarks of frame {bare}", recording=sequence)
            landmarks = LandmarkSource(IBUG68, partial(read_all, paths, sequence))
        return Recording(subject, sequence, media, frames, values, states, landmarks, facts=facts)


def dataset(config: CkPlusConfig) -> PreparedDataset:
    """The factory of the card."""
    return PreparedDataset(config, CkPlusReader(config))


def _top(root: Path, names: tuple[str, ...]) -> Path | None:
    found = within(root, names, depth=1)
    return None if found is None else unnest(found, names)


def _collect(kind: str, top: Path, sequences: dict[Key, _Sequence], problems: Problems) -> None:
    """Add the files under ``top``, two folders down. Folders may be empty: not every sequence has an emotion."""
    for home in folders(top):
        for folder in folders(home):
            for path in files(folder, PICTURE_SUFFIXES if kind == "images" else {".txt"}):
                key = frame_key(path.stem)
                if key is None or key[2] < 1:
                    problems.warning(path, "the name is not like S005_001_00000011; not used")
                    continue
                name = "_".join(key[:2])
                if _squashed(home.name, folder.name) != _squashed(*key[:2]):
                    problems.error(path, f"is in the folder of {home.name}/{folder.name}", recording=name)
                    continue
                sequence = sequences.setdefault(key[:2], _Sequence())
                by_number: dict[int, Path] = getattr(sequence, kind)
                if key[2] in by_number:
                    problems.error(path, f"frame {key[2]} occurs twice: also {by_number[key[2]]}", recording=name)
                    continue
                by_number[key[2]] = path
                if kind == "images":
                    sequence.folder = folder


def _squashed(subject: str, sequence: str) -> str:
    """Folder names without their padding, to be compared."""
    key = frame_key(f"{subject}_{sequence}_1")
    return "_".join(key[:2]) if key else f"{subject}_{sequence}"


def read_all(paths: tuple[Path | None, ...], sequence: str) -> tuple[Landmarks, list[Problem]]:
    """The landmarks (n, 68, 2) in the files; NaN where there is none, or none that can be read."""
    points = np.full((len(paths), POINTS, 2), np.nan, np.float32)
    problems = Problems()
    for row, path in enumerate(paths):
        if path is not None:
            try:
                points[row] = read_points(path)
            except ValueError as error:
                problems.warning(path, str(error), recording=sequence)
    return points, problems.found
