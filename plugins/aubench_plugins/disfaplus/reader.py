"""DISFA+ as recordings: one for each subject and trial.

::

    Labels/SN001/<trial>/AU1.txt      two header lines, then "000.jpg     0"
    Images/SN001/<trial>/000.jpg
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aubench.data.dataset import PreparedDataset
from aubench.data.join import Problems, au_name, joined
from aubench.data.layout import (
    PICTURE_SUFFIXES,
    Fault,
    files,
    folders,
    listed,
    numbered,
    presumed,
    ranges,
    shown,
    text_lines,
    unnest,
    whole,
    within,
    wrong_root,
)
from aubench.data.records import Images, Recording, Scan

from . import DisfaPlusConfig

AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
HEADER_LINES = 2
_LINE = re.compile(r"(\S+?)\.(?:jpe?g|png|bmp)\s+(\S+)", re.IGNORECASE)
_AU = re.compile(r"AU0*(\d+)", re.IGNORECASE)
_SUBJECT = re.compile(r"SN0*(\d{1,3})", re.IGNORECASE)


@dataclass
class Labels:
    """Intensities by image number, and what was wrong with the other lines."""

    codes: dict[int, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_labels(path: Path) -> Labels:
    """One label file. Lines before the first one of data are its header, two at most."""
    found = Labels()
    try:
        lines = text_lines(path)
    except OSError as error:
        found.faults.append((None, f"cannot be read ({error.strerror or error})"))
        return found
    started = False
    for place, (number, line) in enumerate(lines):
        match = _LINE.fullmatch(line)
        if match is None:
            if started or place >= HEADER_LINES:
                found.faults.append((number, f"{shown(line)} is not an image's name and an intensity"))
            continue
        started = True
        image, code = whole(match[1]), whole(match[2])
        if image is None:
            found.faults.append((number, f"{match[1]} is not a frame number"))
        elif code is None or not 0 <= code <= 5:
            found.faults.append((number, f"intensity {match[2]} of frame {image} is none of 0, 1, 2, 3, 4, 5"))
        elif image in found.codes:
            found.faults.append((number, f"frame {image} was told before"))
        else:
            found.codes[image] = code
    if not started:
        found.faults.append((None, "holds no line such as '000.jpg     0'"))
    return found


class DisfaPlusReader:
    """Reads DISFA+'s folder. Its people are people of DISFA, and bear the same names."""

    name = "disfaplus"
    people = "disfa"
    aus = tuple(au_name(number) for number in AUS)

    def __init__(self, config: DisfaPlusConfig) -> None:
        self.config = config

    def options(self) -> Mapping[str, Any]:
        return {}

    def label_places(self, root: Path) -> list[Path]:
        """The folder of the label files."""
        return [folder for folder in (within(root, ("Labels",), depth=1),) if folder is not None]

    def scan(self, root: Path) -> Scan:
        labels, images = within(root, ("Labels",), depth=1), within(root, ("Images",), depth=1)
        if labels is None or images is None:
            lacking = [f"folder {name}" for name, at in (("Labels", labels), ("Images", images)) if at is None]
            raise wrong_root(root, "DISFA+", lacking, "DISFAPlusDataset, which holds both")
        problems = Problems()
        told = _trials(unnest(labels, ("Labels",)), problems)
        shot = _trials(unnest(images, ("Images",)), problems)
        recordings = []
        for subject, trial in sorted(told.keys() | shot.keys()):
            sequence = f"{subject}/{trial}"
            if (subject, trial) not in shot:
                problems.error(told[subject, trial], "has labels but no folder of images", recording=sequence)
            elif (subject, trial) not in told:
                problems.error(shot[subject, trial], "has images but no folder of labels; left out", recording=sequence)
            else:
                found = self._recording(subject, trial, told[subject, trial], shot[subject, trial], problems)
                if found is not None:
                    recordings.append(found)
        return Scan(tuple(recordings), problems.done())

    @staticmethod
    def _recording(subject: str, trial: str, labels: Path, images: Path, problems: Problems) -> Recording | None:
        sequence = f"{subject}/{trial}"
        pictures, faults = numbered(files(images, PICTURE_SUFFIXES))
        problems.paths(faults, sequence)
        columns: dict[int, dict[int, int]] = {}
        for path in files(labels, {".txt"}):
            match = _AU.fullmatch(path.stem)
            if match is None or int(match[1]) not in AUS:
                problems.warning(path, "is not a label file of one of the 12 AUs (AU1.txt, ...)", recording=sequence)
                continue
            read = read_labels(path)
            problems.faults(path, read.faults, sequence)
            columns[int(match[1])] = read.codes
        if lacking := [au_name(au) for au in AUS if au not in columns]:
            problems.error(labels, f"no label file of {listed(lacking)}", recording=sequence)
        if bare := pictures.keys() - set().union(*columns.values()):
            problems.warning(images, f"frames without labels: {ranges(bare)}", recording=sequence)
        if not pictures:
            problems.error(images, "holds no images", recording=sequence)
            return None
        if gone := set().union(*columns.values()) - pictures.keys():
            problems.error(images, f"{len(gone)} labelled frames have no image: {ranges(gone)}", None, sequence)
            pictures |= {number: presumed(images, number, pictures) for number in gone}
        frames = np.array(sorted(pictures), np.int64)
        values, states = joined(frames, [columns.get(au, {}) for au in AUS])
        media = Images(tuple(pictures[frame] for frame in frames.tolist()))
        return Recording(subject, sequence, media, frames, values, states, facts={"trial": trial})


def dataset(config: DisfaPlusConfig) -> PreparedDataset:
    """The factory of the card."""
    return PreparedDataset(config, DisfaPlusReader(config))


def _trials(top: Path, problems: Problems) -> dict[tuple[str, str], Path]:
    """Folders by subject and trial."""
    found: dict[tuple[str, str], Path] = {}
    for home in folders(top):
        match = _SUBJECT.fullmatch(home.name)
        if match is None:
            problems.warning(home, "no subject's folder (SN001, ...)")
            continue
        subject = f"SN{int(match[1]):03d}"
        for folder in folders(home):
            if (subject, folder.name) in found:
                problems.error(folder, f"two folders of subject {subject}, trial {folder.name}")
            else:
                found[subject, folder.name] = folder
    return found
