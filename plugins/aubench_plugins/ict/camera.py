"""From the posed head to pixels: a pinhole at some distance, then the similarity that makes an aligned crop.

Camera space is centimetres with x right, y up, z towards the camera, its origin where the head turns. The picture
has x right, y down; pixel (0, 0) is the centre of the top-left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aubench.drawing.alignment import HEAD_HEIGHT, HEAD_SCALE, crop_warp
from aubench.drawing.arrays import Floats

EYE_DISTANCE, EYE_LEVEL = 6.2, (0.0, 5.1, 8.4)
"""A usual interocular distance in centimetres, and where the eyes' middle is in camera space (see :mod:`.posing`)."""
DISTANCE = 90.0
"""The game look's camera, in centimetres from the origin."""


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
    """The camera that shows ``landmarks`` (68, 3), in camera space, as an aligned crop; the rest as in
    :func:`aubench.drawing.alignment.crop_warp`."""
    points = Camera(distance, _FLAT).project(landmarks)[:, :2]
    warp = crop_warp(points, size, nuisance=nuisance, angle=angle, scale=scale, shift=shift)
    return Camera(distance, warp.astype(np.float32))


def head_camera(size: int, *, distance: float = DISTANCE) -> Camera:
    """A camera that shows the whole head, unaligned."""
    scale = HEAD_SCALE * size / EYE_DISTANCE * (distance - EYE_LEVEL[2]) / distance
    level = HEAD_HEIGHT * size + EYE_LEVEL[1] * HEAD_SCALE * size / EYE_DISTANCE
    return Camera(distance, np.array([[scale, 0.0, 0.5 * size], [0.0, scale, level]], np.float32))
