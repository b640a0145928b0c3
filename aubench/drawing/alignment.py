"""The aligned crop: five points of a face on their template, and the alignment's error from frame to frame."""

from __future__ import annotations

import math

import numpy as np

from aubench.contracts import NUISANCE_NAMES, TEMPLATE
from aubench.drawing.arrays import Floats
from aubench.predict.align import similarity

ROLL_DEGREES, SHIFT, SCALE = 6.0, 0.03, 0.05
"""What a nuisance of 1 does: roll in degrees, shift as a share of the side, relative scale."""
HEAD_SCALE, HEAD_HEIGHT = 0.21, 0.45
"""Of a whole head without alignment: interocular distance, and height of the eyes, as shares of the side."""
_N = {name: n for n, name in enumerate(NUISANCE_NAMES)}


def five_points(landmarks: Floats) -> Floats:
    """Eye centres, nose tip and mouth corners (5, d) of 68 landmarks (68, d) in iBUG order."""
    return np.stack([landmarks[36:42].mean(0), landmarks[42:48].mean(0), landmarks[30], landmarks[48], landmarks[54]])


def crop_warp(
    landmarks: Floats,
    size: int,
    *,
    nuisance: Floats | None = None,
    angle: float = 0.0,
    scale: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Floats:
    """The similarity that makes an aligned crop: five points on :data:`aubench.contracts.TEMPLATE`, then an error.

    Args:
        landmarks: 68 landmarks (68, 2) on the image plane, in any unit, y downwards.
        size: Side of the crop in pixels.
        nuisance: Values (9,) in -1..1, see :data:`aubench.contracts.NUISANCE_NAMES`; its roll, scale and shift count.
        angle: Turn of the crop about its middle, in radians, clockwise.
        scale: Zoom about its middle.
        shift: Shift to the right and downwards, as shares of the side.

    Returns:
        A matrix (2, 3), float64, from the image plane to pixels.

    >>> marks = np.random.default_rng(0).random((68, 2))
    >>> warp = crop_warp(marks, 64)
    >>> (five_points(marks) @ warp[:, :2].T + warp[:, 2]).shape
    (5, 2)
    """
    points = five_points(landmarks.astype(np.float64)).astype(np.float64)
    warp = similarity(points, np.array(TEMPLATE, np.float64) * size)
    move = size * np.array(shift, np.float64)
    if nuisance is not None:
        angle += math.radians(ROLL_DEGREES * float(nuisance[_N["roll"]]))
        scale *= 1.0 + SCALE * float(nuisance[_N["scale"]])
        move = move + SHIFT * size * nuisance[[_N["shift_x"], _N["shift_y"]]].astype(np.float64)
    return moved(warp, angle, scale, move, size)


def moved(warp: Floats, angle: float, scale: float, shift: Floats, size: int) -> Floats:
    """``warp`` (2, 3) followed by a turn (radians) and a zoom about the image's middle, and a shift (2,) in pixels."""
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    middle = np.full(2, 0.5 * (size - 1))
    out = np.empty((2, 3))
    out[:, :2] = turn @ warp[:, :2]
    out[:, 2] = turn @ (warp[:, 2] - middle) + middle + shift
    return out
