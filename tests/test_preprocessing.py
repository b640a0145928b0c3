"""Preprocessing belongs to the network: an asymmetric colour image must reach its first layer upright, as RGB, in the
range that it was trained on. Each entry states that range a second time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from aubench.discovery import build
from aubench.networks import build_backbone

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
EXTRACTORS: dict[str, tuple[str, dict[str, Any], int, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "bisenet": ("bisenet", {"width": 4, "size": 96, "weights": "none"}, 96, IMAGENET),
    "landmark": ("landmark", {"width": 16, "modules": 1, "depth": 2, "size": 96, "weights": "none"}, 96, PLAIN),
    "timm, ImageNet": ("timm", {"backbone": "resnet18.a1_in1k", "size": 96, "weights": "none", "masks": "none"},
                       96, IMAGENET),
    "timm, halves": ("timm", {"backbone": "vit_tiny_patch16_224.augreg_in21k", "size": 96, "weights": "none",
                              "masks": "none"}, 96, ((0.5,) * 3, (0.5,) * 3)),
}  # fmt: skip


def asymmetric(side: int) -> Tensor:
    """Red grows to the right, green downwards, blue is bright at the top left only: no mirroring, turning, swap of
    channels or change of range leaves it as it is."""
    ramp = (torch.arange(side) + 0.5) / side
    blue = torch.zeros(side, side)
    blue[: side // 4, : side // 4] = 0.9
    return torch.stack([0.1 + 0.3 * ramp.expand(side, side), 0.4 + 0.5 * ramp[:, None].expand(side, side), blue])[None]


def first_input(network: torch.nn.Module, run: Any) -> Tensor:
    """What the first convolution is given."""
    seen: list[Tensor] = []
    first = next(m for m in network.modules() if isinstance(m, torch.nn.Conv2d))
    handle = first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    with torch.no_grad():
        run()
    handle.remove()
    return seen[0]


@pytest.mark.parametrize("name", list(EXTRACTORS))
@pytest.mark.parametrize("side", [48, 96, 192])
def test_extractors(name: str, side: int) -> None:
    plugin, config, size, (mean, std) = EXTRACTORS[name]
    net = build("extractor", plugin, config)
    image = asymmetric(side)
    got = first_input(net, lambda: net.features(image))
    assert got.shape == (1, 3, size, size)
    back = got * torch.tensor(std)[:, None, None] + torch.tensor(mean)[:, None, None]
    inner = (slice(None), slice(None), slice(30, -4), slice(30, -4))  # away from the blue corner's edge
    torch.testing.assert_close(back[inner], asymmetric(size)[inner], atol=0.01, rtol=0)
    assert abs(back[0, 2, 5, 5] - 0.9) < 0.02
    assert abs(back[0, 2, -5, 5]) < 0.02
    assert back[0, 2, 5, -5].abs() < 0.02


@pytest.mark.parametrize("name", list(EXTRACTORS))
def test_swapped_channels_and_bytes_would_be_seen(name: str) -> None:
    """The check above can fail: BGR, 0..255 and a mirrored image all give other features."""
    plugin, config, *_ = EXTRACTORS[name]
    torch.manual_seed(0)
    net = build("extractor", plugin, config)
    image = asymmetric(96)
    with torch.no_grad():
        right = net.features(image).fused
        for wrong in (image.flip(1), image * 255, image.flip(3), image.flip(2)):
            assert (net.features(wrong).fused - right).abs().max() > 1e-3 * right.abs().max()


def test_recogniser_sees_grey_of_rgb() -> None:
    net = build("recogniser", "lightcnn", {"width": 0.0625, "weights": "none"})
    image = asymmetric(160)
    got = first_input(net, lambda: net.embed(image))
    assert got.shape == (1, 1, 128, 128)
    whole = (image * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    # Below and to the right of the blue corner the grey is a ramp in both directions: red across, green downwards.
    assert got.min() >= 0
    assert got.max() <= whole.max() + 1e-5
    step = (0.73 - 0.37) / 48
    down, across = got[0, 0, 70:120, 80:120].diff(dim=0).mean(), got[0, 0, 70:120, 80:120].diff(dim=1).mean()
    assert down.item() == pytest.approx(0.587 * 0.5 * step, rel=0.02)
    assert across.item() == pytest.approx(0.299 * 0.3 * step, rel=0.02)


def test_vgg_normalises_rgb() -> None:
    net = build_backbone("vgg16")
    image = asymmetric(32)
    got = first_input(net, lambda: net(image))
    mean, std = (torch.tensor(v)[:, None, None] for v in IMAGENET)
    torch.testing.assert_close(got * std + mean, image)


def test_parser_resizes_without_turning() -> None:
    """Logits at the picture's size come from the same places, whatever the picture's size."""
    net = build("extractor", "bisenet", {"width": 4, "size": 64, "weights": "none"})
    with torch.no_grad():
        small, large = net.parse(asymmetric(64)), net.parse(asymmetric(128))
    shrunk = F.adaptive_avg_pool2d(large, 64)
    assert (shrunk - small).abs().mean() < 0.1 * small.std()
