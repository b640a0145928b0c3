"""From the posed head to pixels: a pinhole at some distance, then the similarity that makes an aligned crop.

Camera space is centimetres with x right, y up, z towards the camera, its origin where the head turns. The picture
has x right, y down; pixel (0, 0) is the centre of the top-left pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aubench.contracts import NUISANCE_NAMES, TEMPLATE
from aubench.predict.align import similarity

from .arrays import Floats

ROLL_DEGREES, SHIFT, SCALE = 6.0, 0.03, 0.05
"""What a nuisance of 1 does: roll in degrees, shift as a share of the side, relative scale."""
HEAD_SCALE, HEAD_HEIGHT = 0.21, 0.45
"""Without alignment: interocular distance, and height of the eyes, as shares of the side."""
EYE_DISTANCE, EYE_LEVEL = 6.2, (0.0, 5.1, 8.4)
"""A usual interocular distance in centimetres, and where the eyes' middle is in camera space (see :mod:`.posing`)."""
DISTANCE = 90.0
"""The game look's camera, in centimetres from the origin."""
_N = {name: n for n, name in enumerate(NUISANCE_NAMES)}


@dataclass(frozen=True, eq=False)
class Camera:
    """``distance`` of the pinhole from the origin of camera space, in centimetres; ``warp`` (2, 3) float32: similarity
    from the plane of the picture, in centimetres at the origin's depth, y down, to pixels."""

    distance: float
    warp: Floats

    def project(self, points: Floats) -> Floats:
        """Points (n, 3) of camera space to (n, 3): x and y in pixels, and the distance from the pinhole in
        centimetres along the line of sight."""
        depth = np.float32(self.distance) - points[:, 2]
        out = np.empty((len(points), 3), np.float32)
        shrink = np.float32(self.distance) / depth
        x, y = points[:, 0] * shrink, -points[:, 1] * shrink
        w = self.warp
        out[:, 0] = w[0, 0] * x + w[0, 1] * y + w[0, 2]
        out[:, 1] = w[1, 0] * x + w[1, 1] * y + w[1, 2]
        out[:, 2] = depth
        return out

    @property
    def unit(self) -> float:
        """Pixels per centimetre at the origin's depth."""
        return float(np.hypot(self.warp[0, 0], self.warp[1, 0]))


_FLAT = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


def crop_camera(
    landmarks: Floats,
    size: int,
    *,
    distance: float = DISTANCE,
    nuisance: Floats | None = None,
    angle: float = 0.0,
    scale: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Camera:
    """The camera that shows ``landmarks`` (68, 3), in camera space, as an aligned crop: five points on
    :data:`aubench.contracts.TEMPLATE`, then the alignment's error: ``angle`` (radians), ``scale``, ``shift`` (shares of
    the side) and the entries of ``nuisance`` (9,) about them."""
    points = Camera(distance, _FLAT).project(landmarks)[:, :2].astype(np.float64)
    warp = similarity(five_points(points).astype(np.float64), np.array(TEMPLATE, np.float64) * size)
    move = size * np.array(shift, np.float64)
    if nuisance is not None:
        angle += math.radians(ROLL_DEGREES * float(nuisance[_N["roll"]]))
        scale *= 1.0 + SCALE * float(nuisance[_N["scale"]])
        move = move + SHIFT * size * nuisance[[_N["shift_x"], _N["shift_y"]]].astype(np.float64)
    return Camera(distance, moved(warp, angle, scale, move, size).astype(np.float32))


def head_camera(size: int, *, distance: float = DISTANCE) -> Camera:
    """A camera that shows the whole head, unaligned."""
    scale = HEAD_SCALE * size / EYE_DISTANCE * (distance - EYE_LEVEL[2]) / distance
    level = HEAD_HEIGHT * size + EYE_LEVEL[1] * HEAD_SCALE * size / EYE_DISTANCE
    return Camera(distance, np.array([[scale, 0.0, 0.5 * size], [0.0, scale, level]], np.float32))


def five_points(landmarks: Floats) -> Floats:
    """Eye centres, nose tip and mouth corners (5, d) of 68 landmarks (68, d)."""
    return np.stack([landmarks[36:42].mean(0), landmarks[42:48].mean(0), landmarks[30], landmarks[48], landmarks[54]])


def moved(warp: Floats, angle: float, scale: float, shift: Floats, size: int) -> Floats:
    """``warp`` followed by a turn (radians) and a zoom about the picture's middle, and a shift in pixels."""
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    middle = np.full(2, 0.5 * (size - 1))
    out = np.empty((2, 3))
    out[:, :2] = turn @ warp[:, :2]
    out[:, 2] = turn @ (warp[:, 2] - middle) + middle + shift
    return out
