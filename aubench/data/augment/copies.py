"""Whole sets of augmented copies, as frames like any others: made when they are read, and not kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.contracts import Frames
from aubench.data.augment.batch import Augmentation, augment_batch, draw
from aubench.data.augment.picture import applied
from aubench.data.augment.prior import ASSET
from aubench.files import sha256_file
from aubench.parameters import AU_NAMES

VERSION = 1
"""Goes up whenever equal options come to give other pixels."""


class Copies:
    """Copy number ``copy`` of each of ``images`` (n, h, h, 3): indexed like an array, by a number, a slice or numbers.

    The copy of a row depends on the seed, the number of the copy and the row alone; ``landmarks`` as for
    :func:`.batch.augment_batch`. Two copies of two numbers differ.
    """

    def __init__(
        self,
        images: npt.NDArray[np.uint8],
        landmarks: npt.NDArray[np.floating] | None,
        seed: int,
        copy: int,
        options: Augmentation,
    ) -> None:
        if landmarks is not None and landmarks.shape != (len(images), 68, 2):
            raise ValueError(f"{len(images)} images, but landmarks {landmarks.shape}")
        self.images, self.landmarks, self.seed, self.copy, self.options = images, landmarks, seed, copy, options

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.images.shape)

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> npt.NDArray[np.uint8]:
        rows = np.arange(len(self))[index]
        if np.ndim(rows) == 0:
            return np.asarray(self._made(np.array([rows]))[0])
        return self._made(rows)

    def strengths(self) -> npt.NDArray[np.float32]:
        """The AU strengths (n, 23) that were added to the expression of each copy, 1 for intensity 5: what was drawn at
        random, less where the warp would have folded the picture."""
        out = np.zeros((len(self), len(AU_NAMES)), np.float32)
        for row in range(len(self)):
            own = None if self.landmarks is None else np.asarray(self.landmarks[row])
            out[row] = applied(draw(self.options, self.seed, self.copy, row)[2], own, self.shape[1])
        return out

    def _made(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        images = np.asarray(self.images[rows])
        landmarks = None if self.landmarks is None else np.asarray(self.landmarks[rows])
        return augment_batch(images, landmarks, self.seed, self.copy, self.options, rows=rows)


def augmented(
    frames: Frames,
    landmarks: npt.NDArray[np.floating] | None,
    seed: int,
    copy: int,
    options: Augmentation = Augmentation(),  # noqa: B008, it is frozen
) -> Frames:
    """The same frames, of the same people, with their images augmented as they are read (see :class:`Copies`)."""
    images: Any = Copies(frames.images, landmarks, seed, copy, options)
    return replace(frames, images=images)


def key(seed: int, copy: int, options: Augmentation) -> dict[str, Any]:
    """All that decides a copy beside its frames, for the keys of caches. JSON only."""
    return {
        "augmentation": options.model_dump(mode="json"),
        "augmentation_version": VERSION,
        "generic_face": sha256_file(ASSET),
        "seed": seed,
        "copy": copy,
    }
