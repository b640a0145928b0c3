"""Drawn faces as the world would spoil them: the randomisation that parsers learn with, without mirroring."""

from __future__ import annotations

import hashlib
import inspect
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .pretrain import augment
from .samples import Samples


class Randomised:
    """Pictures (n, h, w, 3) uint8 of a pool, each turned, shifted, lit, coloured, covered, blurred and compressed at
    random. Read by slices: what comes of a face depends on ``seed`` and on where its slice starts."""

    def __init__(self, samples: Samples, strength: float, seed: int) -> None:
        self.samples, self.strength, self.seed = samples, strength, seed
        self.shape = samples.images.shape

    @property
    def key(self) -> dict[str, Any]:
        """What decides the pixels besides the pool."""
        return {"randomised": self.strength, "seed": self.seed, "code": _code()}

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, rows: slice) -> npt.NDArray[np.uint8]:
        random = np.random.default_rng([self.seed, 0x7A, rows.start or 0])
        images, parsing = (np.array(part[rows]) for part in (self.samples.images, self.samples.parsing))
        done = augment.augment(images, parsing, random, self.strength, mirror=False)
        return (done.image.clamp(0, 1) * 255 + 0.5).byte().permute(0, 2, 3, 1).numpy()


@lru_cache(maxsize=1)
def _code() -> str:
    return hashlib.sha256(inspect.getsource(augment).encode()).hexdigest()[:16]
