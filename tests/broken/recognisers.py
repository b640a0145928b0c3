"""A sound recogniser of one matrix, and two broken ones; what it shares with extractors is broken there."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.frozen import Frozen
from aubench.images import require_image
from broken import cards


class Options(Config):
    width: int = 6


class Sound(Frozen):
    """one matrix"""

    Options = Options
    breaks = ""

    def __init__(self, config: Options) -> None:
        super().__init__()
        self.matrix = nn.Linear(3 * 8 * 8, config.width)
        self.freeze()

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        return self.matrix(F.adaptive_avg_pool2d(require_image(image), 8).flatten(1))


class Square(Sound):
    """an embedding with one dimension too many"""

    breaks = "embeddings have their shape"

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        return super().embed(image)[:, :, None]


class Nobody(Sound):
    """nothing at all for the darker faces"""

    breaks = "embeddings can be compared"

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        seen = super().embed(image)
        return torch.where(image.mean((1, 2, 3), dtype=torch.float64)[:, None] < 0.5, 0 * seen, seen)


@hookimpl
def aubench_recognisers() -> list[Component]:
    return cards("recogniser", Sound)
