"""68 landmarks: their order, reading them off heatmaps, the five points of alignment, errors.

The order is iBUG's: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, mouth 48-67; "right" eye first, which is the one on
the picture's left. Points are pixels, x then y, with (0, 0) at the centre of the top-left pixel, unless said otherwise.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aubench.contracts import Features

POINTS = 68
PARTS: dict[str, tuple[int, ...]] = {
    "jaw": tuple(range(17)),
    "brows": tuple(range(17, 27)),
    "nose": tuple(range(27, 36)),
    "eyes": tuple(range(36, 48)),
    "mouth": tuple(range(48, 68)),
}
"""Which points belong to which part of the face."""
EYE_CORNERS = (36, 45)
"""The outer ones; their distance is the unit of :func:`nme`."""
MIRRORED: tuple[int, ...] = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),
)
"""The point that stands at a point's place in the mirrored picture."""


@runtime_checkable
class Landmarker(Protocol):
    """An extractor that can also say where the 68 points are."""

    def heatmaps(self, features: Features) -> Tensor:
        """The heatmaps (b, 68, h', w') among what ``features`` returned; gradients flow."""
        ...

    def landmarks(self, image: Tensor) -> Tensor:
        """Points (b, 68, 2) in pixels of the RGB images (b, 3, h, w) in [0, 1]."""
        ...


def decode(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Points (b, n, 2) in cells, and scores (b, n), of heatmaps (b, n, h, w): the public rule.

    A cell's centre is at index + 0.5. The point is the first largest cell's centre, moved a quarter of a cell towards
    the larger neighbour along each axis unless the cell lies at the border; the score is the cell's value.
    """
    h, w = heatmaps.shape[-2:]
    flat = heatmaps.flatten(2)
    score, index = flat.amax(-1), _first_largest(flat)
    column, row = index % w, index // w
    inside = (column > 0) & (column < w - 1) & (row > 0) & (row < h - 1)

    def value(dx: int, dy: int) -> Tensor:
        beside = (row + dy).clamp(0, h - 1) * w + (column + dx).clamp(0, w - 1)
        return flat.gather(-1, beside[..., None])[..., 0]

    x = column + 0.25 * torch.sign(value(1, 0) - value(-1, 0)) * inside + 0.5
    y = row + 0.25 * torch.sign(value(0, 1) - value(0, -1)) * inside + 0.5
    return torch.stack([x, y], dim=-1), score


def _first_largest(flat: Tensor) -> Tensor:
    """Index of the first of the largest values; torch's argmax may take any of equal ones."""
    places = torch.arange(flat.shape[-1], device=flat.device)
    return torch.where(flat == flat.amax(-1, keepdim=True), places, flat.shape[-1]).amin(-1)


def gaussians(points: Tensor, height: int, width: int, spread: float = 1.0) -> Tensor:
    """Heatmaps (b, n, h, w) of height 1 at ``points`` (b, n, 2) in cells (a cell's centre at index + 0.5); ``spread``
    is the standard deviation in cells."""
    x = torch.arange(width, device=points.device) + 0.5
    y = torch.arange(height, device=points.device) + 0.5
    across = torch.exp(-((x - points[..., :1]) ** 2) / (2 * spread**2))
    down = torch.exp(-((y - points[..., 1:]) ** 2) / (2 * spread**2))
    return down[..., :, None] * across[..., None, :]


def add_mirrored(heatmaps: Tensor, mirrored: Tensor) -> Tensor:
    """Heatmaps of pictures plus those of their mirror images, turned back: the public network's test-time flip."""
    return heatmaps + mirrored.flip(-1)[:, list(MIRRORED)]


def five_points(points: npt.NDArray[np.floating] | Tensor) -> npt.NDArray[np.float64]:
    """The five points of alignment (..., 5, 2) from 68 (..., 68, 2): eye centres (the means of their six points), nose
    tip, mouth corners."""
    p = np.asarray(points, dtype=np.float64)
    eyes = [p[..., a:b, :].mean(axis=-2) for a, b in ((36, 42), (42, 48))]
    return np.stack([*eyes, p[..., 30, :], p[..., 48, :], p[..., 54, :]], axis=-2)


def nme(found: npt.NDArray[np.floating], truth: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Distance of each point (n, 68, 2) to its truth, over the true distance of the outer eye corners: (n, 68)."""
    found, truth = np.asarray(found, np.float64), np.asarray(truth, np.float64)
    a, b = EYE_CORNERS
    unit = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)[:, None]
    error: npt.NDArray[np.float64] = np.linalg.norm(found - truth, axis=-1) / unit
    return error
