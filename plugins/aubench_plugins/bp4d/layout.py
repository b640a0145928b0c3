"""Where BP4D keeps what, in both releases, and how its files are named.

::

    Binghamton                                      FERA 2015
    Sequences(2D+3D)/F001/T1/2440.jpg               BP4D-training/F001/T1/2440.jpg
    AUCoding/AU_OCC/F001_T1.csv                     AUCoding/F001_T1.csv
    AUCoding/AU_INT/AU06/F001_T1_AU06.csv           AU Intensity Codes3.0/AU06/F001_T1_AU06.csv
    2DFeatures/F001_T1.mat                          BP4D-fpoints/...
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from aubench.data.layout import (
    PICTURE_SUFFIXES,
    Coded,
    Fault,
    coded_lines,
    files,
    folders,
    numbered,
    shown,
    squeeze,
    text_lines,
    unnest,
    whole,
    within,
)

INTENSITY_AUS = (6, 10, 12, 14, 17)
OCCURRENCE_AUS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
MISSING = 9
"""Not coded: the face was hidden."""
IMAGE_FOLDERS = {
    "binghamton": ("Sequences(2D+3D)", "Sequences(2D)", "2D+3D", "Sequences"),
    "fera2015": ("BP4D-training", "BP4D_training", "BP4D-train"),
}
CODING_FOLDERS = ("AUCoding", "AU_Coding", "BP4D-AUCoding")
OCCURRENCE_FOLDERS = ("AU_OCC",)
INTENSITY_FOLDERS = (
    "AU_INT", "AU Intensity Codes3.0", "BP4D-AUIntensityCodes3.0", "AU Intensity Codes", "AUIntensityCodes",
)  # fmt: skip
LANDMARK_FOLDERS = ("BP4D-fpoints", "fpoints", "2DFeatures")
_SEQUENCE = re.compile(r"([FM])0*(\d{1,3})_?T0*(\d{1,2})(?:_AU0*(\d+))?(?!\d).*", re.IGNORECASE)
_SUBJECT = re.compile(r"([FM])0*(\d{1,3})", re.IGNORECASE)
_TASK = re.compile(r"T0*(\d{1,2})", re.IGNORECASE)

Key = tuple[str, str]
"""Subject and task."""


def sequence_key(stem: str) -> tuple[Key, int | None] | None:
    """(("F001", "T1"), 6) out of ``F001_T1_AU06``."""
    match = _SEQUENCE.fullmatch(stem)
    if match is None:
        return None
    return (f"{match[1].upper()}{int(match[2]):03d}", f"T{int(match[3])}"), int(match[4]) if match[4] else None


@dataclass
class Tree:
    """Everything that was found, by subject and task."""

    release: str = ""
    images: Path | None = None
    intensity: Path | None = None
    occurrence: Path | None = None
    landmarks: Path | None = None
    sequences: dict[Key, Path] = field(default_factory=dict)
    intensities: dict[Key, dict[int, Path]] = field(default_factory=dict)
    occurrences: dict[Key, Path] = field(default_factory=dict)
    points: dict[Key, Path] = field(default_factory=dict)
    faults: list[tuple[Path, str]] = field(default_factory=list)


def find(root: Path) -> Tree:
    """Walk the folders of either release; names are compared without regard to case, blanks and signs."""
    tree = Tree()
    for release, names in IMAGE_FOLDERS.items():
        # The root itself may be the folder of images, with the codes inside it.
        own = squeeze(root.name) in {squeeze(name) for name in names} and _has_subjects(root)
        tree.images = root if own else within(root, names, depth=1)
        if tree.images is not None:
            tree.release, tree.images = release, unnest(tree.images, names)
            break
    coding = within(root, CODING_FOLDERS, depth=1)
    tree.intensity = within(root, INTENSITY_FOLDERS, depth=2)
    if tree.intensity is not None:
        tree.intensity = unnest(tree.intensity, INTENSITY_FOLDERS)
    if coding is not None:
        coding = unnest(coding, CODING_FOLDERS)
        tree.occurrence = within(coding, OCCURRENCE_FOLDERS, depth=0) or (coding if files(coding, {".csv"}) else None)
    tree.landmarks = within(root, LANDMARK_FOLDERS, depth=1)
    if tree.images is not None:
        _find_sequences(tree, tree.images)
    if tree.intensity is not None:
        _find_intensities(tree, tree.intensity)
    for top, into, suffix in ((tree.occurrence, tree.occurrences, ".csv"), (tree.landmarks, tree.points, ".mat")):
        for path in [] if top is None else [each for at in (top, *folders(top)) for each in files(at, {suffix})]:
            key = sequence_key(path.stem)
            if key is not None and key[1] is None:
                into.setdefault(key[0], path)
    return tree


def _has_subjects(folder: Path) -> bool:
    return any(_SUBJECT.fullmatch(path.name) for path in folders(folder))


def _find_sequences(tree: Tree, top: Path) -> None:
    for home in folders(top):
        subject = _SUBJECT.fullmatch(home.name)
        if subject is None:
            continue
        name = f"{subject[1].upper()}{int(subject[2]):03d}"
        for folder in folders(home):
            task = _TASK.fullmatch(folder.name)
            if task is None:
                continue
            key = name, f"T{int(task[1])}"
            if key in tree.sequences:
                tree.faults.append((folder, f"two folders of {key[0]}, {key[1]}: also {tree.sequences[key]}"))
            else:
                tree.sequences[key] = folder


def _find_intensities(tree: Tree, top: Path) -> None:
    for home in folders(top):
        in_folder = re.fullmatch(r"AU0*(\d+)", home.name, re.IGNORECASE)
        if in_folder is None:
            continue
        au = int(in_folder[1])
        if au not in INTENSITY_AUS:
            tree.faults.append((home, f"BP4D has no intensities of AU{au:02d}"))
            continue
        for path in files(home, {".csv", ".txt"}):
            key = sequence_key(path.stem)
            if key is None or key[1] not in (None, au):
                tree.faults.append((path, f"the name is not like F001_T1_AU{au:02d}.csv"))
            elif au in (kept := tree.intensities.setdefault(key[0], {})):
                tree.faults.append((path, f"AU{au:02d} of {key[0][0]}_{key[0][1]} twice: also {kept[au].name}"))
            else:
                kept[au] = path


def images_of(folder: Path) -> tuple[dict[int, Path], list[tuple[Path, str]]]:
    """Images by their own number, padded to any width; the 3D frames beside them (.obj, .mtl) are passed over."""
    return numbered(files(folder, PICTURE_SUFFIXES))


def read_intensity(path: Path) -> Coded:
    """``frame,code`` without header; a header, should there be one, is passed over. Frames as the file counts."""
    found = coded_lines(path, (*range(6), MISSING))
    if found.faults and found.faults[0][0] is not None:
        number, _ = found.faults[0]
        first = next(iter(text_lines(path)), (0, ""))
        if number == first[0] and not any(whole(part.strip()) is not None for part in first[1].split(",")):
            del found.faults[0]
    for frame in [frame for frame in found.codes if frame < 1]:
        found.faults.append((found.lines[frame], f"frame {frame}: frames count from 1"))
        del found.codes[frame], found.lines[frame]
    return found


@dataclass
class Occurrence:
    """Codes 0, 1 and 9 by AU and frame."""

    codes: dict[int, dict[int, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_occurrence(path: Path) -> Occurrence:
    """A table with a header of AU numbers, column 0 being the frame. Read by header: BP4D+ has other columns."""
    found = Occurrence()
    try:
        lines = text_lines(path)
    except OSError as error:
        found.faults.append((None, f"cannot be read ({error.strerror or error})"))
        return found
    if not lines:
        found.faults.append((None, "is empty"))
        return found
    header = [whole(cell.strip().upper().removeprefix("AU")) for cell in lines[0][1].split(",")]
    columns = [(place, au) for place, au in enumerate(header) if place and au in OCCURRENCE_AUS]
    if not columns or header[1:3] == [None, None]:
        found.faults.append((lines[0][0], f"{shown(lines[0][1])} is no header of AU numbers"))
        return found
    found.codes = {au: {} for _, au in columns if au is not None}
    for number, line in lines[1:]:
        cells = [whole(cell) for cell in line.split(",")]
        if len(cells) != len(header) or cells[0] is None:
            found.faults.append((number, f"has {len(cells)} cells, the header has {len(header)}"))
            continue
        if cells[0] < 1:
            found.faults.append((number, f"frame {cells[0]}: frames count from 1"))
            continue
        for place, au in columns:
            code = cells[place]
            if code not in (0, 1, MISSING):
                found.faults.append((number, f"code {line.split(',')[place]} of AU{au:02d} is none of 0, 1, 9"))
            elif au is not None and code is not None:
                found.codes[au][cells[0]] = code
    return found
