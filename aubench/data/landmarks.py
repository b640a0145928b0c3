"""Landmark schemes: which points of a data set are eyes, nose tip and mouth corners, and which iBUG point each is.

The five points that alignment needs are means of groups of points. "Left" and "right" are the picture's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scheme:
    """``count`` points in an order of their own.

    Each of the five groups holds indices of points whose mean is the eye centre on the picture's left, the one on its
    right, the nose tip, the mouth corner on the left, the one on the right. ``ibug`` gives for each of the 68 iBUG
    points the index of the same point here, or -1; empty where the points cannot be compared.
    """

    name: str
    count: int
    left_eye: tuple[int, ...]
    right_eye: tuple[int, ...]
    nose: tuple[int, ...]
    left_mouth: tuple[int, ...]
    right_mouth: tuple[int, ...]
    ibug: tuple[int, ...] = ()

    def five(self, points: Points) -> Points:
        """The five points (n, 5, 2) of landmarks (n, k, 2); NaN where one of those needed is."""
        groups = (self.left_eye, self.right_eye, self.nose, self.left_mouth, self.right_mouth)
        return np.stack([points[:, list(group)].mean(axis=1) for group in groups], axis=1).astype(np.float32)

    def to_ibug(self, points: Points) -> Points:
        """The 68 points (n, 68, 2) in iBUG order, NaN for those that the scheme lacks."""
        out = np.full((len(points), 68, 2), np.nan, np.float32)
        for place, index in enumerate(self.ibug):
            if index >= 0:
                out[:, place] = points[:, index]
        return out


def _without(count: int, left_out: tuple[int, ...]) -> tuple[int, ...]:
    """Where the 68 iBUG points are when some are left out and the others keep their order."""
    kept = [place for place in range(68) if place not in left_out]
    if len(kept) != count:
        raise ValueError(f"{len(kept)} points are left, not {count}")
    return tuple(kept.index(place) if place in kept else -1 for place in range(68))


def _like_ibug(name: str, count: int, left_out: tuple[int, ...]) -> Scheme:
    at = _without(count, left_out)
    eyes = tuple(at[36:42]), tuple(at[42:48])
    return Scheme(name, count, *eyes, (at[30],), (at[48],), (at[54],), at)


IBUG68 = _like_ibug("ibug68", 68, ())
"""jaw 0-16, brows 17-26, nose bridge 27-30 (30 is the tip), nostrils 31-35, eyes 36-47, lips 48-67."""
AAM66 = _like_ibug("aam66", 66, (60, 64))
"""iBUG's without the two inner mouth corners: DISFA."""
POINTS49 = _like_ibug("points49", 49, (*range(17), 60, 64))
"""iBUG's without jaw and inner mouth corners: BP4D."""
