"""LightCNN-29v2: Wu et al., "A Light CNN for Deep Face Representation with Noisy Labels", TIFS 2018, second version of
the 29-layer network. Tensor names and shapes at width 1 are those of the public checkpoint, less its ``module.``.

There is no ReLU and no batch norm: the one nonlinearity is max-feature-map, the larger of two halves of the channels.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EMBEDDING = 256
SIDE = 128
"""Side in pixels of the grey image that enters; the fully connected layer fixes it."""


class _LargerHalf(torch.autograd.Function):
    """(b, 2n, h, w) to (b, n, h, w): of channel k and k + n the larger; of equal ones the first has the gradient.

    Written out because the backward pass of ``torch.maximum``, with its halving of ties, cost more than the
    convolutions of the whole network.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=1)
        ctx.save_for_backward(first >= second)
        return torch.maximum(first, second)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (wins,) = ctx.saved_tensors
        first = grad * wins
        return torch.cat([first, grad - first], dim=1)


class MaxFeatureMap(nn.Module):
    """A convolution that keeps the size and makes twice the channels, of which the larger half survives."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(inputs, 2 * outputs, kernel, 1, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        larger: Tensor = _LargerHalf.apply(self.filter(x))
        return larger


class Residual(nn.Module):
    """Two 3x3 max-feature-maps beside an identity, with nothing after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = MaxFeatureMap(channels, channels, 3)
        self.conv2 = MaxFeatureMap(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.conv2(self.conv1(x))
        return x + inner


class Group(nn.Module):
    """A 1x1 max-feature-map, then a 3x3 one that changes the number of channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_a = MaxFeatureMap(inputs, inputs, 1)
        self.conv = MaxFeatureMap(inputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(self.conv_a(x))
        return out


class LightCNN(nn.Module):
    """The network. ``width`` 1 is the public one. ``classes`` 0 leaves the classifier ``fc2`` away."""

    def __init__(self, width: float = 1.0, classes: int = 80013) -> None:
        super().__init__()
        c1, c2, c3, c4 = (max(1, round(width * channels)) for channels in (48, 96, 192, 128))
        self.conv1 = MaxFeatureMap(1, c1, 5)
        self.block1 = _residuals(c1, 1)
        self.group1 = Group(c1, c2)
        self.block2 = _residuals(c2, 2)
        self.group2 = Group(c2, c3)
        self.block3 = _residuals(c3, 3)
        self.group3 = Group(c3, c4)
        self.block4 = _residuals(c4, 4)
        self.group4 = Group(c4, c4)
        self.fc = nn.Linear(c4 * (SIDE // 16) ** 2, EMBEDDING)
        self.dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(EMBEDDING, classes, bias=False) if classes else None
        self._initialise()

    def _initialise(self) -> None:
        """Start with activations of one size throughout: nothing in the network normalises them.

        The larger of two equal halves keeps the mean square of its input; a residual adds to it, and the sum of two
        pools doubles the mean. So residuals start small, and what follows a pool starts at half its strength.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, Residual):
                    module.conv2.filter.weight.mul_(0.2)
                elif isinstance(module, Group):
                    module.conv_a.filter.weight.mul_(0.5)

    def embedding(self, x: Tensor) -> Tensor:
        """(b, 256), neither activated nor normalised, from grey (b, 1, 128, 128) in [0, 1]."""
        x = _pool(self.conv1(x))
        x = _pool(self.group1(self.block1(x)))
        x = _pool(self.group2(self.block2(x)))
        x = self.group3(self.block3(x))
        x = _pool(self.group4(self.block4(x)))
        out: Tensor = self.fc(x.flatten(1))
        return out

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Identity logits (b, classes) and embedding (b, 256). Raises ``ValueError`` without a classifier."""
        if self.fc2 is None:
            raise ValueError("this network was built without a classifier (classes: 0)")
        embedding = self.embedding(x)
        return self.fc2(self.dropout(embedding)), embedding


def _residuals(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Residual(channels) for _ in range(count)))


def _pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2) + F.avg_pool2d(x, 2)
