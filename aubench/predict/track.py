"""Following faces from frame to frame: O-net alone on the last known place, the whole cascade when a face is lost.

Besides being several times faster than detecting anew, this steadies the five points: each frame starts from a box that
already fits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from aubench.predict.align import Canvas, Points
from aubench.predict.detect import Boxes, Detector, Face, overlap, squared

LOST_SCORE = 0.6
"""O-net's probability under which a followed face counts as lost, and is looked for in the whole picture."""
SURE_SCORE = 0.9
"""From this probability on, size decides which of several faces is taken; under it, nearly always something else."""
SEARCH_EVERY = 12
"""Frames between searches for further faces, while fewer are followed than asked for."""
SAME_PLACE = 0.3
"""Overlap (intersection over union) from which a newly found face is taken for one followed, or lost, there."""
MEMORY = 48
"""Frames for which the number of a lost face is kept for one that comes back at its place."""


@dataclass
class _Followed:
    number: int
    face: Face
    seen: int
    steady: Steadied | None


class Tracker:
    """Finds up to ``most`` faces in each picture of a sequence and numbers them.

    Numbers go by place, not by recognition; with ``most`` of 1 every face is number 0. ``steady`` runs the points
    through a :class:`Steadied` filter each.
    """

    def __init__(self, detector: Detector, most: int = 1, *, steady: bool = False) -> None:
        self.detector, self.most, self.steady = detector, most, steady
        self._followed: list[_Followed] = []
        self._lost: list[_Followed] = []
        self._given = 0
        self._frame = 0
        self._searched = -SEARCH_EVERY

    def fresh(self) -> Tracker:
        """A tracker with the same options that has seen nothing yet."""
        return Tracker(self.detector, self.most, steady=self.steady)

    def step(self, canvas: Canvas) -> list[tuple[int, Face]]:
        """The faces of the next frame with their numbers, lowest number first."""
        self._frame += 1
        had = len(self._followed)
        self._follow(canvas)
        short = len(self._followed) < self.most
        if short and (len(self._followed) < had or not self._followed or self._frame - self._searched >= SEARCH_EVERY):
            self._search(canvas)
        return [(one.number, self._shown(one)) for one in sorted(self._followed, key=lambda one: one.number)]

    def _follow(self, canvas: Canvas) -> None:
        """Look again where each face was; faces that have run into one another count as one."""
        if not self._followed:
            return
        squares = _snapped(squared(np.stack([one.face.box for one in self._followed])))
        kept: list[_Followed] = []
        for one, face in zip(self._followed, self.detector.look(canvas, squares), strict=True):
            centre = (face.box[:2] + face.box[2:]) / 2
            inside = bool(np.all(centre > 0) and centre[0] < canvas.width and centre[1] < canvas.height)
            if face.score >= LOST_SCORE and inside and face.side > 8 and not _taken(kept, face):
                one.face, one.seen = face, self._frame
                kept.append(one)
            else:
                self._lost.append(one)
        self._followed = kept

    def _search(self, canvas: Canvas) -> None:
        """Add faces of the whole picture that are not followed yet: the sure ones first, the largest of them first."""
        self._searched = self._frame
        for face in sorted(self.detector.detect(canvas), key=lambda face: (face.score < SURE_SCORE, -face.side)):
            if len(self._followed) < self.most and not _taken(self._followed, face):
                steady = Steadied() if self.steady else None
                self._followed.append(_Followed(self._number(face), face, self._frame, steady))

    def _number(self, face: Face) -> int:
        if self.most == 1:
            return 0
        self._lost = [one for one in self._lost if self._frame - one.seen <= MEMORY]
        for one in self._lost:
            if _same(one.face, face):
                self._lost.remove(one)
                return one.number
        self._given += 1
        return self._given - 1

    @staticmethod
    def _shown(one: _Followed) -> Face:
        return one.face if one.steady is None else replace(one.face, points=one.steady.step(one.face.points))


def _snapped(squares: Boxes) -> Boxes:
    """Squares with centre and side on a grid of 1/2048 to 1/1024 of the side.

    A network's answers differ in the last digits between machines and numbers of cores. Fed back into the next frame's
    place, such differences would grow to a tenth of a pixel and 0.06 of an intensity; rounding ends them.
    """
    side = np.maximum(squares[:, 2:] - squares[:, :2], 1.0).mean(axis=1, keepdims=True)
    grid = 2.0 ** np.floor(np.log2(side / 1024))
    centre = np.round((squares[:, :2] + squares[:, 2:]) / 2 / grid) * grid
    half = np.round(side / grid) * grid / 2
    return np.hstack([centre - half, centre + half])


def _same(a: Face, b: Face) -> bool:
    return float(overlap(a.box[None], b.box)[0]) >= SAME_PLACE


def _taken(followed: list[_Followed], face: Face) -> bool:
    return any(_same(one.face, face) for one in followed)


class Steadied:
    """A light low-pass filter of five points that lets go when they move: the One Euro filter (Casiez, Roussel and
    Vogel 2012, doi:10.1145/2207676.2208639), in units of the eye distance and of frames, so that size and rate do
    not matter."""

    CUTOFF, PER_SPEED, SPEED_CUTOFF = 0.12, 4.0, 0.16
    """Cut-off at rest in cycles per frame, its growth per eye distance per frame, and the cut-off of the speed."""

    def __init__(self) -> None:
        self._last: Points | None = None
        self._speed: Points = np.zeros((5, 2))

    def step(self, points: Points) -> Points:
        if self._last is None:
            self._last = points
            return points
        unit = max(float(np.linalg.norm(points[1] - points[0])), 1.0)
        self._speed = self._speed + _gain(self.SPEED_CUTOFF) * ((points - self._last) / unit - self._speed)
        # One cut-off for all five, from their common motion: they must not shear against each other.
        cutoff = self.CUTOFF + self.PER_SPEED * float(np.linalg.norm(self._speed.mean(axis=0)))
        self._last = self._last + _gain(cutoff) * (points - self._last)
        return self._last


def _gain(cutoff: float) -> float:
    """Weight of the new value in a first-order low-pass filter, ``cutoff`` in cycles per frame."""
    r = 2 * np.pi * cutoff
    return float(r / (r + 1))
