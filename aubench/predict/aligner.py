"""68 landmarks in the place of the detector's five points: a landmark network looks at the face again.

Two ways in: an aligned crop (what the extractor sees, and what our own network learnt), and the public pipeline's
square around a detector's box, for comparing with published coordinates. Points are as in :mod:`.align`.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aubench.landmarks import Landmarker, add_mirrored, decode, five_points
from aubench.predict.align import Canvas, Image, Points, apply, crop

SIDE, CELLS = 256, 64
"""Of the public network's input and heatmaps, in pixels and cells."""
_UNIT = 200.0
_FACE = 195.0
_UP = 0.12


class Network(Protocol):
    """What :func:`read_box` needs: heatmaps of every stack (b, 68, h', w') from RGB (b, 3, h, w) in [0, 1]."""

    def __call__(self, x: Tensor) -> list[Tensor]: ...


class Aligner:
    """Five points from a network's 68. ``passes``: how often it looks, each time at a crop aligned by what it found."""

    def __init__(self, network: Landmarker, *, size: int = 192, passes: int = 2) -> None:
        self.network, self.size, self.passes = network, size, passes

    def __call__(self, canvas: Canvas, points: Points) -> Points:
        """The five points (5, 2) of the face that a detector found at ``points`` (5, 2)."""
        for _ in range(self.passes):
            points = five_points(self.landmarks(canvas, points))
        return points

    def landmarks(self, canvas: Canvas, points: Points) -> Points:
        """The 68 points (68, 2) in pixels of the picture."""
        image, matrix = crop(canvas, points, self.size)
        found = self.network.landmarks(_tensor(image, self.network))[0].double().cpu().numpy()
        back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
        return apply(back, found)


def square(box: npt.NDArray[np.floating]) -> tuple[Points, float]:
    """Centre (2,) and side of the square that the public pipeline cuts out for a detector's box x1 y1 x2 y2: the box's
    centre moved up by 0.12 of its height, (w + h) / 195 * 200 wide."""
    x1, y1, x2, y2 = np.asarray(box, np.float64)
    centre = np.array([(x1 + x2) / 2, (y1 + y2) / 2 - _UP * (y2 - y1)])
    return centre, _UNIT * (x2 - x1 + y2 - y1) / _FACE


def cut(image: Image, centre: Points, side: float) -> Image:
    """The public pipeline's crop (256, 256, 3): corners cut to whole pixels, black beyond the picture, bilinear without
    smoothing."""
    low = np.trunc(centre + (1 / SIDE - 0.5) * side).astype(int)
    high = np.trunc(centre + 0.5 * side).astype(int)
    width, height = np.maximum(high - low, 1)
    patch = np.zeros((height, width, 3), np.uint8)
    h, w = image.shape[:2]
    x0, y0 = np.maximum(low, 0)
    x1, y1 = np.minimum(high, (w, h))
    if x1 > x0 and y1 > y0:
        patch[y0 - low[1] : y1 - low[1], x0 - low[0] : x1 - low[0]] = image[y0:y1, x0:x1]
    return np.asarray(cv2.resize(patch, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)


def to_picture(cells: Points, centre: Points, side: float, *, truncate: bool = False) -> Points:
    """Points in cells of the heatmaps as coordinates of the picture, by the public rule; ``truncate`` cuts them to
    whole numbers as the public code does."""
    points: Points = centre + (cells / CELLS - 0.5) * side
    return np.trunc(points) if truncate else points


@torch.no_grad()
def read_box(
    network: Network, image: Image, box: npt.NDArray[np.floating], *, flip: bool = True, truncate: bool = False
) -> tuple[Points, npt.NDArray[np.float64]]:
    """The public pipeline: 68 points (68, 2) and their scores (68,) of the face in a detector's ``box``. ``flip`` adds
    the mirror image's heatmaps."""
    centre, side = square(box)
    x = _tensor(cut(image, centre, side), network)
    heat = network(x)[-1]
    if flip:
        heat = add_mirrored(heat, network(x.flip(-1))[-1])
    cells, score = decode(heat.float())
    points = to_picture(cells[0].double().cpu().numpy(), centre, side, truncate=truncate)
    return points, score[0].double().cpu().numpy()


def _tensor(image: Image, network: object) -> Tensor:
    first = next(network.parameters(), None) if isinstance(network, torch.nn.Module) else None
    x = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255
    return x.to(first.device) if first is not None else x
