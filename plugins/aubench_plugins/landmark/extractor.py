"""The frozen face alignment network as an extractor: heatmaps as f_gb, its first two layers as the local maps T."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from aubench.contracts import Features
from aubench.frozen import Frozen
from aubench.images import at_least_float32, require_image
from aubench.landmarks import PARTS, add_mirrored, decode
from aubench.weights import load_into, resolve

from . import LandmarkConfig
from .network import Fan

LAYER_OF = {"eyes": 0, "brows": 0, "nose": 1, "mouth": 1, "face": 1}
"""Which of the first two layers a region's map is taken from."""
POINTS_OF = {**{name: PARTS[name] for name in ("eyes", "brows", "nose", "mouth")}, "face": tuple(range(68))}
_FLOOR = 0.1
"""Heat under this is taken for noise when a region is located."""
_TAIL = 1e-3


class Landmark(Fan, Frozen):
    """FAN with its own framing and range; see :class:`LandmarkConfig`.

    ``features`` and ``landmarks`` take aligned RGB crops in [0, 1] of any size; ``forward`` takes what ``prepare``
    returns and is for pretraining. State names are those of the public checkpoint.
    """

    def __init__(self, config: LandmarkConfig) -> None:
        super().__init__(config.width, config.modules, config.depth)
        self.config = config
        self.size = config.size
        self.view = config.view
        path = resolve(__file__, config.weights, "aubench pretrain landmark")
        if path is not None:
            load_into(self, path)
        self.freeze()

    def window(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, bottom, left, right of the view in whole pixels of an image of that size; may lie outside of it."""
        top, bottom, left, right = self.view
        return round(top * height), round(bottom * height), round(left * width), round(right * width)

    def prepare(self, image: Tensor) -> Tensor:
        """The view of RGB images in [0, 1] (b, 3, h, w), black beyond their edges, as (b, 3, size, size) in [0, 1].

        Bilinear and, where it shrinks, antialiased.
        """
        h, w = image.shape[-2:]
        top, bottom, left, right = self.window(h, w)
        if (top, bottom, left, right) != (0, h, 0, w):
            image = F.pad(image, (-left, right - w, -top, bottom - h))
        if image.shape[-2:] != (self.size, self.size):
            size = (self.size, self.size)
            image = at_least_float32(image)
            image = F.interpolate(image, size=size, mode="bilinear", align_corners=False, antialias=True)
        return image

    def features(self, image: Tensor) -> Features:
        """f_gb: the last heatmaps (b, 68, n, n). T: layer 1 for eyes and brows, layer 2 for nose, mouth and face, each
        weighted by its region's mask, averaged down to ``cells``."""
        taps = self.taps(self.prepare(require_image(image)))
        heat = taps.heatmaps[-1]
        layers = [_at_most(layer, self.config.cells) for layer in (taps.layer1, taps.layer2)]
        maps = {}
        for region, layer in LAYER_OF.items():
            local = layers[layer]
            if self.config.masks == "heatmaps":
                local = local * region_mask(heat[:, list(POINTS_OF[region])], local.shape[-1])
            maps[region] = local
        return Features(heat, maps)

    def heatmaps(self, features: Features) -> Tensor:
        """The heatmaps (b, 68, n, n) among features of this extractor."""
        return features.fused

    @torch.no_grad()
    def landmarks(self, image: Tensor, *, flip: bool = False) -> Tensor:
        """Points (b, 68, 2) in pixels of RGB images in [0, 1] (b, 3, h, w). ``flip`` adds the mirror image's heatmaps,
        as the public code does by default."""
        x = self.prepare(require_image(image))
        heat = self(x)[-1]
        if flip:
            heat = add_mirrored(heat, self(x.flip(-1))[-1])
        return self.to_image(decode(heat.float())[0], image.shape[-2], image.shape[-1])

    def to_image(self, cells: Tensor, height: int, width: int) -> Tensor:
        """Points in cells of the heatmaps (their corner at 0) as pixels of an image of that size."""
        top, bottom, left, right = self.window(height, width)
        count = self.size // 4
        scale = cells.new_tensor([(right - left) / count, (bottom - top) / count])
        return cells * scale + cells.new_tensor([left - 0.5, top - 0.5])

    def to_cells(self, points: Tensor, height: int, width: int) -> Tensor:
        """The inverse of :meth:`to_image`."""
        top, bottom, left, right = self.window(height, width)
        count = self.size // 4
        scale = points.new_tensor([(right - left) / count, (bottom - top) / count])
        return (points - points.new_tensor([left - 0.5, top - 0.5])) / scale


def region_mask(heat: Tensor, side: int) -> Tensor:
    """Where a region is (b, 1, side, side), 1 at its middle, from its points' heatmaps (b, n, h, w).

    A bell with the mean and twice the covariance of the heat above the noise; of the whole map where there is none.
    """
    mass = (heat.float() - _FLOOR).relu().sum(1) + _TAIL
    mass = mass / mass.sum((1, 2), keepdim=True)
    h, w = mass.shape[-2:]
    y = ((torch.arange(h, device=heat.device) + 0.5) / h).view(1, h, 1)
    x = ((torch.arange(w, device=heat.device) + 0.5) / w).view(1, 1, w)

    def mean(values: Tensor) -> Tensor:
        return (mass * values).sum((1, 2)).view(-1, 1, 1)

    mx, my = mean(x), mean(y)
    cell = 1 / side**2  # a bell is no narrower than a cell
    xx, yy, xy = mean((x - mx) ** 2) + cell, mean((y - my) ** 2) + cell, mean((x - mx) * (y - my))
    place = (torch.arange(side, device=heat.device) + 0.5) / side
    dx, dy = place.view(1, 1, side) - mx, place.view(1, side, 1) - my
    distance = (yy * dx**2 - 2 * xy * dx * dy + xx * dy**2) / (xx * yy - xy**2)
    return torch.exp(-distance / 4)[:, None]


def _at_most(x: Tensor, side: int) -> Tensor:
    return F.adaptive_avg_pool2d(x, side) if x.shape[-1] > side else x
