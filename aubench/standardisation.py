"""What the regressor reads, brought to zero mean and unit spread per channel and cell, with statistics per domain.

Photographs and drawn faces differ in the mean of their features by about as much as two people do, and a
regressor that learns on one of them would read that shift as a face. Statistics of each domain take it away; they need
frames only, no label. Cells that hardly vary (background under an attention map) are kept from blowing up by a floor on
their spread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Moments:
    """``mean`` and mean ``square`` over ``frames`` frames, by the name of the tensor, in float64: for each channel and
    cell."""

    frames: int
    mean: Mapping[str, Tensor]
    square: Mapping[str, Tensor]

    @classmethod
    @torch.no_grad()
    def of(cls, batches: Iterable[Features]) -> Moments:
        """Of all frames in ``batches``, in one pass. Raises ``ValueError`` where there is none."""
        count = 0
        sums: dict[str, Tensor] = {}
        squares: dict[str, Tensor] = {}
        for features in batches:
            count += len(features)
            for name, tensor in _named(features):
                values = tensor.double()
                sums[name] = sums.get(name, torch.zeros(())) + values.sum(0)
                squares[name] = squares.get(name, torch.zeros(())) + values.square().sum(0)
        if not count:
            raise ValueError("there are no frames to take moments of")
        return cls(count, {name: s / count for name, s in sums.items()}, {n: s / count for n, s in squares.items()})

    @classmethod
    def balanced(cls, parts: Sequence[Moments]) -> Moments:
        """Of several recordings, each counting alike whatever its number of frames."""
        names = list(parts[0].mean)
        return cls(
            sum(part.frames for part in parts),
            {name: torch.stack([part.mean[name] for part in parts]).mean(0) for name in names},
            {name: torch.stack([part.square[name] for part in parts]).mean(0) for name in names},
        )

    def spread(self, name: str) -> Tensor:
        """Standard deviation of a tensor's numbers, kept from zero by :data:`SPREAD_FLOOR`; one for a tensor that never
        varies, which says nothing and stays at zero."""
        deviation = (self.square[name] - self.mean[name].square()).clamp(min=0).sqrt()
        spread = (deviation.square() + (SPREAD_FLOOR * deviation.mean()).square()).sqrt()
        return torch.where(spread > 0, spread, torch.ones_like(spread))


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
        """Statistics of ``domain`` from all frames in ``batches``, in one pass. Raises ``ValueError`` for under two."""
        moments = Moments.of(batches)
        if moments.frames < 2:
            raise ValueError("statistics need at least two frames")
        for name in self.names:
            self._buffer(domain, name, "mean").copy_(moments.mean[name])
            self._buffer(domain, name, "spread").copy_(moments.spread(name))
        self.fitted[DOMAINS.index(domain)] = 1.0

    def move(self, domain: Domain, moments: Moments, weight: float) -> None:
        """The mean of ``domain`` moved towards that of other frames: ``mean ← (1 − w) mean + w mean'``. The spread
        stays: refitted beside the mean, it made readings worse (``reports/2026-12-01-adapt``).

        Args:
            domain: One that was fitted.
            moments: Of the other frames.
            weight: ``w``, from 0, which changes nothing, to 1.

        Raises:
            ValueError: The domain was not fitted, or the weight lies outside 0 to 1.
        """
        if not self.fitted[DOMAINS.index(domain)]:
            raise ValueError(f"domain {domain!r} has no statistics to move")
        if not 0.0 <= weight <= 1.0:
            raise ValueError(f"weight {weight:g} is not in 0 to 1")
        for name in self.names:
            mean = self._buffer(domain, name, "mean")
            mean.copy_(torch.lerp(mean.double(), moments.mean[name].to(mean.device), weight))

    def distance(self, domain: Domain, moments: Moments) -> dict[str, tuple[float, float]]:
        """How far other frames are from the statistics of ``domain``: by the name of the tensor, the root mean square
        over its numbers of ``(mean' − mean) / spread``, and the mean of ``log(spread' / spread)``."""
        out = {}
        for name in self.names:
            mean, spread = (self._buffer(domain, name, kind).double().cpu() for kind in ("mean", "spread"))
            shift = (moments.mean[name].cpu() - mean) / spread
            ratio = moments.spread(name).cpu().log() - spread.log()
            out[name] = float(shift.square().mean().sqrt()), float(ratio.mean())
        return out

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
