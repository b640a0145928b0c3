"""The frozen network as a recogniser: from our aligned crop to the framing and the grey that it was trained on."""

from __future__ import annotations

import torch
from torch import Tensor

from aubench.contracts import TEMPLATE
from aubench.frozen import Frozen
from aubench.images import at_least_float32, require_image
from aubench.weights import load_into, resolve

from . import LightcnnConfig
from .network import SIDE, LightCNN

# The public alignment: in 128 pixels the eyes' midpoint at y = 40, the mouth's 48 below it, centred from left to right.
_EYE_Y, _EYE_TO_MOUTH = 40.0, 48.0
_LUMA = (0.299, 0.587, 0.114)


class Lightcnn(LightCNN, Frozen):
    """LightCNN-29v2 with its own framing; see :class:`LightcnnConfig`.

    ``embed`` takes aligned crops. ``forward`` takes what ``prepare`` returns, and is for pretraining.
    """

    def __init__(self, config: LightcnnConfig) -> None:
        super().__init__(config.width, config.classes)
        self.config = config
        path = resolve(__file__, config.weights, "aubench pretrain recogniser")
        if path is not None:
            load_into(self, path, ignore=() if config.classes else ("fc2.",))
        self.freeze()

    def prepare(self, image: Tensor) -> Tensor:
        """Aligned RGB crops in [0, 1] (b, 3, h, w) to grey faces (b, 1, 128, 128), differentiably."""
        red, green, blue = _LUMA
        grey = at_least_float32(red * image[:, 0] + green * image[:, 1] + blue * image[:, 2])
        eye_y, mouth_y = (TEMPLATE[0][1] + TEMPLATE[1][1]) / 2, (TEMPLATE[3][1] + TEMPLATE[4][1]) / 2
        step = (mouth_y - eye_y) / _EYE_TO_MOUTH
        pixel = torch.arange(SIDE, device=image.device, dtype=grey.dtype)
        rows = eye_y + (pixel - _EYE_Y) * step
        columns = 0.5 + (pixel - (SIDE - 1) / 2) * step
        down = resampling(rows, step, image.shape[-2])
        across = resampling(columns, step, image.shape[-1])
        return (down @ grey @ across.mT)[:, None]

    def embed(self, image: Tensor) -> Tensor:
        """Embeddings (b, 256) of aligned RGB crops in [0, 1] (b, 3, h, w), to be compared by cosine."""
        return self.embedding(self.prepare(require_image(image)))


def resampling(positions: Tensor, step: float, size: int) -> Tensor:
    """The matrix (n, size) that reads a line of ``size`` pixels at ``positions``, fractions of its length.

    Linear interpolation; where ``step``, the fraction between neighbours, is more than a pixel, a triangle as wide as
    the step, so that shrinking does not alias. Beyond the ends the last pixel goes on.
    """
    centre = (positions * size - 0.5).clamp(0, size - 1)
    reach = max(1.0, step * size)
    distance = (centre[:, None] - torch.arange(size, device=positions.device, dtype=positions.dtype)).abs()
    weight = (1 - distance / reach).clamp(min=0)
    return weight / weight.sum(dim=1, keepdim=True)
