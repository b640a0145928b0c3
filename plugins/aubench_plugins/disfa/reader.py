"""DISFA as recordings: one for each subject and camera, labels joined to video frames by their number."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from aubench.data.dataset import PreparedDataset
from aubench.data.join import Problems, au_name, gaps, joined
from aubench.data.landmarks import AAM66
from aubench.data.layout import listed, packed, ranges, wrong_root
from aubench.data.matlab import NoPoints
from aubench.data.records import Landmarks, LandmarkSource, Problem, Recording, Scan, Video

from . import DisfaConfig
from .layout import AUS, LABEL_FOLDERS, VIDEO_FOLDERS, LabelFiles, find_labels, find_landmarks, find_videos, read_labels
from .points import COUNT, read_points
from .tracking import lost

SUBJECTS = tuple(f"SN{number:03d}" for number in (*range(1, 14), 16, 17, 18, 21, *range(23, 33)))
"""The 27 people; SN014, 15, 19, 20 and 22 never were."""


class DisfaReader:
    """Reads DISFA's folder. Problems are collected, see :class:`aubench.data.records.Reader`."""

    name = "disfa"
    people = "disfa"
    aus = tuple(au_name(number) for number in AUS)

    def __init__(self, config: DisfaConfig) -> None:
        self.config = config

    def options(self) -> Mapping[str, Any]:
        return {"camera": self.config.camera, "tracking_lost": self.config.tracking_lost}

    def scan(self, root: Path) -> Scan:
        problems = Problems()
        labels = find_labels(root)
        cameras: tuple[Literal["left", "right"], ...] = (
            ("left", "right") if self.config.camera == "both" else (self.config.camera,)
        )
        sets = {camera: find_videos(root, camera) for camera in cameras}
        lacking = [] if labels.folder is not None else [f"folder {LABEL_FOLDERS[0]}"]
        if all(videos.folder is None for videos in sets.values()):
            lacking += [f"folder {VIDEO_FOLDERS[camera][0]}" for camera in cameras]
        if lacking or labels.folder is None:
            raise wrong_root(root, "DISFA", lacking, "the folder that holds both the videos and the labels")
        problems.paths(labels.faults)
        self._who_is_there(labels, labels.folder, problems)

        codes = {who: _codes(who, paths, labels.folder, problems) for who, paths in labels.by_subject.items()}
        recordings = []
        for camera, videos in sets.items():
            if videos.folder is None:
                problems.error(root, f"no videos of the {camera} camera: looked for {listed(VIDEO_FOLDERS[camera])}")
                continue
            problems.paths(videos.faults)
            for subject in sorted(videos.videos.keys() - codes.keys()):
                problems.error(videos.videos[subject], f"subject {subject} has no labels; the video is left out")
            for subject, columns in sorted(codes.items()):
                if subject not in videos.videos:
                    problems.error(videos.folder, f"no video of subject {subject}; its labels are left out")
                elif any(columns):
                    recordings.append(self._recording(root, subject, camera, videos.videos[subject], columns, problems))
        return Scan(tuple(recordings), problems.done())

    def label_places(self, root: Path) -> list[Path]:
        """The folder of the label files."""
        return [folder for folder in (find_labels(root).folder,) if folder is not None]

    @staticmethod
    def _who_is_there(labels: LabelFiles, folder: Path, problems: Problems) -> None:
        if lacking := [subject for subject in SUBJECTS if subject not in labels.by_subject]:
            archives = packed(folder.parent)
            hint = f"; still packed: {listed(path.name for path in archives)}" if archives else ""
            problems.warning(folder, f"{len(lacking)} of the 27 subjects are missing: {listed(lacking, 27)}{hint}")
        if strange := [subject for subject in sorted(labels.by_subject) if subject not in SUBJECTS]:
            problems.warning(folder, f"DISFA has no subject {listed(strange)}; used anyway")

    def _recording(
        self, root: Path, subject: str, camera: str, video: Path, columns: list[dict[int, int]], problems: Problems
    ) -> Recording:
        sequence = subject if camera == "left" else f"{subject}_right"
        numbers = set().union(*columns)
        masked = lost(subject) & numbers
        if masked and self.config.tracking_lost == "drop":
            problems.note(video, f"{len(masked)} frames of lost tracking are left out", recording=sequence)
            numbers -= masked
        elif masked and camera == "left":
            problems.note(
                video, f"{len(masked)} frames of lost tracking are used without their landmarks", recording=sequence
            )
        frames = np.array(sorted(numbers), np.int64)
        values, states = joined(frames, columns)
        # The landmarks were tracked on the left camera's pictures.
        landmarks = _landmarks(root, subject, frames, masked, problems) if camera == "left" else None
        return Recording(subject, sequence, Video(video), frames, values, states, landmarks, camera)


def dataset(config: DisfaConfig) -> PreparedDataset:
    """The factory of the card."""
    return PreparedDataset(config, DisfaReader(config))


def _codes(subject: str, paths: Mapping[int, Path], folder: Path, problems: Problems) -> list[dict[int, int]]:
    """One mapping of frame to intensity for each AU; empty for a file that is missing or of no use."""
    read = {}
    for au, path in sorted(paths.items()):
        read[au] = read_labels(path)
        problems.faults(path, read[au].faults, subject)
    if lacking := [au_name(au) for au in AUS if au not in paths]:
        problems.error(folder / subject, f"no label file of {listed(lacking)}", recording=subject)
    everything = set().union(*(found.codes for found in read.values()))
    for au, found in read.items():
        # Torn lines have been told already; what else is lacking was never there.
        short = everything - found.codes.keys()
        if len(short) > len(found.faults):
            problems.error(
                paths[au],
                f"lacks {len(short)} frames that other AUs have ({ranges(frame + 1 for frame in short)})",
                recording=subject,
            )
    if holes := gaps({frame + 1 for frame in everything}):
        problems.warning(folder / subject, f"no AU has a line of frame {holes}", recording=subject)
    return [read[au].codes if au in read else {} for au in AUS]


def _landmarks(
    root: Path, subject: str, frames: npt.NDArray[np.int64], masked: frozenset[int] | set[int], problems: Problems
) -> LandmarkSource | None:
    found = find_landmarks(root, subject)
    if found.folder is None:
        problems.note(root, f"no landmarks of subject {subject}: another source will be needed", recording=subject)
        return None
    problems.paths(found.faults, subject, "warning")
    wanted = set(frames.tolist())
    if lacking := wanted - found.by_frame.keys():
        problems.warning(
            found.folder,
            f"no landmark file of {len(lacking)} frames ({ranges(lacking)}, counted from 0)",
            None,
            subject,
        )
    last = max(wanted, default=-1)
    if spare := [frame for frame in found.by_frame if frame > last or frame < 0]:
        problems.warning(
            found.folder,
            f"{len(spare)} landmark files more than labelled frames (frame {ranges(spare)}, counted from 0), not used",
            None,
            subject,
        )
    paths = tuple(None if frame in masked else found.by_frame.get(frame) for frame in frames.tolist())
    return LandmarkSource(AAM66, partial(read_all, paths, subject))


def read_all(paths: tuple[Path | None, ...], subject: str) -> tuple[Landmarks, list[Problem]]:
    """The landmarks (n, 66, 2) in the files; NaN where there is none, or none that can be read."""
    points = np.full((len(paths), COUNT, 2), np.nan, np.float32)
    problems = Problems()
    for row, path in enumerate(paths):
        if path is not None:
            try:
                points[row] = read_points(path)
            except NoPoints as error:
                problems.warning(path, str(error), recording=subject)
    return points, problems.found
