"""Cuts in a video: pictures so unlike the one before that they show another scene, perhaps another person.

Faces are followed and numbered by their place. What is relative to one person (a neutral face, a smoothed curve) must
therefore not go on across a cut. Only hard cuts are found; a slow fade from one scene to the next is not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aubench.predict.align import Canvas

THUMBNAIL, OTHER_SCENE = 16, 16.0
"""Two pictures, shrunk to so many pixels a side, that differ by so many of 256 levels on average show different scenes.
The largest difference between neighbours of an uncut recording at 25 frames/s was 4.9."""


class Scenes:
    """Compares pictures with those before them."""

    def __init__(self) -> None:
        self._before: npt.NDArray[np.float32] | None = None
        self._with_face: npt.NDArray[np.float32] | None = None
        self._changed = False

    def cut(self, canvas: Canvas, face: bool) -> bool:
        """Whether the faces of this picture are in another scene than the last faces before it.

        That is so where a picture differed suddenly from the one before it since, and this one (which shows a ``face``)
        differs from the last one with a face: a camera that was covered for a moment is no cut.
        """
        seen = thumbnail(canvas)
        self._changed |= self._before is not None and differ(self._before, seen)
        self._before = seen
        if not face:
            return False
        cut = self._changed and self._with_face is not None and differ(self._with_face, seen)
        self._with_face, self._changed = seen, False
        return cut


def thumbnail(canvas: Canvas) -> npt.NDArray[np.float32]:
    """A picture shrunk to at most 16 pixels a side, in levels of 256."""
    return canvas.resized(min(THUMBNAIL, canvas.width), min(THUMBNAIL, canvas.height)).astype(np.float32)


def differ(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> bool:
    """Whether two thumbnails show different scenes; those of different shapes do."""
    return a.shape != b.shape or float(np.abs(a - b).mean()) > OTHER_SCENE
