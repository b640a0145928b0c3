"""A sound regressor of two layers, and broken ones."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.contracts import Features, FeatureShapes
from aubench.parameters import BROW_SIZE, SIZE, FacialParameters
from broken import cards


class Options(Config):
    hidden: int = 12


class Sound(nn.Module):
    """two layers"""

    Options = Options
    breaks = ""

    def __init__(self, config: Options, *, shapes: FeatureShapes) -> None:
        super().__init__()
        self.enter = nn.Linear(shapes.fused[0] + sum(shape[0] for shape in shapes.maps.values()), config.hidden)
        self.leave = nn.Linear(config.hidden, SIZE)

    def forward(self, features: Features) -> FacialParameters:
        flat = torch.cat([each.mean((2, 3)) for each in (features.fused, *features.maps.values())], dim=1)
        return self.bound(self.leave(torch.tanh(self.enter(flat))).float())

    def bound(self, out: torch.Tensor) -> FacialParameters:
        y = FacialParameters.from_vector(torch.sigmoid(out))
        return FacialParameters(y.pose, y.au, y.identity, torch.softmax(out[:, -BROW_SIZE:], dim=1))


class Frozen(Sound):
    """nothing learns"""

    breaks = "is a module that learns"

    def __init__(self, config: Options, *, shapes: FeatureShapes) -> None:
        super().__init__(config, shapes=shapes)
        self.requires_grad_(False)


class OneAuMore(Sound):
    """24 AUs"""

    breaks = "parameters have their shapes"

    def bound(self, out: torch.Tensor) -> FacialParameters:
        y = super().bound(out)
        return FacialParameters(y.pose, torch.cat([y.au, y.au[:, :1]], 1), y.identity, y.brow)


class Unbounded(Sound):
    """identities without a bound"""

    breaks = "parameters stay in range"

    def bound(self, out: torch.Tensor) -> FacialParameters:
        y = super().bound(out)
        return FacialParameters(y.pose, y.au, 5 * (y.identity - 0.5), y.brow)


class ManyBrows(Sound):
    """every brow style for itself"""

    breaks = "brow styles sum to one"

    def bound(self, out: torch.Tensor) -> FacialParameters:
        return FacialParameters.from_vector(torch.sigmoid(out))


class Idle(Sound):
    """a layer that nothing reads"""

    breaks = "gradients reach all weights"

    def __init__(self, config: Options, *, shapes: FeatureShapes) -> None:
        super().__init__(config, shapes=shapes)
        self.spare = nn.Linear(3, 3)


class Deaf(Sound):
    """no gradient into the features"""

    breaks = "gradients reach the features"

    def forward(self, features: Features) -> FacialParameters:
        return super().forward(features.each(torch.Tensor.detach))


class Forgets(Sound):
    """a random number that is not in its state"""

    breaks = "weights survive a file"

    def __init__(self, config: Options, *, shapes: FeatureShapes) -> None:
        super().__init__(config, shapes=shapes)
        self.factor = float(torch.rand(()))

    def bound(self, out: torch.Tensor) -> FacialParameters:
        return super().bound(out * self.factor)


class Shares(Sound):
    """one layer for all that are built alike"""

    breaks = "weights are its own"
    layers: ClassVar[dict[str, nn.Linear]] = {}

    def __init__(self, config: Options, *, shapes: FeatureShapes) -> None:
        super().__init__(config, shapes=shapes)
        self.enter = self.layers.setdefault(str(self.enter.weight.sum().item()), self.enter)


class Bent(Sound):
    """an entry that is not affine in the features"""

    breaks = "persons are read from affine entries"
    reads_persons = True

    def entry(self, features: Features) -> torch.Tensor:
        flat = torch.cat([each.mean((2, 3)) for each in (features.fused, *features.maps.values())], dim=1)
        return torch.tanh(self.enter(flat))

    def aus(self, entry: torch.Tensor, neutral: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.leave(entry - neutral)[:, :23])


@hookimpl
def aubench_regressors() -> list[Component]:
    return cards("regressor", Sound)
