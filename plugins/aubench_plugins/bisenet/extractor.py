"""The frozen parser as an extractor: f_gb, and for each facial region the trunk's map where the parser sees it."""

from __future__ import annotations

import json
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from aubench.contracts import PARSING_CLASSES, WHOLE, Features, View
from aubench.frozen import Frozen
from aubench.images import require_image
from aubench.regions import attention
from aubench.weights import load_into, resolve

from . import BisenetConfig
from .network import BiSeNet, upsample_logits

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

CERTAIN = 20.0
"""Logit of the background where the network does not look."""
STAGE_OF = {"eyes": 0, "brows": 0, "nose": 1, "mouth": 1, "face": 2}
"""Which of the trunk's last three stages (strides 8, 16, 32) a region's map is taken from."""


def _view_of(header: dict[str, str]) -> View | None:
    """The view that weights learnt with, from what ``aubench pretrain extractor`` wrote into their header; ``None``
    where the header is somebody else's."""
    try:
        view = json.loads(header.get("config", "{}")).get("view")
        sides = tuple(float(side) for side in view) if view else ()
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    inside = len(sides) == 4 and 0 <= sides[0] < sides[1] <= 1 and 0 <= sides[2] < sides[3] <= 1
    return cast(View, sides) if inside else None


class Bisenet(BiSeNet, Frozen):
    """BiSeNet with its own input size and normalisation; see :class:`BisenetConfig`.

    ``features`` and ``parse`` take RGB images in [0, 1] of any size. ``forward`` takes what ``prepare`` returns and is
    for pretraining. State names are those of the public checkpoint.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: BisenetConfig) -> None:
        super().__init__(config.width)
        self.config = config
        self.size = config.size
        self.beta: dict[str, float] = {region: factor for region, factor in config.beta.items()}  # noqa: C416
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)
        path = resolve(__file__, config.weights, "aubench pretrain extractor")
        header = load_into(self, path) if path is not None else {}
        self.view: View = config.view or _view_of(header) or WHOLE
        self.freeze()

    def prepare(self, image: Tensor) -> Tensor:
        """The view of RGB images in [0, 1] (b, 3, h, w) as the network's input (b, 3, size, size).

        Bilinear and, where it shrinks, antialiased: what PIL's bilinear filter does, with which the public network's
        images were resized.
        """
        rows, columns = self.window(image.shape[-2], image.shape[-1])
        image = image[..., rows, columns]
        if image.shape[-2:] != (self.size, self.size):
            image = F.interpolate(
                image.float(), size=(self.size, self.size), mode="bilinear", align_corners=False, antialias=True
            )
        return (image - self.mean) / self.std

    def window(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of an image of that size that lie in the view."""
        top, bottom, left, right = self.view
        return (
            slice(round(top * height), round(bottom * height)),
            slice(round(left * width), round(right * width)),
        )

    def features(self, image: Tensor) -> Features:
        """f_gb and ``T_i = beta_i A_i C_i`` of RGB images in [0, 1] (b, 3, h, w).

        ``A_i`` is the probability, summed over the region's classes, that the parser gives to a cell of the stride-8
        map; at strides 16 and 32 it is the mean over the cells that fall together.
        """
        maps = self.maps(self.prepare(require_image(image)))
        stages = (maps.feat8, maps.feat16, maps.feat32)
        seen = attention(maps.logits8)
        at_stage = [F.adaptive_avg_pool2d(seen, (stage.shape[-2], stage.shape[-1])) for stage in stages]
        attended: dict[str, Tensor] = {}
        for row, (region, stage) in enumerate(STAGE_OF.items()):
            weight = at_stage[stage][:, row : row + 1] * self.beta.get(region, 1.0)
            attended[region] = weight * stages[stage]
        return Features(maps.fused, attended).each(self._coarse)

    def _coarse(self, tensor: Tensor) -> Tensor:
        most = self.config.cells or self.size
        height, width = tensor.shape[-2:]
        if height <= most and width <= most:
            return tensor
        return F.adaptive_avg_pool2d(tensor, (min(height, most), min(width, most)))

    def parse(self, image: Tensor) -> Tensor:
        """Logits (b, 19, h, w) at the size of the RGB images in [0, 1] (b, 3, h, w). Around the view they are those of
        certain background."""
        logits = upsample_logits(self.maps(self.prepare(require_image(image))).logits8, self.size, self.size)
        rows, columns = self.window(image.shape[-2], image.shape[-1])
        seen = (rows.stop - rows.start, columns.stop - columns.start)
        if logits.shape[-2:] != seen:
            logits = F.interpolate(logits, size=seen, mode="bilinear", align_corners=False)
        if seen == image.shape[-2:]:
            return logits
        around = logits.new_full((len(image), len(PARSING_CLASSES), *image.shape[-2:]), -CERTAIN)
        around[:, 0] = CERTAIN
        around[..., rows, columns] = logits
        return around
