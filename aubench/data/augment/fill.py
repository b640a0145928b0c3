"""Filling in what a picture does not show from what is around it: pull and push (Gortler et al., 1996)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from aubench.types import Floats

FACTOR, TOP = 2, 4
"""The filling is worked out on a grid so much coarser than the picture; and the side of the coarsest grid."""


def fill(image: npt.NDArray[np.uint8], keep: Floats, source: Floats) -> npt.NDArray[np.uint8]:
    """``image`` (h, w, 3), blended by ``keep`` (h, w), 1 for a pixel that stays and 0 for one that is replaced. It is
    replaced by what is near in place, pixels counting by ``source`` (h, w).

    Pull: weighted sums on ever coarser grids. Push: each grid takes from the coarser one what it lacks itself.
    """
    h, w = keep.shape
    wide, high = max(TOP, w // FACTOR), max(TOP, h // FACTOR)
    together = cv2.resize(cv2.merge([image * source[..., None], source]), (wide, high), interpolation=cv2.INTER_AREA)
    levels = [together]
    while min(levels[-1].shape[:2]) > TOP:
        levels.append(cv2.pyrDown(levels[-1]))
    coarse = levels[-1][..., :3] / np.maximum(levels[-1][..., 3:], 1e-6)
    for level in levels[-2::-1]:
        up = cv2.resize(coarse, (level.shape[1], level.shape[0]), interpolation=cv2.INTER_LINEAR)
        weight = level[..., 3:]
        # An eighth of a cell of pixels that count makes a mean good enough.
        coarse = up + np.minimum(8 * weight, 1) * (level[..., :3] / np.maximum(weight, 1e-6) - up)
    filled = cv2.resize(coarse, (w, h), interpolation=cv2.INTER_LINEAR)
    return np.asarray(filled + keep[..., None] * (image - filled) + 0.5, np.float32).clip(0, 255).astype(np.uint8)
