"""Histograms of oriented gradients as features; gradients flow through them to the picture."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from aubench.contracts import Features
from aubench.frozen import Frozen
from aubench.images import require_image

from . import GradientsConfig

LUMA = (0.299, 0.587, 0.114)
COARSE, FINE = 8, 4
"""Sides of a cell, in pixels: of the whole crop, and of the small regions."""
WINDOWS = {
    "eyes": (0.28, 0.46, 0.12, 0.88),
    "brows": (0.16, 0.36, 0.12, 0.88),
    "nose": (0.34, 0.64, 0.30, 0.70),
    "mouth": (0.60, 0.88, 0.24, 0.76),
}
"""Top, bottom, left and right of the small regions, as fractions of the aligned crop (aubench.contracts.TEMPLATE)."""


class Gradients(Frozen):
    """See :class:`GradientsConfig`. ``features`` takes RGB images in [0, 1] (b, 3, h, w) of any size."""

    colours = "grey"
    scharr: Tensor
    directions: Tensor

    def __init__(self, config: GradientsConfig) -> None:
        super().__init__()
        self.size, self.floor = config.size, config.floor
        side = torch.tensor([[-3.0, 0.0, 3.0], [-10.0, 0.0, 10.0], [-3.0, 0.0, 3.0]]) / 32
        self.register_buffer("scharr", torch.stack([side, side.T])[:, None], persistent=False)
        # Edges have no sign, so angles are doubled: half a turn of the edge is a whole one here.
        doubled = 2 * math.pi * torch.arange(config.bins) / config.bins
        self.register_buffer("directions", torch.stack([doubled.cos(), doubled.sin()], 1), persistent=False)
        self.freeze()

    def features(self, image: Tensor) -> Features:
        """f_gb and the regions' maps, (b, bins + 1, h', w') each."""
        image = require_image(image)
        # Differences of neighbours are what bfloat16 has no digits for.
        with torch.autocast(image.device.type, enabled=False):
            image = image.to(self.scharr.dtype)
            red, green, blue = (image[:, i : i + 1] for i in range(3))
            grey = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
            size = (self.size, self.size)
            grey = F.interpolate(grey, size=size, mode="bilinear", align_corners=False, antialias=True)
            votes = self.votes(grey)
            coarse, fine = (self.cells(votes, grey, cell) for cell in (COARSE, FINE))
            maps = {name: window(fine, *part) for name, part in WINDOWS.items()}
        return Features(coarse, {**maps, "face": coarse})

    def votes(self, grey: Tensor) -> Tensor:
        """How much every pixel votes for every orientation (b, bins, h, w): strength times max(0, cos 2(a - a_k))².

        With the gradient (x, y), cos 2a = (x² - y²) / m² and sin 2a = 2xy / m², so that no angle has to be computed.
        """
        gradient = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), self.scharr)
        x, y = gradient[:, 0], gradient[:, 1]
        squared = x**2 + y**2 + 1e-8
        doubled = torch.stack([x**2 - y**2, 2 * x * y], dim=1) / squared[:, None]
        alike = torch.einsum("kd,bdhw->bkhw", self.directions, doubled)
        return F.relu(alike) ** 2 * squared[:, None].sqrt()

    def cells(self, votes: Tensor, grey: Tensor, cell: int) -> Tensor:
        """Votes summed up in cells and divided by the strength around (three cells a side), and the mean grey."""
        histogram = F.avg_pool2d(votes, cell)
        strength = F.avg_pool2d(histogram.sum(1, keepdim=True), 3, 1, 1, count_include_pad=False)
        return torch.cat([histogram / (strength + self.floor), F.avg_pool2d(grey, cell)], dim=1)


def window(maps: Tensor, top: float, bottom: float, left: float, right: float) -> Tensor:
    """The cells of (b, c, h, w) that lie in a part of the picture."""
    h, w = maps.shape[-2:]
    return maps[..., round(top * h) : round(bottom * h), round(left * w) : round(right * w)]
