"""Feature maps in which two images are compared: VGG16's, or those of the frozen extractor.

The method compares in relu2_2, relu3_3 and relu4_3 of VGG16 (Simonyan and Zisserman 2015, weights of torchvision).
Where that checkpoint is not at hand, the trained extractor's own maps take its place: they are what the regressor will
see, so a generator that gets them right is right where it matters.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import torch
from torch import Tensor, nn

from aubench.contracts import REGIONS, Extractor
from aubench.networks.vgg import VGG_TAPS, Vgg16

__all__ = ["VGG_TAPS", "ExtractorMaps", "Perceptual", "Vgg16", "perceptual_loss", "weights_digest"]


class Perceptual(Protocol):
    """Images (b, 3, h, w) in [0, 1] to maps, each (b, c, h', w'); gradients flow."""

    name: str

    def __call__(self, image: Tensor) -> list[Tensor]: ...


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
