"""The parser is the public network to the letter: tensors, and arithmetic written out a second time here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from refusals import refused
from tensor_table import read_table
from torch import Tensor

from aubench import weights
from aubench.combination import feature_shapes
from aubench.contracts import PARSING_CLASSES, REGIONS, Extractor, Features, Parser
from aubench.discovery import build

SMALL = {"width": 4, "size": 64, "view": (0, 1, 0, 1), "cells": None, "weights": "none"}
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def parser() -> torch.nn.Module:
    """A narrow network whose batch statistics and affine numbers are not those of a fresh one."""
    torch.manual_seed(0)
    net = build("extractor", "bisenet", SMALL)
    generator = torch.Generator().manual_seed(1)
    for name, tensor in net.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            tensor.normal_(0, 0.2, generator=generator)
        elif name.endswith("running_var") or tensor.ndim == 1:
            tensor.uniform_(0.5, 1.5, generator=generator)
    return net


def picture(batch: int = 2, side: int = 64, seed: int = 3) -> Tensor:
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(seed))


# --- the arithmetic, a second time, from a state dict alone


def conv(s: State, name: str, x: Tensor, stride: int = 1) -> Tensor:
    w = s[f"{name}.weight"]
    return F.conv2d(x, w, stride=stride, padding=w.shape[-1] // 2)


def norm(s: State, name: str, x: Tensor) -> Tensor:
    mean, var, w, b = (
        s[f"{name}.{part}"][None, :, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + 1e-5).sqrt() * w + b


def cbr(s: State, name: str, x: Tensor) -> Tensor:
    return norm(s, f"{name}.bn", conv(s, f"{name}.conv", x)).relu()


def block(s: State, name: str, x: Tensor, stride: int) -> Tensor:
    inner = norm(s, f"{name}.bn1", conv(s, f"{name}.conv1", x, stride)).relu()
    inner = norm(s, f"{name}.bn2", conv(s, f"{name}.conv2", inner))
    if f"{name}.downsample.0.weight" in s:
        x = norm(s, f"{name}.downsample.1", conv(s, f"{name}.downsample.0", x, stride))
    return (inner + x).relu()


def nearest(x: Tensor, height: int, width: int) -> Tensor:
    rows = torch.tensor([i * x.shape[-2] // height for i in range(height)])
    columns = torch.tensor([i * x.shape[-1] // width for i in range(width)])
    return x[:, :, rows][:, :, :, columns]


def aligned(x: Tensor, height: int, width: int) -> Tensor:
    def matrix(out: int, size: int) -> Tensor:
        m = torch.zeros(out, size)
        for i in range(out):
            at = i * (size - 1) / (out - 1)
            low = min(int(at), size - 2) if size > 1 else 0
            m[i, low] += 1 - (at - low)
            if size > 1:
                m[i, low + 1] += at - low
        return m

    return matrix(height, x.shape[-2]) @ x @ matrix(width, x.shape[-1]).T


def gap(x: Tensor) -> Tensor:
    return x.flatten(2).mean(2)[:, :, None, None]


def arm(s: State, name: str, x: Tensor) -> Tensor:
    f = cbr(s, f"{name}.conv", x)
    return f * norm(s, f"{name}.bn_atten", conv(s, f"{name}.conv_atten", gap(f))).sigmoid()


def second_time(s: State, x: Tensor) -> tuple[Tensor, ...]:
    """Trunk maps, f_gb and the three heads' logits at the size of ``x``."""
    height, width = x.shape[-2:]
    r = "cp.resnet"
    x = F.max_pool2d(norm(s, f"{r}.bn1", conv(s, f"{r}.conv1", x, 2)).relu(), 3, 2, 1)
    feats = []
    for stage in (1, 2, 3, 4):
        x = block(s, f"{r}.layer{stage}.0", x, 1 if stage == 1 else 2)
        x = block(s, f"{r}.layer{stage}.1", x, 1)
        feats.append(x)
    _, feat8, feat16, feat32 = feats
    deep = arm(s, "cp.arm32", feat32) + cbr(s, "cp.conv_avg", gap(feat32)).expand(-1, -1, *feat32.shape[-2:])
    cp16 = cbr(s, "cp.conv_head32", nearest(deep, *feat16.shape[-2:]))
    cp8 = cbr(s, "cp.conv_head16", nearest(arm(s, "cp.arm16", feat16) + cp16, *feat8.shape[-2:]))
    f = cbr(s, "ffm.convblk", torch.cat([feat8, cp8], 1))
    fused = f + f * conv(s, "ffm.conv2", conv(s, "ffm.conv1", gap(f)).relu()).sigmoid()
    heads = (("conv_out", fused), ("conv_out16", cp8), ("conv_out32", cp16))
    logits = [conv(s, f"{h}.conv_out", cbr(s, f"{h}.conv", m)) for h, m in heads]
    return feat8, feat16, feat32, fused, *(aligned(m, height, width) for m in logits)


# --- tests


def test_public_tensors() -> None:
    net = build("extractor", "bisenet", {"width": 64, "size": 512, "weights": "none"})
    assert {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()} == read_table("bisenet_tensors.txt")


def test_half_width_halves_every_channel_but_classes_and_colours(parser: torch.nn.Module) -> None:
    for name, shape in read_table("bisenet_tensors.txt").items():
        expected = tuple(n if n in (19, 3, 7, 1) else n // 16 for n in shape)
        assert tuple(parser.state_dict()[name].shape) == expected, name


@pytest.mark.parametrize(("height", "width"), [(64, 64), (72, 104), (100, 36), (33, 250)])
def test_forward_equals_the_arithmetic_written_out(parser: torch.nn.Module, height: int, width: int) -> None:
    x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    *_, out, out16, out32 = second_time(dict(parser.state_dict()), x)
    for mine, theirs in zip(parser(x), (out, out16, out32), strict=True):
        assert mine.shape == (2, 19, height, width)
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_nearest_rule_is_the_floor_rule() -> None:
    """7 to 13 cells: 'nearest-exact', and doubling 7 to 14, would both take other cells."""
    from aubench_plugins.bisenet.network import _nearest

    row = torch.arange(7.0).expand(1, 1, 7, 7)
    got = _nearest(row, torch.zeros(1, 1, 13, 13))[0, 0, 0]
    assert got.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
    assert not torch.equal(got, F.interpolate(row, (13, 13), mode="nearest-exact")[0, 0, 0])


def test_features_equal_attention_times_trunk(parser: torch.nn.Module) -> None:
    image = picture()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (image - mean[:, None, None]) / std[:, None, None]
    state = dict(parser.state_dict())
    feat8, feat16, feat32, fused, *_ = second_time(state, x)
    probability = conv(state, "conv_out.conv_out", cbr(state, "conv_out.conv", fused)).softmax(1)
    eyes, brows, nose, mouth = [4, 5, 6], [2, 3], [10], [11, 12, 13]
    wanted = {"eyes": (eyes, feat8), "brows": (brows, feat8), "nose": (nose, feat16), "mouth": (mouth, feat16),
              "face": ([1, *eyes, *brows, *nose, *mouth], feat32)}  # fmt: skip
    features = parser.features(image)
    assert tuple(features.maps) == REGIONS
    torch.testing.assert_close(features.fused, fused, rtol=1e-4, atol=1e-4)
    for region, (classes, trunk) in wanted.items():
        attention = probability[:, classes].sum(1, keepdim=True)
        cells = 8 // trunk.shape[-1]
        attention = attention.unfold(2, cells, cells).unfold(3, cells, cells).mean((-1, -2))
        torch.testing.assert_close(features.maps[region], attention * trunk, rtol=1e-4, atol=1e-4)


def test_beta_scales_one_region(parser: torch.nn.Module) -> None:
    strong = build("extractor", "bisenet", {**SMALL, "beta": {"mouth": 3.0}})
    strong.load_state_dict(parser.state_dict())
    plain, scaled = parser.features(picture()), strong.features(picture())
    torch.testing.assert_close(scaled.maps["mouth"], 3 * plain.maps["mouth"])
    torch.testing.assert_close(scaled.maps["nose"], plain.maps["nose"])


@pytest.mark.parametrize("side", [37, 64, 130])
def test_prepare_resizes_as_pil_does(parser: torch.nn.Module, side: int) -> None:
    smooth = F.interpolate(picture(1, 9), (side, side), mode="bicubic").clamp(0, 1)
    pixels = (smooth[0].permute(1, 2, 0) * 255).round().byte().numpy()
    resized = np.asarray(Image.fromarray(pixels).resize((64, 64), Image.Resampling.BILINEAR))
    expected = (torch.tensor(resized).permute(2, 0, 1) / 255 - parser.mean[0]) / parser.std[0]
    got = parser.prepare(torch.tensor(pixels).permute(2, 0, 1)[None] / 255)[0]
    assert (got - expected).abs().max() * 0.225 * 255 < 1.5  # PIL rounds to bytes


def test_parse_answers_at_the_size_of_the_image(parser: torch.nn.Module) -> None:
    assert isinstance(parser, Extractor)
    assert isinstance(parser, Parser)
    image = picture()
    torch.testing.assert_close(parser.parse(image), parser(parser.prepare(image))[0])
    assert parser.parse(torch.rand(1, 3, 50, 81)).shape == (1, len(PARSING_CLASSES), 50, 81)


def test_gradient_reaches_the_image_and_no_weight(parser: torch.nn.Module) -> None:
    parser.train()  # what a training loop around it would do
    assert not parser.training
    image = picture(side=80).requires_grad_()
    before = {name: tensor.clone() for name, tensor in parser.state_dict().items()}
    features = parser.features(image)
    for tensor in (features.fused, *features.maps.values()):
        (gradient,) = torch.autograd.grad(tensor.square().sum(), image, retain_graph=True)
        assert torch.isfinite(gradient).all()
        assert gradient.abs().sum() > 0
    assert all(parameter.grad is None for parameter in parser.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in parser.state_dict().items())


def test_a_face_does_not_depend_on_its_neighbours(parser: torch.nn.Module) -> None:
    image = picture(3)
    together, alone = parser.features(image), parser.features(image[1:2])
    pairs = [(together.fused, alone.fused)] + [(together.maps[r], alone.maps[r]) for r in REGIONS]
    for many, one in pairs:
        torch.testing.assert_close(many[1:2], one, rtol=1e-3, atol=1e-3)


def test_channels_last_and_autocast_agree(parser: torch.nn.Module) -> None:
    image = picture()
    last = image.contiguous(memory_format=torch.channels_last)
    exact: Features = parser.features(image)
    same = parser.features(last)
    with torch.autocast("cpu", torch.bfloat16):
        rough = parser.features(last)
    for region in REGIONS:
        torch.testing.assert_close(same.maps[region], exact.maps[region], rtol=1e-3, atol=1e-3)
        assert torch.isfinite(rough.maps[region]).all()
    # Eight bits of mantissa through some twenty layers of a network that was never trained.
    assert (rough.fused.float() - exact.fused).norm() < 0.1 * exact.fused.norm()


def test_pretraining_can_thaw_it() -> None:
    net = build("extractor", "bisenet", SMALL).requires_grad_(True).train()
    count = net.cp.resnet.bn1.num_batches_tracked.clone()
    sum(logits.square().mean() for logits in net(net.prepare(picture()))).backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    assert net.cp.resnet.bn1.num_batches_tracked == count + 1


def test_weights_of_another_width_name_the_tensor(tmp_path, parser: torch.nn.Module) -> None:
    torch.save(parser.state_dict(), tmp_path / "narrow.pth")
    with refused("weights-mismatch", "narrow.pth", "'cp.resnet.conv1.weight'", "(8, 3, 7, 7)", "(4, 3, 7, 7)"):
        build("extractor", "bisenet", {**SMALL, "width": 8, "weights": str(tmp_path / "narrow.pth")})
    again = build("extractor", "bisenet", {**SMALL, "weights": str(tmp_path / "narrow.pth")})
    torch.testing.assert_close(again.parse(picture()), parser.parse(picture()))


def test_shipped_parser_finds_the_features_of_a_drawn_face() -> None:
    """On the engine's base face, the five points of alignment fall on eyes, nose and mouth."""
    from aubench.contracts import TEMPLATE
    from aubench.parameters import FacialParameters

    image = build("renderer", "bdfm", {"size": 128}).draw(FacialParameters.base()).image
    found = build("extractor", "bisenet", {}).parse(image).argmax(1)[0]
    wanted = (("l_eye", "r_eye"), ("l_eye", "r_eye"), ("nose",))
    for (x, y), names in zip(TEMPLATE[:3], wanted, strict=True):
        assert PARSING_CLASSES[int(found[round(y * 128 - 0.5), round(x * 128 - 0.5)])] in names
    mouth = [PARSING_CLASSES.index(name) for name in ("mouth", "u_lip", "l_lip")]
    rows, columns = torch.isin(found, torch.tensor(mouth)).nonzero().float().mean(0) / 128
    assert abs(rows - 0.72) < 0.04
    assert abs(columns - 0.5) < 0.02


def test_view_is_the_part_of_the_crop_that_enters():
    view = (0.25, 1.0, 0.25, 0.75)
    whole = build("extractor", "bisenet", SMALL)
    part = build("extractor", "bisenet", {**SMALL, "view": view})
    part.load_state_dict(whole.state_dict())
    image = torch.rand(2, 3, 64, 64)
    inside = image[..., 16:64, 16:48]
    torch.testing.assert_close(part.features(image).fused, whole.features(inside).fused)
    logits = part.parse(image)
    torch.testing.assert_close(logits[..., 16:64, 16:48], whole.parse(inside))
    assert (logits.argmax(1)[:, :16] == 0).all()
    assert feature_shapes(part, 64).view == view


def test_cells_average_the_maps() -> None:
    fine = build("extractor", "bisenet", SMALL)
    coarse = build("extractor", "bisenet", {**SMALL, "cells": 4})
    coarse.load_state_dict(fine.state_dict())
    wanted, found = fine.features(picture()), coarse.features(picture())
    torch.testing.assert_close(found.fused, F.avg_pool2d(wanted.fused, 2))
    torch.testing.assert_close(found.maps["eyes"], F.avg_pool2d(wanted.maps["eyes"], 2))
    torch.testing.assert_close(found.maps["face"], wanted.maps["face"])  # 2 cells a side


def test_view_comes_with_the_weights(tmp_path: Path) -> None:
    assert build("extractor", "bisenet", {}).view == (0.15625, 1.0, 0.15625, 0.84375)  # the shipped ones
    plain = build("extractor", "bisenet", {"width": 4, "size": 64, "weights": "none"})
    assert plain.view == (0, 1, 0, 1)
    weights.save(plain, tmp_path / "own.safetensors", {"config": '{"view": [0.25, 1.0, 0.25, 0.75]}'})
    options = {"width": 4, "size": 64, "weights": str(tmp_path / "own.safetensors")}
    assert build("extractor", "bisenet", options).view == (0.25, 1.0, 0.25, 0.75)
    assert build("extractor", "bisenet", {**options, "view": (0, 1, 0, 0.5)}).view == (0, 1, 0, 0.5)
