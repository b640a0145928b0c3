"""Where the five points of each frame come from: the data set's landmarks, an OpenFace CSV, or the detector.

The landmarks and the CSV are read once per recording; the detector follows the face from picture to picture, and is
loaded only when a frame needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aubench.data.crops import SOURCES
from aubench.data.landmarks import IBUG68
from aubench.data.openface import find_csv, places_of, read_landmarks
from aubench.data.prepared import Source
from aubench.data.records import Problem, Recording
from aubench.predict.align import Canvas, apply, similarity, template
from aubench.predict.scenes import differ, thumbnail

if TYPE_CHECKING:
    from aubench.predict.detect import Detector
    from aubench.predict.track import Tracker

Points = npt.NDArray[np.float64]
WORST_FIT = 0.12
"""Root mean square distance of the five points from the template, as a fraction of the crop, beyond which they are not
those of a face: lost, mixed up, or mirrored (0.2). A face turned by 60 degrees has about 0.07."""
SMALLEST_FACE = 6.0
"""Pixels between the eye centres under which there is nothing to read."""


@dataclass(frozen=True)
class Found:
    """The five points (5, 2) of a frame in pixels, where they come from (a place in SOURCES), and the 68 iBUG points
    (68, 2), NaN where unknown."""

    points: Points
    source: int
    landmarks: npt.NDArray[np.float32]


@dataclass
class FivePoints:
    """The points of one recording's frames, asked for in order. ``problems`` are those of landmark files."""

    recording: Recording
    align: Source
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._known: list[tuple[int, npt.NDArray[np.float32], npt.NDArray[np.float32]]] = []
        self._tracker: Tracker | None = None
        self._at = (-2, (0, 0))
        self._seen: npt.NDArray[np.float32] = np.empty(0, np.float32)
        recording = self.recording
        if self.align in ("auto", "landmarks") and recording.landmarks is not None:
            points, problems = recording.landmarks.read()
            self._add("landmarks", recording.landmarks.scheme.five(points), recording.landmarks.scheme.to_ibug(points))
            self.problems += problems
        if self.align in ("auto", "openface") and (path := find_csv(recording)) is not None:
            points, problems = read_landmarks(path, places_of(recording))
            self._add("openface", IBUG68.five(points), points)
            self.problems += problems

    def _add(self, source: str, five: npt.NDArray[np.float32], all_points: npt.NDArray[np.float32]) -> None:
        if len(five) != len(self.recording.frames):
            raise ValueError(f"{self.recording.sequence}: {len(five)} landmarks, {len(self.recording.frames)} frames")
        self._known.append((SOURCES.index(source), five, all_points))

    def find(self, row: int, canvas: Canvas) -> Found | str:
        """The points of a frame, or why there are none."""
        why = ""
        for source, five, landmarks in self._known:
            points = np.asarray(five[row], np.float64)
            why = fault(points, canvas.width, canvas.height)
            if not why:
                return Found(points, source, landmarks[row])
        if self.align in ("landmarks", "openface"):
            return why or ("no landmarks" if self.align == "landmarks" else "no OpenFace CSV with this frame")
        return self._detect(row, canvas)

    def _detect(self, row: int, canvas: Canvas) -> Found | str:
        from aubench.predict.track import Tracker

        number, shape = int(self.recording.frames[row]), (canvas.height, canvas.width)
        seen = thumbnail(canvas)
        # A cut in a video, or photos that merely lie in one folder: no face is followed from one to the other.
        if self._tracker is None or self._at != (number - 1, shape) or differ(seen, self._seen):
            self._tracker = Tracker(detector())  # another scene, for all that is known
        self._at, self._seen = (number, shape), seen
        faces = self._tracker.step(canvas)
        if not faces:
            return "no face found"
        points = faces[0][1].points
        why = fault(points, canvas.width, canvas.height)
        return why or Found(points, SOURCES.index("detector"), np.full((68, 2), np.nan, np.float32))


def fault(points: Points, width: int, height: int) -> str:
    """Why five points cannot be those of a face in a picture of this size; empty where they can."""
    if not np.all(np.isfinite(points)):
        return "no landmarks"
    if float(np.linalg.norm(points[1] - points[0])) < SMALLEST_FACE:
        return "landmarks: the eyes coincide, or nearly"
    centre = points.mean(axis=0)
    if not (0 <= centre[0] < width and 0 <= centre[1] < height):
        return "landmarks lie outside the picture"
    target = template(1)
    off = apply(similarity(points, target), points) - target
    if float(np.sqrt(np.mean(np.sum(off**2, axis=1)))) > WORST_FIT:
        return "landmarks do not form a face"
    return ""


@cache
def detector() -> Detector:
    """The face detector of this process."""
    from aubench.predict.detect import Detector

    return Detector()
