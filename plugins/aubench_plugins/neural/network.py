"""The generator G: facial parameters (b, 269) to images, eight transposed convolutions in the manner of DCGAN (Radford
et al. 2016) with instance norm.

Instance norm takes from each channel its mean and its spread over the picture. On the first maps, a few cells wide
and made straight from the parameters, that is most of what there is to know, and a generator built so falls back to
the mean face at higher learning rates. So by default the first layer is not normalised, and at the others the scale
and shift that follow the norm are predicted from the parameters (conditional instance norm: Dumoulin et al. 2017),
which gives back what the norm takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aubench.parameters import BROW, SIZE

Norm = Literal["conditional", "plain", "none"]

STRIDES: dict[int, tuple[int, ...]] = {
    64: (2, 1, 2, 1, 2, 1, 2),
    128: (2, 2, 1, 2, 1, 2, 2),
    256: (2, 2, 2, 1, 2, 2, 2),
    512: (2, 2, 2, 2, 2, 2, 2),
}
"""Strides of layers two to eight by picture side; the first makes a map of four by four. A layer of stride 1 refines
the map in the middle of the network, where a cell is about as large as what an AU moves."""
_START = 4
_HIDDEN = 256


class Layer(nn.Module):
    """Transposed convolution, norm, ReLU: (b, i, h, w) to (b, o, stride h, stride w)."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: Norm) -> None:
        super().__init__()
        kernel = 4 if stride == 2 else 3
        self.conv = nn.ConvTranspose2d(inputs, outputs, kernel, stride, 1, bias=norm == "none")
        self.norm: nn.Module = nn.Identity()
        if norm != "none":
            self.norm = nn.InstanceNorm2d(outputs, affine=norm == "plain")

    def forward(self, x: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
        x = self.norm(self.conv(x))
        if scale is not None and shift is not None:
            x = x * scale + shift
        return F.relu(x)


class Generator(nn.Module):
    """``channels``: what the first seven layers put out; ``size``: one of :data:`STRIDES`."""

    centre: Tensor
    spread: Tensor

    def __init__(self, size: int, channels: Sequence[int], norm: Norm) -> None:
        super().__init__()
        strides = STRIDES[size]
        self.channels = tuple(channels)
        self.first = nn.ConvTranspose2d(SIZE, channels[0], _START, bias=norm != "plain")
        self.first_norm = nn.InstanceNorm2d(channels[0], affine=True) if norm == "plain" else nn.Identity()
        self.layers = nn.ModuleList(
            Layer(inputs, outputs, stride, norm)
            for inputs, outputs, stride in zip(channels[:-1], channels[1:], strides[:-1], strict=True)
        )
        last = 4 if strides[-1] == 2 else 3
        self.last = nn.ConvTranspose2d(channels[-1], 3, last, strides[-1], 1)
        self.style: nn.Module | None = None
        if norm == "conditional":
            self.style = nn.Sequential(
                nn.Linear(SIZE, _HIDDEN), nn.LeakyReLU(0.2), nn.Linear(_HIDDEN, 2 * sum(channels[1:]))
            )
        centre = torch.full((SIZE,), 0.5)
        spread = torch.full((SIZE,), 2.0)
        centre[BROW], spread[BROW] = 0.0, 1.0
        self.register_buffer("centre", centre, persistent=False)
        self.register_buffer("spread", spread, persistent=False)

    def forward(self, vector: Tensor) -> Tensor:
        """Images (b, 3, size, size) in [0, 1] from facial parameters (b, 269)."""
        vector = (vector - self.centre) * self.spread
        x = F.relu(self.first_norm(self.first(vector[:, :, None, None])))
        for layer, (scale, shift) in zip(self.layers, self._styles(vector), strict=True):
            x = layer(x, scale, shift)
        return torch.sigmoid(self.last(x).float())

    def _styles(self, vector: Tensor) -> list[tuple[Tensor, Tensor]] | list[tuple[None, None]]:
        """Scale and shift (b, c, 1, 1) of each layer from the second to the seventh."""
        if self.style is None:
            return [(None, None)] * len(self.layers)
        out: list[tuple[Tensor, Tensor]] = []
        for part in self.style(vector)[:, :, None, None].split([2 * c for c in self.channels[1:]], dim=1):
            scale, shift = part.chunk(2, dim=1)
            out.append((1 + scale, shift))
        return out
