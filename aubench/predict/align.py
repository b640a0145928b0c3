"""Similarity alignment: five points to :data:`aubench.contracts.TEMPLATE`, and the resampling it needs.

Points are pixels, x then y, with (0, 0) at the centre of the top-left pixel. A matrix (2, 3) maps points of the source
image to points of the output.
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from aubench.contracts import TEMPLATE

Points = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]


def template(size: int) -> Points:
    """The five places (5, 2) in a crop of side ``size``, in pixels: a fraction counts from the picture's edge."""
    return np.asarray(TEMPLATE, np.float64) * size - 0.5


def similarity(source: Points, target: Points) -> Matrix:
    """The turn, scale and shift (4 degrees of freedom, no mirror) with the least squared distance to ``target``.

    Written in complex numbers, target ≈ a·source + b, least squares gives a = Σ conj(s)·t / Σ |s|² on centred
    points. Raises ``ValueError`` when all source points coincide.
    """
    s, t = (np.asarray(p, np.float64) @ np.array([1, 1j]) for p in (source, target))
    centred = s - s.mean()
    spread = float(np.sum(np.abs(centred) ** 2))
    if not spread > 0:
        raise ValueError("the points coincide; no similarity maps them")
    a = np.sum(np.conj(centred) * (t - t.mean())) / spread
    b = t.mean() - a * s.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def apply(matrix: Matrix, points: Points) -> Points:
    """``points`` (n, 2) through ``matrix`` (2, 3)."""
    mapped: Points = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped


def compose(second: Matrix, first: Matrix) -> Matrix:
    """The matrix that does ``first``, then ``second``."""
    whole: Matrix = second @ np.vstack([first, [0, 0, 1]])
    return whole


def rescaling(sx: float, sy: float) -> Matrix:
    """Resizing by ``sx``, ``sy`` with the outer edges, not the outer pixel centres, kept in place."""
    return np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2]])


def shrink(image: Image, width: int, height: int) -> Image:
    """Resized, each pixel the mean of what it covers."""
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


class Canvas:
    """An RGB image (h, w, 3) uint8 that can be resampled without aliasing: its halvings are kept, as many as needed."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.height, self.width = image.shape[:2]

    @cached_property
    def _levels(self) -> list[Image]:
        return [self.image]

    def level(self, number: int) -> tuple[Image, Matrix]:
        """The image halved ``number`` times (not below 1 px), and the matrix that maps points onto it."""
        while len(self._levels) <= number:
            h, w = self._levels[-1].shape[:2]
            self._levels.append(shrink(self._levels[-1], max(1, (w + 1) // 2), max(1, (h + 1) // 2)))
        image = self._levels[number]
        return image, rescaling(image.shape[1] / self.width, image.shape[0] / self.height)

    def resized(self, width: int, height: int) -> Image:
        """The whole image at another, smaller size, each pixel the mean of what it covers."""
        nearest = 0
        while min(self.width / width, self.height / height) >= 2 ** (nearest + 1):
            nearest += 1
        return shrink(self.level(nearest)[0], width, height)

    def warp(self, matrix: Matrix, size: int) -> Image:
        """A crop (size, size, 3). Where ``matrix`` shrinks, two samples per pixel and axis are drawn from the first
        halving that is no finer than they are, and averaged; beyond the picture, its edge goes on."""
        scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        if scale >= 1:
            return self._sample(matrix, size, 0)
        fine = compose(rescaling(2, 2), matrix)
        halvings = max(0, int(np.ceil(-np.log2(max(2 * scale, 1e-6)))))
        return shrink(self._sample(fine, 2 * size, halvings), size, size)

    def _sample(self, matrix: Matrix, size: int, halvings: int) -> Image:
        source, onto = self.level(halvings)
        back = np.linalg.inv(np.vstack([onto, [0, 0, 1]]))[:2]
        warped = cv2.warpAffine(
            source, compose(matrix, back), (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(warped, np.uint8)


def crop(canvas: Canvas, points: Points, size: int) -> tuple[Image, Matrix]:
    """The aligned crop (size, size, 3) of the face with these five points, and the matrix that made it."""
    matrix = similarity(points, template(size))
    return canvas.warp(matrix, size), matrix
