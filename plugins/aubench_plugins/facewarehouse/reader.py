"""FaceWarehouse as recordings: one for each person, frame k being pose k (0 is neutral).

::

    Tester_1/TrainingPose/pose_0.png pose_0.land pose_0.obj ... pose_19.*
    Tester_1/Blendshape/shape.bs

Meshes and blend shapes are not read: there are no AU labels in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from aubench.data.dataset import PreparedDataset
from aubench.data.join import Problems
from aubench.data.landmarks import Scheme
from aubench.data.layout import (
    LARGEST_FRAME,
    PICTURE_SUFFIXES,
    child,
    files,
    folders,
    listed,
    packed,
    ranges,
    wrong_root,
)
from aubench.data.records import Images, Landmarks, LandmarkSource, Problem, Recording, Scan, empty_labels
from aubench.errors import UserError

from . import FIVE, FaceWarehouseConfig
from .land import COUNT, read_land

PEOPLE, POSES = 150, 20
_TESTER = re.compile(r"Tester[ _]*\(?0*(\d+)\)?", re.IGNORECASE)
_POSE = re.compile(r"pose_?0*(\d+)", re.IGNORECASE)


class FaceWarehouseReader:
    """Reads FaceWarehouse's folder. It has no AU labels, hence no columns."""

    name = "facewarehouse"
    people = "facewarehouse"
    aus: tuple[str, ...] = ()

    def __init__(self, config: FaceWarehouseConfig) -> None:
        self.config = config
        self.scheme = _scheme(config.land_points)

    def options(self) -> Mapping[str, Any]:
        return self.config.model_dump(mode="json", include={"land_points"})

    def scan(self, root: Path) -> Scan:
        homes = _testers(root)
        if not homes:
            raise wrong_root(root, "FaceWarehouse", ["folder Tester_1, Tester_2, ..."], "the folder that holds them")
        problems = Problems()
        by_number: dict[int, Path] = {}
        for number, home in homes:
            if number in by_number:
                problems.error(home, f"two folders of tester {number}: also {by_number[number].name}")
            else:
                by_number[number] = home
        if len(by_number) != PEOPLE:
            lacking = set(range(1, PEOPLE + 1)) - by_number.keys()
            archives = packed(root)
            hint = f"; still packed: {listed(path.name for path in archives)}" if archives else ""
            problems.warning(
                root, f"{len(by_number)} testers; FaceWarehouse has {PEOPLE}; missing: {ranges(lacking)}{hint}"
            )
        recordings = []
        for number, home in sorted(by_number.items()):
            found = self._tester(number, home, problems)
            if found is not None:
                recordings.append(found)
        return Scan(tuple(recordings), problems.done())

    def _tester(self, number: int, home: Path, problems: Problems) -> Recording | None:
        subject = f"Tester_{number}"
        folder = child(home, ("TrainingPose", "Training Pose"))
        if folder is None:
            problems.error(home, "holds no folder TrainingPose; left out", recording=subject)
            return None
        images = _by_pose(folder, PICTURE_SUFFIXES, problems, subject)
        lands = _by_pose(folder, {".land"}, problems, subject)
        if not images:
            problems.error(folder, "holds no images pose_0.png, ...; left out", recording=subject)
            return None
        if lacking := set(range(POSES)) - images.keys():
            problems.warning(folder, f"no image of pose {ranges(lacking)}", recording=subject)
        for path in lands.values():
            try:
                points = read_land(path)
            except ValueError as error:
                problems.warning(path, str(error), recording=subject)
            else:
                if len(points) != COUNT:
                    problems.warning(path, f"holds {len(points)} points, not {COUNT}", recording=subject)
        frames = np.array(sorted(images), np.int64)
        media = Images(tuple(images[pose] for pose in frames.tolist()))
        landmarks = None
        if self.scheme is not None:
            pairs = tuple((images[pose], lands.get(pose)) for pose in frames.tolist())
            landmarks = LandmarkSource(self.scheme, partial(read_all, pairs))
        return Recording(subject, subject, media, frames, *empty_labels(len(frames), 0), landmarks)


def dataset(config: FaceWarehouseConfig) -> PreparedDataset:
    """The factory of the card."""
    return PreparedDataset(config, FaceWarehouseReader(config))


def _scheme(groups: Mapping[str, tuple[int, ...]] | None) -> Scheme | None:
    if groups is None:
        return None
    if set(groups) != set(FIVE):
        raise UserError(
            f"facewarehouse.land_points: has {listed(sorted(groups))}; required are {listed(FIVE)}.",
            code="config-invalid",
        )
    for name, indices in groups.items():
        if not indices or not all(0 <= index < COUNT for index in indices):
            raise UserError(
                f"facewarehouse.land_points: {name} is {list(indices)}; indices must be from 0 to 73.",
                code="config-invalid",
            )
    return Scheme("facewarehouse74", COUNT, **{name: tuple(groups[name]) for name in FIVE})


def _testers(root: Path) -> list[tuple[int, Path]]:
    """Folders of people in ``root``, or in folders of it (archives may be unpacked side by side)."""
    found = []
    for path in folders(root):
        match = _TESTER.fullmatch(path.name)
        if match is not None:
            found.append((int(match[1]), path))
        else:
            found += [(int(m[1]), inner) for inner in folders(path) if (m := _TESTER.fullmatch(inner.name))]
    return found


def _by_pose(folder: Path, suffixes: frozenset[str] | set[str], problems: Problems, subject: str) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for path in files(folder, suffixes):
        match = _POSE.fullmatch(path.stem)
        if match is None:
            problems.warning(path, "the name is not like pose_0; not used", recording=subject)
        elif int(match[1]) > LARGEST_FRAME:
            problems.error(path, f"poses above {LARGEST_FRAME} are not read", recording=subject)
        elif int(match[1]) in found:
            problems.error(path, f"pose {int(match[1])} twice: also {found[int(match[1])].name}", recording=subject)
        else:
            found[int(match[1])] = path
    return found


def read_all(pairs: tuple[tuple[Path, Path | None], ...]) -> tuple[Landmarks, list[Problem]]:
    """Landmarks (n, 74, 2) in pixels, of images and their ``.land`` files; NaN where there is none of use (which the
    scan has told)."""
    import PIL.Image

    points = np.full((len(pairs), COUNT, 2), np.nan, np.float32)
    for row, (image, land) in enumerate(pairs):
        if land is None:
            continue
        try:
            fractions = read_land(land)
            with PIL.Image.open(image) as opened:
                width, height = opened.size
        except (ValueError, OSError):
            continue
        if len(fractions) == COUNT:
            points[row] = fractions * (width, height)
    return points, []
