"""What the regressor reads, brought to zero mean and unit spread per channel and cell, with statistics per domain.

Photographs and drawn faces differ in the mean of their features by about as much as two people do, and a
regressor that learns on one of them would read that shift as a face. Statistics of each domain take it away; they need
frames only, no label. Cells that hardly vary (background under an attention map) are kept from blowing up by a floor on
their spread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, cast

import torch
from torch import Tensor, nn

from aubench.contracts import Features, FeatureShapes

Domain = Literal["photo", "drawn"]
DOMAINS: tuple[Domain, ...] = ("photo", "drawn")
SPREAD_FLOOR = 0.1
"""Smallest spread of a cell, as a fraction of the mean spread over its tensor."""
LIMIT = 8.0
"""Standardised values are clipped to plus and minus this."""


class Standardiser(nn.Module):
    """``(x − mean) / spread`` per domain. Until :meth:`fit`, a domain passes unchanged."""

    fitted: Tensor

    def __init__(self, shapes: FeatureShapes) -> None:
        super().__init__()
        self.names = ("fused", *shapes.maps)
        for domain in DOMAINS:
            for name, shape in zip(self.names, (shapes.fused, *shapes.maps.values()), strict=True):
                self.register_buffer(f"{domain}_{name}_mean", torch.zeros(shape))
                self.register_buffer(f"{domain}_{name}_spread", torch.ones(shape))
        self.register_buffer("fitted", torch.zeros(len(DOMAINS)))

    def fit(self, domain: Domain, batches: Iterable[Features]) -> None:
        """Statistics of ``domain`` from all frames in ``batches``, in one pass."""
        count = 0
        sums: dict[str, Tensor] = {}
        squares: dict[str, Tensor] = {}
        for features in batches:
            count += len(features)
            for name, tensor in _named(features):
                values = tensor.double()
                sums[name] = sums.get(name, torch.zeros(())) + values.sum(0)
                squares[name] = squares.get(name, torch.zeros(())) + values.square().sum(0)
        if count < 2:
            raise ValueError("statistics need at least two frames")
        for name in self.names:
            mean = sums[name] / count
            deviation = (squares[name] / count - mean.square()).clamp(min=0).sqrt()
            spread = (deviation.square() + (SPREAD_FLOOR * deviation.mean()).square()).sqrt()
            self._buffer(domain, name, "mean").copy_(mean)
            # A tensor that never varies says nothing; dividing by one keeps it at zero.
            self._buffer(domain, name, "spread").copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))
        self.fitted[DOMAINS.index(domain)] = 1.0

    def copy_domain(self, source: Domain, target: Domain) -> None:
        """Let ``target`` use the statistics of ``source``."""
        for name in self.names:
            for kind in ("mean", "spread"):
                self._buffer(target, name, kind).copy_(self._buffer(source, name, kind))
        self.fitted[DOMAINS.index(target)] = self.fitted[DOMAINS.index(source)]

    def forward(self, features: Features, domain: Domain) -> Features:
        if not self.fitted[DOMAINS.index(domain)]:
            return features
        done = {name: self._scale(tensor, domain, name) for name, tensor in _named(features)}
        return Features(done.pop("fused"), done)

    def _scale(self, tensor: Tensor, domain: Domain, name: str) -> Tensor:
        mean, spread = self._buffer(domain, name, "mean"), self._buffer(domain, name, "spread")
        scale = spread.reciprocal()  # small beside the batch, which is then read once and not three times
        return torch.addcmul(-mean * scale, tensor.float(), scale).clamp(-LIMIT, LIMIT)

    def _buffer(self, domain: Domain, name: str, kind: str) -> Tensor:
        return cast(Tensor, getattr(self, f"{domain}_{name}_{kind}"))


def _named(features: Features) -> Iterator[tuple[str, Tensor]]:
    yield "fused", features.fused
    yield from features.maps.items()
