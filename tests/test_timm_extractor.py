"""One plugin for every timm backbone: levels by stride, attention from a parser, no silent random weights."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from refusals import refused
from torch import Tensor

from aubench import registry, weights
from aubench.contracts import PARSING_CLASSES, REGIONS, Extractor
from aubench.discovery import build
from aubench.regions import CLASSES_OF, attention

SMALL = {"size": 64, "weights": "none", "masks": "none"}
PARSER = {"masks": "bisenet", "masks_config": {"width": 4, "size": 64, "weights": "none"}}
NETWORKS = {  # small ones of each make: strides 2..32, 4..32 with channels last, all 16
    "test_resnet.r160_in1k": [(8, 16, 32)],
    "mobilenetv3_small_050": [(8, 16, 32)],
}


def picture(batch: int = 2, side: int = 64, seed: int = 3) -> Tensor:
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(seed))


def made(backbone: str, **options: Any) -> Any:
    torch.manual_seed(0)
    return build("extractor", "timm", {"backbone": backbone, **SMALL, **options})


# --- levels


@pytest.mark.parametrize(
    ("reductions", "expected"),
    [
        ([2, 4, 8, 16, 32], [2, 3, 4]),
        ([4, 8, 16, 32], [1, 2, 3]),
        ([16] * 12, [3, 7, 11]),  # a vision transformer: from shallow to deep
        ([16] * 3, [0, 1, 2]),
        ([16], [0, 0, 0]),
        ([4, 8, 16], [1, 2, 2]),  # nothing at 32
        ([2, 4, 8, 8, 16, 16, 32], [3, 5, 6]),  # of equal ones the deepest
    ],
)
def test_levels_are_picked_by_stride(reductions: list[int], expected: list[int]) -> None:
    from aubench_plugins.timm_features.extractor import choose_levels

    assert choose_levels(reductions, (8, 16, 32)) == expected


@pytest.mark.parametrize("backbone", list(NETWORKS))
def test_maps_are_the_backbones_own(backbone: str) -> None:
    net = made(backbone)
    assert isinstance(net, Extractor)
    image = picture()
    features = net.features(image)
    assert tuple(sorted(features.maps)) == tuple(sorted(REGIONS))
    whole = timm.create_model(backbone, pretrained=False, features_only=True).eval()
    whole.load_state_dict(net.backbone.state_dict(), strict=False)
    expected = whole((image - net.mean) / net.std)
    assert [e.shape[-1] for e in expected[-3:]] == [8, 4, 2]
    torch.testing.assert_close(features.maps["eyes"], expected[-3], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(features.maps["mouth"], expected[-2], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(features.maps["face"], expected[-1], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(features.fused, expected[-1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("backbone", "size", "channels"),
    [("swin_tiny_patch4_window7_224", 224, (192, 384, 768)), ("vit_tiny_patch16_224", 64, (192, 192, 192))],
)
def test_transformers_come_channels_first(backbone: str, size: int, channels: tuple[int, ...]) -> None:
    features = made(backbone, size=size).features(picture(1))
    shapes = [features.maps[name].shape for name in ("eyes", "nose", "face")]
    assert tuple(shape[1] for shape in shapes) == channels
    assert all(shape[2] == shape[3] for shape in shapes)


# --- attention


def test_attention_is_the_probability_of_the_regions_classes() -> None:
    logits = torch.randn(2, 19, 6, 6, generator=torch.Generator().manual_seed(0))
    weight = attention(logits)
    for row, names in enumerate(CLASSES_OF.values()):
        expected = logits.softmax(1)[:, [PARSING_CLASSES.index(name) for name in names]].sum(1)
        torch.testing.assert_close(weight[:, row], expected)
    assert tuple(CLASSES_OF) == REGIONS


def test_maps_are_weighted_by_a_parser() -> None:
    plain = made("test_resnet.r160_in1k")
    seen = made("test_resnet.r160_in1k", **PARSER)
    seen.backbone.load_state_dict(plain.backbone.state_dict())
    image = picture()
    with_masks, without = seen.features(image), plain.features(image)
    weight = attention(seen.parser.parse(image))
    for row, region in enumerate(CLASSES_OF):
        here = without.maps[region]
        expected = here * F.adaptive_avg_pool2d(weight[:, row : row + 1], here.shape[-1])
        torch.testing.assert_close(with_masks.maps[region], expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(with_masks.fused, without.fused)


def test_masks_come_from_a_parser_only() -> None:
    config = {"width": 16, "modules": 1, "depth": 2, "size": 64, "weights": "none"}
    with refused("plugin-unsupported", "masks: landmark"):
        made("test_resnet.r160_in1k", masks="landmark", masks_config=config)
    with refused("name-unknown", "'bisenett'"):
        made("test_resnet.r160_in1k", masks="bisenett")


def test_gradient_reaches_the_image_and_no_weight() -> None:
    net = made("test_resnet.r160_in1k", **PARSER)
    net.train()
    assert not any(module.training for module in net.modules())
    image = picture(side=50).requires_grad_()
    features = net.features(image)
    for tensor in (features.fused, *features.maps.values()):
        (gradient,) = torch.autograd.grad(tensor.square().sum(), image, retain_graph=True)
        assert torch.isfinite(gradient).all()
        assert gradient.abs().sum() > 0
    assert all(parameter.grad is None for parameter in net.parameters())


# --- weights


def test_names_and_weights_that_timm_does_not_have() -> None:
    with refused("name-unknown", "'resnet51'", "resnet50"):
        made("resnet51.a1_in1k")
    with refused("weights-missing", "'resnet50.a1_in2k'", "weights: none"):
        made("resnet50.a1_in2k", weights="pretrained")
    having = {name.partition(".")[0] for name in timm.list_pretrained("resne*")}
    bare = next(name for name in timm.list_models("resne*") if name not in having)
    with refused("weights-missing", bare):
        made(bare, weights="pretrained")


def test_without_the_network_the_remedy_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = timm.create_model

    def offline(name: str, pretrained: bool = False, **options: Any) -> Any:
        if pretrained:
            raise OSError("We couldn't connect\nto the hub")
        return real(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    with refused(
        "download-failed", "test_resnet.r160_in1k", "We couldn't connect to the hub", "weights: none"
    ) as caught:
        made("test_resnet.r160_in1k", weights="pretrained")
    assert "\n" not in str(caught.value)


def test_pretrained_weights_bring_their_licence_and_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    real = timm.create_model
    asked: list[bool] = []

    def cached(name: str, pretrained: bool = False, **options: Any) -> Any:
        asked.append(pretrained)
        return real(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", cached)
    net = made("resnet18.a1_in1k", weights="pretrained", size=None)
    assert asked[-1] is True
    assert net.size == 224
    assert net.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    (source,) = weights.sources(net)
    assert (source.licence, source.origin) == ("apache-2.0", "timm/resnet18.a1_in1k")


def test_a_file_of_weights_is_loaded(tmp_path: Any) -> None:
    source = made("test_resnet.r160_in1k")
    torch.save(source.backbone.state_dict(), tmp_path / "r.pth")
    again = made("test_resnet.r160_in1k", weights=str(tmp_path / "r.pth"))
    torch.testing.assert_close(again.features(picture()).fused, source.features(picture()).fused)


# --- the command line's name


def test_the_name_after_the_colon_is_the_backbone() -> None:
    found = registry.Registry()
    assert found.resolve("extractor", "timm:resnet50.a1_in1k") == ("timm", {"backbone": "resnet50.a1_in1k"})
    assert found.resolve("extractor", "bisenet") == ("bisenet", {})
    for name in ("bisenet:64", "timm:"):
        with refused("name-unknown", repr(name)):
            found.resolve("extractor", name)
    with refused("name-unknown", "'tim'", "timm"):
        found.resolve("extractor", "tim:resnet50")
    with refused("config-invalid", "'backbone'"):
        build("extractor", "timm")
