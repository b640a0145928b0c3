"""The generic face that stands in for what a single picture does not tell: its depth, its 68 points, how they move.

Measured once off an engine plugin (see :mod:`.measure`) and kept as a small file. Places and lengths are fractions of
the side of an aligned crop, from its top left corner; ``z`` points out of the picture.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aubench.parameters import AU_NAMES
from aubench.types import Floats

ASSET = Path(__file__).with_name("assets") / "face.npz"


@dataclass(frozen=True)
class Prior:
    """``landmarks`` (68, 3); ``height`` (g, g): how far the head's surface lies before the axis of its turning, over
    the crop, never negative; ``head`` (g, g): 1 on what turns with the head, 0 on background, neck and clothes;
    ``moves`` (23, 68, 2): where each AU of :data:`aubench.parameters.AU_NAMES` at intensity 5 takes the points."""

    landmarks: Floats
    height: Floats
    head: Floats
    moves: Floats

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for arrays that do not fit together."""
        if self.landmarks.shape != (68, 3) or self.moves.shape != (len(AU_NAMES), 68, 2):
            raise ValueError(f"landmarks {self.landmarks.shape} and moves {self.moves.shape} are not of 68 points")
        if self.height.ndim != 2 or self.height.shape != self.head.shape:
            raise ValueError(f"height {self.height.shape} and head {self.head.shape} differ in shape")


@functools.cache
def face() -> Prior:
    """The generic face that comes with the package."""
    with np.load(ASSET, allow_pickle=False) as file:
        return Prior(*(file[name].astype(np.float32) for name in ("landmarks", "height", "head", "moves")))
