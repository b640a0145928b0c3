"""From feature maps of several sizes to one vector: the paper's convolution, and plain flattening."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aubench.contracts import WHOLE, View

Shape = tuple[int, int, int]

WINDOWS: dict[str, View] = {
    "eyes": (0.22, 0.56, 0.12, 0.88),
    "brows": (0.10, 0.50, 0.12, 0.88),
    "nose": (0.28, 0.74, 0.25, 0.75),
    "mouth": (0.54, 1.00, 0.18, 0.82),
    "face": WHOLE,
}
"""Top, bottom, left and right, as fractions of the aligned crop, of where a region can be: its place in a face aligned
to the template, with room for turned heads, open mouths, raised brows and misalignment. Attended maps are close to zero
elsewhere."""
_FUSED_SIDE = 8
"""f_gb is pooled to this side at most before it is flattened: head pose is coarse."""
FLAT_SCALE = 0.1
"""Factor of the flattened numbers. An adaptive optimiser moves every weight by about the same step, so that a layer
with tens of thousands of inputs changes its answer far faster than those behind it; smaller inputs slow it down."""


class ConvFusion(nn.Module):
    """The paper's: pool all maps to the smallest one's size, concatenate, convolve with stride 2, batch norm, ReLU.

    ``length``: how many numbers come out per face.
    """

    def __init__(self, shapes: dict[str, Shape], channels: int) -> None:
        super().__init__()
        self.size = (min(s[1] for s in shapes.values()), min(s[2] for s in shapes.values()))
        self.conv = nn.Conv2d(sum(s[0] for s in shapes.values()), channels, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.length = channels * math.ceil(self.size[0] / 2) * math.ceil(self.size[1] / 2)

    def forward(self, maps: dict[str, Tensor]) -> Tensor:
        pooled = torch.cat([F.adaptive_avg_pool2d(m, self.size) for m in maps.values()], dim=1)
        return F.relu(self.norm(self.conv(pooled))).flatten(1)


class FlatFusion(nn.Module):
    """Every number of every map, of regional maps within their window, times :data:`FLAT_SCALE`."""

    def __init__(self, shapes: dict[str, Shape], view: View, windows: bool) -> None:
        super().__init__()
        upper, lower, leftmost, rightmost = view
        self.cut: dict[str, tuple[slice, slice]] = {}
        self.length = 0
        for name, (channels, height, width) in shapes.items():
            if name == "fused":
                self.length += channels * min(height, _FUSED_SIDE) * min(width, _FUSED_SIDE)
                continue
            top, bottom, left, right = WINDOWS[name] if windows else WHOLE
            rows = _cells((top - upper) / (lower - upper), (bottom - upper) / (lower - upper), height)
            columns = _cells(
                (left - leftmost) / (rightmost - leftmost), (right - leftmost) / (rightmost - leftmost), width
            )
            self.cut[name] = rows, columns
            self.length += channels * (rows.stop - rows.start) * (columns.stop - columns.start)

    def forward(self, maps: dict[str, Tensor]) -> Tensor:
        parts: list[Tensor] = []
        for name, tensor in maps.items():
            if name == "fused":
                side = min(tensor.shape[-2], _FUSED_SIDE), min(tensor.shape[-1], _FUSED_SIDE)
                part = F.adaptive_avg_pool2d(tensor, side)
            else:
                rows, columns = self.cut[name]
                part = tensor[:, :, rows, columns]
            parts.append(part.flatten(1))
        return FLAT_SCALE * torch.cat(parts, dim=1)


def _cells(low: float, high: float, count: int) -> slice:
    """The cells of ``count`` that a stretch from ``low`` to ``high`` touches."""
    return slice(max(0, math.floor(low * count)), min(count, math.ceil(high * count)))
