"""What 68 landmarks say of a crop: the five points of its alignment, and how its head is turned.

Points are fractions of the crop's side, x then y, from its top left corner, in iBUG order; rotations act on x to the
right, y down and z out of the picture.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aubench.contracts import TEMPLATE
from aubench.data.augment.prior import Prior
from aubench.predict import align
from aubench.types import Floats

RIGID = (*range(27, 36), 36, 39, 42, 45, 48, 54)
"""Nose, eye corners and mouth corners: what an expression moves least, and a person's build differs in least."""
FEWEST = 12
"""A face with fewer known points has none."""


def five(points: Floats) -> Floats:
    """Eye centres, nose tip and mouth corners (5, 2) of 68 points."""
    eyes = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    return np.stack([*eyes, points[30], points[48], points[54]])


def complete(points: Floats, prior: Prior) -> Floats | None:
    """68 points (68, 2) with NaN ones (jaw, inner lips: not every data set has them) put where the generic face, moved
    by the affine map that fits the known ones best, has them. ``None`` where too few are known."""
    known = np.asarray(np.isfinite(points).all(axis=1))
    if known.all():
        return points
    if known.sum() < FEWEST:
        return None
    generic = np.concatenate([prior.landmarks[:, :2], np.ones((68, 1), np.float32)], axis=1)
    affine = np.linalg.lstsq(generic[known], points[known], rcond=None)[0]
    return np.where(known[:, None], points, generic @ affine).astype(np.float32)


def turned(points: Floats, prior: Prior) -> Floats:
    """Scale times rotation (3, 3) that takes the generic face to ``points`` under parallel projection, in the sense of
    least squares: the two visible rows by regression, made orthogonal, the third square to both."""
    model, picture = prior.landmarks[list(RIGID)].astype(np.float64), points[list(RIGID)].astype(np.float64)
    model, picture = model - model.mean(axis=0), picture - picture.mean(axis=0)
    rows = np.linalg.lstsq(model, picture, rcond=None)[0].T
    u, strength, v = np.linalg.svd(rows, full_matrices=False)
    first, second = u @ v
    rotation = np.stack([first, second, np.cross(first, second)])
    return np.asarray(strength.mean() * rotation, np.float32)


def similarity(source: npt.NDArray[np.floating], target: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Turn, scale and shift (3, 3) of the plane with the least squared distance of ``source`` (n, 2) to ``target``; see
    :func:`aubench.predict.align.similarity`."""
    return np.vstack([align.similarity(np.asarray(source), np.asarray(target)), [0.0, 0.0, 1.0]])


def realigned(before: Floats, after: Floats) -> Floats:
    """What the aligner would do (3, 3) to a picture whose points went from ``before`` to ``after`` (68, 2).

    It is told as a difference, so that nothing happens where no point moved, however the picture was aligned at first:
    with another detector's eye centres, say.
    """
    template = np.asarray(TEMPLATE)
    change = np.linalg.inv(similarity(five(before), template)) @ similarity(five(after), template)
    return np.asarray(change, np.float32)


def moved(matrix: Floats, points: Floats) -> Floats:
    """Points (n, 2) through a matrix (3, 3)."""
    out: Floats = (points @ matrix[:2, :2].T + matrix[:2, 2]).astype(np.float32)
    return out
