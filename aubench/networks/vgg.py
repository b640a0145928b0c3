"""VGG16 up to relu4_3: Simonyan and Zisserman, "Very Deep Convolutional Networks", ICLR 2015; names of torchvision."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from aubench.weights import CACHED, in_cache, load_into

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
        # Imported here because it takes seconds; and not the whole network, most of whose 138 million weights are in
        # the classifier.
        from torchvision.models.vgg import cfgs, make_layers

        self.features = make_layers(cfgs["D"])[: VGG_TAPS[-1] + 1]
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
