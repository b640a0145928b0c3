"""VGG16 up to relu4_3: Simonyan and Zisserman, "Very Deep Convolutional Networks", ICLR 2015; names of torchvision."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from aubench.weights import CACHED, in_cache, load_into

VGG_LAYERS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512)
"""Output channels of VGG16's convolutions up to relu4_3; 0 is a 2x2 max pooling."""
VGG_TAPS = (8, 15, 22)
"""relu2_2, relu3_3, relu4_3 in torchvision's numbering of ``features``; relu1_2 is 3."""
VGG_IGNORED = ("classifier.", *(f"features.{i}." for i in range(23, 31)))
"""Where names begin in the whole network's file that this part has no use for."""


class Vgg16(nn.Module):
    """VGG16 up to relu4_3, frozen. State names are torchvision's (``features.0.weight`` ...). ``weights``: a file, or
    "cache:<name>"."""

    name = "vgg16"
    mean: Tensor
    std: Tensor

    def __init__(self, weights: Path | str | None = None) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs in VGG_LAYERS:
            if outputs:
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
                inputs = outputs
            else:
                layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)
        if weights is not None:
            name = str(weights)
            path = in_cache(name.removeprefix(CACHED)) if name.startswith(CACHED) else weights
            load_into(self, path, ignore=VGG_IGNORED)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The maps at :data:`VGG_TAPS` of RGB images (b, 3, h, w) in [0, 1]; gradients flow."""
        x = (image - self.mean) / self.std
        taps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in VGG_TAPS:
                taps.append(x)
        return taps
