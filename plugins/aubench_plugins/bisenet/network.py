"""BiSeNet for 19 face classes: Yu et al., "BiSeNet: Bilateral Segmentation Network", ECCV 2018, in the form of
the public face parser (no spatial path; the trunk's stride-8 map takes its place). Tensor names and shapes at width 64
are those of its checkpoint.

All details that a checkpoint depends on and its tensors do not show: upsampling inside is by the nearest
neighbour with the floor rule, to the other map's exact size; logits are upsampled bilinearly with aligned corners; the
fusion puts the trunk's map before the context's.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aubench.contracts import PARSING_CLASSES
from aubench.networks.resnet import Trunk

CLASSES = len(PARSING_CLASSES)


class ConvBnRelu(nn.Module):
    """Convolution that keeps the size, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, 1, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class AttentionRefinement(nn.Module):
    """A convolution whose channels are weighted by a gate read off their means."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = ConvBnRelu(inputs, outputs, 3)
        self.conv_atten = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.bn_atten(self.conv_atten(_mean(x))))


class ContextPath(nn.Module):
    """The trunk, and its deep maps brought back to strides 16 and 8."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.resnet = Trunk(width)
        self.arm16 = AttentionRefinement(4 * width, 2 * width)
        self.arm32 = AttentionRefinement(8 * width, 2 * width)
        self.conv_head32 = ConvBnRelu(2 * width, 2 * width, 3)
        self.conv_head16 = ConvBnRelu(2 * width, 2 * width, 3)
        self.conv_avg = ConvBnRelu(8 * width, 2 * width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The trunk's maps at strides 8, 16, 32, then the context maps at strides 8 and 16."""
        feat8, feat16, feat32 = self.resnet(x)
        deep = self.arm32(feat32) + self.conv_avg(_mean(feat32))
        context16 = self.conv_head32(_nearest(deep, feat16))
        context8 = self.conv_head16(_nearest(self.arm16(feat16) + context16, feat8))
        return feat8, feat16, feat32, context8, context16


class FeatureFusion(nn.Module):
    """Joins the trunk's and the context's stride-8 maps; a gate then adds to each channel a part of itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convblk = ConvBnRelu(4 * width, 4 * width, 1)
        self.conv1 = nn.Conv2d(4 * width, width, 1, bias=False)
        self.conv2 = nn.Conv2d(width, 4 * width, 1, bias=False)

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        fused: Tensor = self.convblk(torch.cat([spatial, context], dim=1))
        gate = torch.sigmoid(self.conv2(F.relu(self.conv1(_mean(fused)))))
        return fused + fused * gate


class Head(nn.Module):
    """Logits at the map's own size."""

    def __init__(self, inputs: int, middle: int) -> None:
        super().__init__()
        self.conv = ConvBnRelu(inputs, middle, 3)
        self.conv_out = nn.Conv2d(middle, CLASSES, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv_out(self.conv(x))
        return out


class Maps(NamedTuple):
    """What one pass makes: the trunk's maps (2w, 4w, 8w channels), f_gb (4w) and the logits (19) at stride 8."""

    feat8: Tensor
    feat16: Tensor
    feat32: Tensor
    fused: Tensor
    logits8: Tensor


class BiSeNet(nn.Module):
    """The whole network. ``width`` 64 is the public one; every channel count scales with it."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.cp = ContextPath(width)
        self.ffm = FeatureFusion(width)
        self.conv_out = Head(4 * width, 4 * width)
        self.conv_out16 = Head(2 * width, width)
        self.conv_out32 = Head(2 * width, width)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (b, 19, h, w) of the main head and of the two that only help training, from normalised (b, 3, h, w).

        Any size from 32 pixels on.
        """
        heads, _ = self.heads(x)
        main, aid16, aid32 = (upsample_logits(logits, x.shape[-2], x.shape[-1]) for logits in heads)
        return main, aid16, aid32

    def heads(self, x: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """For pretraining: the heads' logits before upsampling (strides 8, 8, 16) and the trunk's three maps."""
        feat8, feat16, feat32, context8, context16 = self.cp(x)
        logits = (
            self.conv_out(self.ffm(feat8, context8)),
            self.conv_out16(context8),
            self.conv_out32(context16),
        )
        return logits, (feat8, feat16, feat32)

    def maps(self, x: Tensor) -> Maps:
        """What a frozen extractor needs of normalised (b, 3, h, w), without the heads that only help training."""
        feat8, feat16, feat32, context8, _ = self.cp(x)
        fused = self.ffm(feat8, context8)
        return Maps(feat8, feat16, feat32, fused, self.conv_out(fused))


def upsample_logits(logits: Tensor, height: int, width: int) -> Tensor:
    """Bilinear with aligned corners, as the public network does it."""
    return F.interpolate(logits, size=(height, width), mode="bilinear", align_corners=True)


def _mean(x: Tensor) -> Tensor:
    return x.mean(dim=(2, 3), keepdim=True)


def _nearest(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="nearest")
