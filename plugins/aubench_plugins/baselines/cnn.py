"""The three-layer network of FERA 2015, trained on labels as the ResNet18 is.

Gudi, Tasli, den Uyl and Maroulis (2015), "Deep learning based FACS action unit occurrence and intensity estimation":
three convolutions with one max-pooling among them, then fully connected layers. What their abstract does not say, the
sizes of picture, filters and layers, is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from . import CnnConfig
from .resnet import Part, Resnet18


class Cnn(Resnet18):
    """See the module; targets, loss and schedule are the ResNet18's, so that only the network differs."""

    name = "cnn"

    def __init__(self, config: CnnConfig) -> None:
        super().__init__(config)
        self._hidden = config.hidden

    def _train(self, parts: Sequence[Part], seed: int) -> None:
        # Dropout draws from the global generator, which others count on.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            super()._train(parts, seed)

    def _create(self) -> nn.Module:
        return ThreeLayers(len(self.aus), self._hidden, self._config.size)


class ThreeLayers(nn.Module):
    """Pictures (n, 3, size, size) to intensities (n, aus), unbounded."""

    def __init__(self, aus: int, hidden: int, size: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 64, 5), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 64, 5), nn.ReLU(),
            nn.Conv2d(64, 128, 4), nn.ReLU(), nn.Flatten(),
        )  # fmt: skip
        with torch.no_grad():
            width = self.convolutions(torch.zeros(1, 1, size, size)).shape[1]
        self.hidden = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(0.5))
        self.fc = nn.Linear(hidden, aus)

    def forward(self, pictures: Tensor) -> Tensor:
        grey = pictures.mean(dim=1, keepdim=True)
        answer: Tensor = self.fc(self.hidden(self.convolutions(grey)))
        return answer
