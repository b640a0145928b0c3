"""Small inputs for plugins of every kind, made by code from a seed: pictures, parameters, features, frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from aubench.contracts import TEMPLATE, Features, FeatureShapes, Frames
from aubench.parameters import AU_SIZE, BROW_SIZE, IDENTITY_SIZE, POSE_SIZE, FacialParameters

SHAPES = FeatureShapes(
    (24, 12, 12),
    {"eyes": (16, 12, 12), "brows": (16, 12, 12), "nose": (24, 12, 12), "mouth": (24, 12, 12), "face": (32, 6, 6)},
)
"""Feature shapes as a small extractor has them: maps of three sizes and widths."""
SIDE = 96


def faces(count: int, seed: int = 0, side: int = SIDE) -> Tensor:
    """Crude aligned faces, float32 RGB (count, 3, side, side) in [0, 1]: skin, eyes, nose and mouth at the template's
    places over soft spots of colour. Left differs from right, and no two channels are alike."""
    dice = torch.Generator().manual_seed(seed)
    spots = F.interpolate(torch.rand(count, 3, 6, 6, generator=dice), size=(side, side), mode="bicubic")
    place = (torch.arange(side) + 0.5) / side
    y, x = place.view(1, 1, side, 1), place.view(1, 1, 1, side)

    def blend(image: Tensor, centre: tuple[float, float], radii: tuple[float, float], colour: Tensor) -> Tensor:
        reach = ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2
        weight = torch.sigmoid(12 * (1 - reach))
        return image * (1 - weight) + colour * weight

    def colour(red: float, green: float, blue: float) -> Tensor:
        own = torch.rand(count, 3, 1, 1, generator=dice) * 0.2
        return torch.tensor([red, green, blue]).view(1, 3, 1, 1) + own

    image = blend(0.5 * spots, (0.5, 0.55), (0.38, 0.5), colour(0.7, 0.45, 0.3))
    left, right, nose, *mouth = TEMPLATE
    image = blend(image, left, (0.07, 0.04), colour(0.1, 0.3, 0.7))
    image = blend(image, right, (0.08, 0.03), colour(0.1, 0.1, 0.1))
    image = blend(image, nose, (0.05, 0.07), colour(0.6, 0.35, 0.2))
    image = blend(image, ((mouth[0][0] + mouth[1][0]) / 2, mouth[0][1]), (0.14, 0.05), colour(0.7, 0.1, 0.15))
    return (image + 0.1 * spots).clamp(0, 1)


def parameters(count: int, seed: int = 0) -> FacialParameters:
    """Random faces: everything uniform in [0, 1], one brow style each."""
    dice = torch.Generator().manual_seed(seed)
    brow = F.one_hot(torch.randint(BROW_SIZE, (count,), generator=dice), BROW_SIZE).float()
    pose, au, identity = (torch.rand(count, size, generator=dice) for size in (POSE_SIZE, AU_SIZE, IDENTITY_SIZE))
    return FacialParameters(pose, au, identity, brow)


def features(count: int, seed: int = 0, shapes: FeatureShapes = SHAPES) -> Features:
    """Standardised features: normal numbers of these shapes."""
    dice = torch.Generator().manual_seed(seed)
    fused = torch.randn(count, *shapes.fused, generator=dice)
    return Features(fused, {name: torch.randn(count, *shape, generator=dice) for name, shape in shapes.maps.items()})


def frames(count: int, seed: int = 0, subjects: int = 4, side: int = 48) -> Frames:
    """``count`` frames of ``subjects`` people, one sequence each."""
    pictures = (faces(count, seed, side).permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    who = np.arange(count) * subjects // count
    frame = np.array([int((who[:i] == who[i]).sum()) for i in range(count)], np.int64)
    return Frames("example", pictures, np.array([f"P{p}" for p in who]), np.full(count, "s1"), frame)


def labels(count: int, aus: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Intensities (count, aus): whole numbers from 0 to 5, mostly 0."""
    dice = np.random.default_rng(seed)
    return dice.integers(0, 6, (count, aus)).astype(np.float64) * (dice.random((count, aus)) < 0.4)
