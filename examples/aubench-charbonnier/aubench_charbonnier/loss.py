"""``L = mean of rho(T(G(y')) - T(I))`` with ``rho(x) = ((x² + e²)^a - e^(2a)) / (2a e^(2a - 1))``."""

from __future__ import annotations

import torch
from torch import Tensor

from aubench.contracts import Features

from . import CharbonnierConfig


class Charbonnier:
    """The generalised Charbonnier penalty on the regions' maps, averaged over a map's elements, then over the maps."""

    def __init__(self, config: CharbonnierConfig) -> None:
        self.power, self.epsilon = config.power, config.epsilon

    def __call__(self, *, features: Features, drawn_features: Features) -> Tensor:
        """A scalar, zero for equal features. The arguments' names say what is needed (aubench.quantities)."""
        penalties = [self.penalty(drawn_features.maps[name] - there).mean() for name, there in features.maps.items()]
        return torch.stack(penalties).mean()

    def penalty(self, x: Tensor) -> Tensor:
        """rho, element by element: like x² / 2e for small x, like |x|^(2a) for large."""
        if x.dtype in (torch.float16, torch.bfloat16):
            x = x.float()  # the difference of two near powers needs digits
        a, e = self.power, self.epsilon
        rho: Tensor = ((x**2 + e**2) ** a - e ** (2 * a)) / (2 * a * e ** (2 * a - 1))
        return rho
