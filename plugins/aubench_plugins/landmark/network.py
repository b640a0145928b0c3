"""FAN: Bulat and Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment problem?", ICCV 2017. Stacked
hourglasses (Newell et al., ECCV 2016) that regress a heatmap for each of 68 points. Tensor names and shapes at
width 256, depth 4 and four modules are those of the public 2DFAN4 checkpoint.

What the tensors do not show: maps shrink by *average* pooling and grow by the nearest neighbour; a block puts out its
three convolutions' results before any norm, in order, plus the shortcut; a stack adds to its own *input* what it
found.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POINTS = 68


class ConvBlock(nn.Module):
    """Three 3x3 convolutions in a row, each after norm and ReLU; what they make is joined and added to the input:
    (b, i, h, w) to (b, o, h, w), half of the channels from the first, a quarter from each other."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half, quarter = outputs // 2, outputs // 4
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = _conv3(inputs, half)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv2 = _conv3(half, quarter)
        self.bn3 = nn.BatchNorm2d(quarter)
        self.conv3 = _conv3(quarter, quarter)
        self.downsample: nn.Module = nn.Identity()
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False)
            )

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv1(F.relu(self.bn1(x)))
        second = self.conv2(F.relu(self.bn2(first)))
        third = self.conv3(F.relu(self.bn3(second)))
        shortcut: Tensor = self.downsample(x)
        return torch.cat([first, second, third], dim=1) + shortcut


class Hourglass(nn.Module):
    """Halves a map ``depth`` times and brings it back, with a block beside every level. Names as in the checkpoint."""

    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.depth = depth
        for level in range(depth, 0, -1):
            for branch in ("b1", "b2", "b3"):
                self.add_module(f"{branch}_{level}", ConvBlock(width, width))
            if level == 1:
                self.add_module("b2_plus_1", ConvBlock(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return self._level(self.depth, x)

    def _level(self, level: int, x: Tensor) -> Tensor:
        beside = self._block(f"b1_{level}", x)
        low = self._block(f"b2_{level}", F.avg_pool2d(x, 2, 2))
        low = self._level(level - 1, low) if level > 1 else self._block("b2_plus_1", low)
        low = self._block(f"b3_{level}", low)
        return beside + F.interpolate(low, scale_factor=2, mode="nearest")

    def _block(self, name: str, x: Tensor) -> Tensor:
        return cast(Tensor, self.get_submodule(name)(x))


class Taps(NamedTuple):
    """``layer1`` (b, width / 4, h / 2, w / 2): the first convolution after norm and ReLU; ``layer2`` (b, width / 2, h /
    2, w / 2): the block behind it, before it is pooled; ``heatmaps`` (b, 68, h / 4, w / 4) of every stack."""

    layer1: Tensor
    layer2: Tensor
    heatmaps: list[Tensor]


class Fan(nn.Module):
    """The whole network. RGB (b, 3, h, w) in [0, 1], sides a multiple of 4 * 2 ** depth."""

    def __init__(self, width: int = 256, modules: int = 4, depth: int = 4) -> None:
        super().__init__()
        self.modules_count = modules
        self.conv1 = nn.Conv2d(3, width // 4, 7, 2, 3)
        self.bn1 = nn.BatchNorm2d(width // 4)
        self.conv2 = ConvBlock(width // 4, width // 2)
        self.conv3 = ConvBlock(width // 2, width // 2)
        self.conv4 = ConvBlock(width // 2, width)
        for i in range(modules):
            self.add_module(f"m{i}", Hourglass(depth, width))
            self.add_module(f"top_m_{i}", ConvBlock(width, width))
            self.add_module(f"conv_last{i}", nn.Conv2d(width, width, 1))
            self.add_module(f"bn_end{i}", nn.BatchNorm2d(width))
            self.add_module(f"l{i}", nn.Conv2d(width, POINTS, 1))
            if i < modules - 1:
                self.add_module(f"bl{i}", nn.Conv2d(width, width, 1))
                self.add_module(f"al{i}", nn.Conv2d(POINTS, width, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        """The heatmaps (b, 68, h / 4, w / 4) of every stack; the last are the answer. Unbounded: learnt by regression
        on Gaussians of height 1."""
        return self.taps(x).heatmaps

    def taps(self, x: Tensor) -> Taps:
        """Heatmaps, and what the first two layers make on the way."""
        layer1 = F.relu(self.bn1(self.conv1(x)))
        layer2 = self.conv2(layer1)
        previous = self.conv4(self.conv3(F.avg_pool2d(layer2, 2, 2)))
        heatmaps = []
        for i in range(self.modules_count):
            found = self._call(f"top_m_{i}", self._call(f"m{i}", previous))
            found = F.relu(self._call(f"bn_end{i}", self._call(f"conv_last{i}", found)))
            heatmaps.append(self._call(f"l{i}", found))
            if i < self.modules_count - 1:
                previous = previous + self._call(f"bl{i}", found) + self._call(f"al{i}", heatmaps[-1])
        return Taps(layer1, layer2, heatmaps)

    def _call(self, name: str, x: Tensor) -> Tensor:
        return cast(Tensor, self.get_submodule(name)(x))


def _conv3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
