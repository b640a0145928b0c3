"""Feature maps in which two images are compared: VGG16's, or those of the frozen extractor.

The method compares in relu2_2, relu3_3 and relu4_3 of VGG16 (Simonyan and Zisserman 2015, weights of torchvision).
Where that checkpoint is not at hand, the trained extractor's own maps take its place: they are what the regressor will
see, so a generator that gets them right is right where it matters.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from aubench.contracts import REGIONS, Extractor
from aubench.weights import load_into

VGG_LAYERS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512)
"""Output channels of VGG16's convolutions up to relu4_3; 0 is a 2x2 max pooling."""
VGG_TAPS = (8, 15, 22)
"""relu2_2, relu3_3, relu4_3 in torchvision's numbering of ``features``."""


class Perceptual(Protocol):
    """Images (b, 3, h, w) in [0, 1] to maps, each (b, c, h', w'); gradients flow."""

    name: str

    def __call__(self, image: Tensor) -> list[Tensor]: ...


class Vgg16(nn.Module):
    """VGG16 up to relu4_3. State names are torchvision's (``features.0.weight`` ...)."""

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
            beyond = tuple(f"features.{i}." for i in range(len(layers), 31))
            load_into(self, weights, ignore=("classifier.", *beyond))
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        x = (image - self.mean) / self.std
        taps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in VGG_TAPS:
                taps.append(x)
        return taps


class ExtractorMaps:
    """The frozen extractor's f_gb and its five attended maps."""

    def __init__(self, extractor: Extractor, name: str) -> None:
        self.extractor, self.name = extractor, f"{name} {weights_digest(extractor)}"

    def __call__(self, image: Tensor) -> list[Tensor]:
        features = self.extractor.features(image)
        return [features.fused, *(features.maps[region] for region in REGIONS)]


def weights_digest(network: object) -> str:
    """A short hash of a network's weights: which of several it was."""
    digest = hashlib.sha256()
    if isinstance(network, nn.Module):
        for name, tensor in network.state_dict().items():
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def perceptual_loss(mine: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """``||a - b||_2 / ||b||_2`` of each layer's maps, averaged over layers: the norm of the method, made relative so
    that every layer counts alike however large its numbers are."""
    layers = []
    for a, b in zip(mine, theirs, strict=True):
        target = b.float().detach()
        layers.append(torch.linalg.vector_norm(a.float() - target) / (torch.linalg.vector_norm(target) + 1e-6))
    return torch.stack(layers).mean()
