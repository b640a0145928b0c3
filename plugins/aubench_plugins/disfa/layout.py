"""Where DISFA keeps what, in all the spellings that copies of it show; and how its landmark files are numbered.

::

    Videos_LeftCamera/   LeftVideoSN001_comp.avi            one video for each subject
    Video_RightCamera/   RightVideoSN001_Comp.avi
    ActionUnit_Labels/   SN001/SN001_au1.txt ... SN001_au26.txt
    Landmark_Points/     SN001/tmp_frame_lm/SN001_0000_lm.mat ...
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from aubench.data.layout import VIDEO_SUFFIXES, Coded, coded_lines, files, folders, unnest, within

AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
CODES = range(6)
VIDEO_FOLDERS = {
    "left": ("Videos_LeftCamera", "Video_LeftCamera", "LeftCamera", "Left_Camera"),
    "right": ("Video_RightCamera", "Videos_RightCamera", "RightCamera", "Right_Camera"),
}
LABEL_FOLDERS = ("ActionUnit_Labels", "ActionUnits_Labels", "ActionUnit_Label")
LANDMARK_FOLDERS = ("Landmark_Points", "Landmarks_Points")
_FRAME_FOLDERS = ("tmp_frame_lm", "frame_lm")
_SUBJECT = re.compile(r"SN0*(\d{1,3})(?!\d)", re.IGNORECASE)
_VIDEO = re.compile(r"(left|right)_?video_?(SN\d+)(_comp)?", re.IGNORECASE)
_LABEL = re.compile(r"(SN\d+)_au0*(\d+)", re.IGNORECASE)
_BY_SUBJECT = re.compile(r"SN\d+_0*(\d+)_lm", re.IGNORECASE)
_BY_L = re.compile(r"l0*(\d+)_lm", re.IGNORECASE)


def subject_id(name: str) -> str | None:
    """``SN001`` out of a file's or folder's name."""
    found = _SUBJECT.search(name)
    return f"SN{int(found[1]):03d}" if found else None


@dataclass
class Videos:
    """One camera's videos by subject; files that are in the way of that, and why."""

    folder: Path | None
    videos: dict[str, Path] = field(default_factory=dict)
    faults: list[tuple[Path, str]] = field(default_factory=list)


def find_videos(root: Path, camera: str) -> Videos:
    """The videos of one camera ("left" or "right"), whose names are compared without regard to case."""
    found = Videos(within(root, VIDEO_FOLDERS[camera], depth=1))
    if found.folder is None:
        return found
    for path in files(unnest(found.folder, VIDEO_FOLDERS[camera]), VIDEO_SUFFIXES):
        match = _VIDEO.fullmatch(path.stem)
        if match is None:
            found.faults.append((path, "the name is not like LeftVideoSN001_comp.avi"))
            continue
        if match[1].lower() != camera:
            found.faults.append((path, f"lies among the videos of the {camera} camera"))
            continue
        subject = subject_id(match[2])
        if subject is None:
            found.faults.append((path, f"{match[2]} is no subject"))
        elif subject in found.videos:
            found.faults.append((path, f"two videos of subject {subject}: also {found.videos[subject].name}"))
        else:
            found.videos[subject] = path
    return found


@dataclass
class LabelFiles:
    """Label files by subject and AU number."""

    folder: Path | None
    by_subject: dict[str, dict[int, Path]] = field(default_factory=dict)
    faults: list[tuple[Path, str]] = field(default_factory=list)


def find_labels(root: Path) -> LabelFiles:
    """The label files. Subjects are the folders that are there: their numbers are not continuous."""
    found = LabelFiles(within(root, LABEL_FOLDERS, depth=1))
    if found.folder is None:
        return found
    for folder in folders(unnest(found.folder, LABEL_FOLDERS)):
        subject = subject_id(folder.name)
        if subject is None:
            found.faults.append((folder, "no subject's folder (SN001, ...)"))
            continue
        if subject in found.by_subject:
            found.faults.append((folder, f"two folders of subject {subject}"))
            continue
        aus = found.by_subject[subject] = {}
        for path in files(folder, {".txt"}):
            match = _LABEL.fullmatch(path.stem)
            if match is None:
                found.faults.append((path, "the name is not like SN001_au1.txt"))
            elif subject_id(match[1]) != subject:
                found.faults.append((path, f"is in the folder of {subject}"))
            elif (au := int(match[2])) not in AUS:
                found.faults.append((path, f"AU{au} is none of DISFA's"))
            elif au in aus:
                found.faults.append((path, f"AU{au} twice: also {aus[au].name}"))
            else:
                aus[au] = path
    return found


def read_labels(path: Path) -> Coded:
    """Intensities 0..5 by frame; the file counts frames from 1, this from 0."""
    found = coded_lines(path, CODES)
    for frame in [frame for frame in found.codes if frame < 1]:
        found.faults.append((found.lines[frame], f"frame {frame}: frames count from 1"))
        del found.codes[frame], found.lines[frame]
    found.codes = {frame - 1: code for frame, code in found.codes.items()}
    found.lines = {frame - 1: line for frame, line in found.lines.items()}
    return found


@dataclass
class LandmarkFiles:
    """Landmark files by frame, counted from 0."""

    folder: Path | None
    by_frame: dict[int, Path] = field(default_factory=dict)
    faults: list[tuple[Path, str]] = field(default_factory=list)


def find_landmarks(root: Path, subject: str) -> LandmarkFiles:
    """The landmark files of a subject: ``SN001_0000_lm.mat`` counts from 0, ``l00001_lm.mat`` from 1.

    Should an ``l`` file numbered 0 turn up, its numbers count from 0 as well. Where both kinds hold a frame, the first
    kind is taken.
    """
    top = within(root, LANDMARK_FOLDERS, depth=1)
    home = None
    if top is not None:
        top = unnest(top, LANDMARK_FOLDERS)
        home = next((path for path in folders(top) if subject_id(path.name) == subject), None)
    found = LandmarkFiles(home)
    if home is None:
        return found
    paths = files(within(home, _FRAME_FOLDERS, depth=1) or home, {".mat"})
    with_l: dict[int, Path] = {}
    for path in paths:
        if (match := _BY_SUBJECT.fullmatch(path.stem)) is not None:
            if subject_id(path.name) != subject:
                found.faults.append((path, f"is in the folder of {subject}"))
            else:
                found.by_frame[int(match[1])] = path
        elif (match := _BY_L.fullmatch(path.stem)) is not None:
            with_l[int(match[1])] = path
        else:
            found.faults.append((path, "the name is not like SN001_0000_lm.mat or l00001_lm.mat"))
    first = 0 if 0 in with_l else 1
    for number, path in with_l.items():
        found.by_frame.setdefault(number - first, path)
    return found
