"""The landmark extractor is the public FAN to the letter, and points survive the way to heatmaps and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from refusals import refused
from tensor_table import read_table
from torch import Tensor

from aubench import weights
from aubench.contracts import REGIONS, Extractor, Features
from aubench.discovery import build
from aubench.landmarks import (
    MIRRORED,
    POINTS,
    Landmarker,
    add_mirrored,
    decode,
    five_points,
    gaussians,
    nme,
)
from aubench.plan import make_plan
from aubench.predict.align import Canvas, template
from aubench.predict.aligner import Aligner, cut, read_box, square, to_picture
from aubench_training.providers import standard_providers

SMALL = {"width": 16, "modules": 2, "depth": 2, "size": 64, "cells": 8, "weights": "none"}
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    torch.manual_seed(0)
    net = build("extractor", "landmark", SMALL)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2.0)
            elif "bn" in name or name.endswith("bias"):
                tensor.copy_(torch.randn_like(tensor.float()) * 0.2 + ("weight" in name))
    return net


def picture(batch: int = 2, side: int = 64, seed: int = 3) -> Tensor:
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(seed))


# --- the arithmetic, a second time, from a state dict alone


def bn(s: State, name: str, x: Tensor) -> Tensor:
    mean, var, w, b = (s[f"{name}.{p}"][None, :, None, None] for p in ("running_mean", "running_var", "weight", "bias"))
    return (x - mean) / (var + 1e-5).sqrt() * w + b


def conv(s: State, name: str, x: Tensor, stride: int = 1) -> Tensor:
    w = s[f"{name}.weight"]
    return F.conv2d(x, w, s.get(f"{name}.bias"), stride=stride, padding=w.shape[-1] // 2)


def block(s: State, name: str, x: Tensor) -> Tensor:
    o1 = conv(s, f"{name}.conv1", bn(s, f"{name}.bn1", x).relu())
    o2 = conv(s, f"{name}.conv2", bn(s, f"{name}.bn2", o1).relu())
    o3 = conv(s, f"{name}.conv3", bn(s, f"{name}.bn3", o2).relu())
    if f"{name}.downsample.2.weight" in s:
        x = conv(s, f"{name}.downsample.2", bn(s, f"{name}.downsample.0", x).relu())
    return torch.cat([o1, o2, o3], 1) + x


def halved(x: Tensor) -> Tensor:
    return torch.stack([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]).mean(0)


def glass(s: State, name: str, level: int, x: Tensor) -> Tensor:
    up = block(s, f"{name}.b1_{level}", x)
    low = block(s, f"{name}.b2_{level}", halved(x))
    low = glass(s, name, level - 1, low) if level > 1 else block(s, f"{name}.b2_plus_1", low)
    low = block(s, f"{name}.b3_{level}", low)
    return up + low.repeat_interleave(2, -1).repeat_interleave(2, -2)


def second_time(s: State, x: Tensor, modules: int, depth: int) -> tuple[Tensor, Tensor, list[Tensor]]:
    layer1 = bn(s, "bn1", conv(s, "conv1", x, 2)).relu()
    layer2 = block(s, "conv2", layer1)
    previous = block(s, "conv4", block(s, "conv3", halved(layer2)))
    heats = []
    for i in range(modules):
        h = block(s, f"top_m_{i}", glass(s, f"m{i}", depth, previous))
        g = bn(s, f"bn_end{i}", conv(s, f"conv_last{i}", h)).relu()
        heats.append(conv(s, f"l{i}", g))
        if i < modules - 1:
            previous = previous + conv(s, f"bl{i}", g) + conv(s, f"al{i}", heats[-1])
    return layer1, layer2, heats


# --- the network


def test_public_tensors() -> None:
    net = build("extractor", "landmark", {"width": 256, "modules": 4, "depth": 4, "size": 256, "weights": "none"})
    assert {name: tuple(t.shape) for name, t in net.state_dict().items()} == read_table("fan2d4_tensors.txt")
    assert sum(p.numel() for p in net.parameters()) == 23_820_176


@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 80)])
def test_forward_equals_the_arithmetic_written_out(net: torch.nn.Module, height: int, width: int) -> None:
    x = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1))
    layer1, layer2, heats = second_time(dict(net.state_dict()), x, 2, 2)
    taps = net.taps(x)
    for mine, theirs in zip((taps.layer1, taps.layer2, *taps.heatmaps), (layer1, layer2, *heats), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)
    assert net(x)[-1].shape == (2, POINTS, height // 4, width // 4)


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("legacy", [True, False])
def test_checkpoints_with_and_without_batch_counts_load(tmp_path, net, counts: bool, legacy: bool) -> None:
    state = {k: v for k, v in net.state_dict().items() if counts or not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "fan.pth.tar", _use_new_zipfile_serialization=not legacy)
    again = build("extractor", "landmark", {**SMALL, "weights": str(tmp_path / "fan.pth.tar")})
    torch.testing.assert_close(again(picture())[-1], net(picture())[-1], rtol=0, atol=0)


def test_sizes_that_cannot_be_halved_are_refused() -> None:
    with refused("config-invalid", 64):
        build("extractor", "landmark", {**SMALL, "depth": 4, "size": 224})


# --- the extractor


@pytest.mark.parametrize("masks", ["heatmaps", "none"])
def test_features_are_heatmaps_and_the_first_two_layers(net: torch.nn.Module, masks: str) -> None:
    here = build("extractor", "landmark", {**SMALL, "masks": masks})
    here.load_state_dict(net.state_dict())
    assert isinstance(here, Extractor)
    assert isinstance(here, Landmarker)
    layer1, layer2, heats = second_time(dict(net.state_dict()), picture(), 2, 2)
    features = here.features(picture())
    assert tuple(sorted(features.maps)) == tuple(sorted(REGIONS))
    torch.testing.assert_close(features.fused, heats[-1], rtol=1e-4, atol=1e-4)
    assert here.heatmaps(features) is features.fused
    eyes, mouth = (F.adaptive_avg_pool2d(layer, 8) for layer in (layer1, layer2))
    if masks == "none":
        torch.testing.assert_close(features.maps["eyes"], eyes, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(features.maps["mouth"], mouth, rtol=1e-4, atol=1e-4)
    else:
        assert (features.maps["eyes"].abs() <= eyes.abs() + 1e-5).all()


def test_masks_lie_where_the_points_are() -> None:
    from aubench_plugins.landmark.extractor import region_mask

    points = torch.tensor([[[8.0, 20.0], [12.0, 20.0], [10.0, 22.0]]])
    mask = region_mask(gaussians(points, 32, 32), 16)[0, 0]
    assert mask.shape == (16, 16)
    row, column = divmod(int(mask.argmax()), 16)
    assert (row, column) == (10, 5) or (row, column) == (10, 4)
    assert mask.max() > 0.9
    assert mask[2, 13] < 0.01
    nothing = region_mask(torch.zeros(1, 3, 32, 32), 16)
    assert nothing.min() > 0.1  # no heat: everywhere a little


def test_gradient_reaches_the_image_and_no_weight(net: torch.nn.Module) -> None:
    net.train()
    assert not net.training
    image = picture(side=80).requires_grad_()
    features = net.features(image)
    for tensor in (features.fused, *features.maps.values()):
        (gradient,) = torch.autograd.grad(tensor.square().sum(), image, retain_graph=True)
        assert torch.isfinite(gradient).all()
        assert gradient.abs().sum() > 0
    assert all(parameter.grad is None for parameter in net.parameters())


def test_view_beyond_the_crop_is_black_and_points_come_back(net: torch.nn.Module) -> None:
    wide = build("extractor", "landmark", {**SMALL, "view": (-0.25, 1.25, -0.5, 1.5)})
    prepared = wide.prepare(torch.ones(1, 3, 64, 64))
    assert prepared.shape == (1, 3, 64, 64)
    assert prepared[0, :, :8].abs().max() < 1e-5
    assert prepared[0, :, 32, 32].min() > 0.99
    points = torch.rand(2, POINTS, 2) * 60
    torch.testing.assert_close(wide.to_image(wide.to_cells(points, 64, 64), 64, 64), points, atol=1e-3, rtol=0)
    # The centre of the picture is the centre of the view.
    middle = wide.to_cells(torch.tensor([[[31.5, 31.5]]]), 64, 64)
    torch.testing.assert_close(middle, torch.full((1, 1, 2), 8.0))


# --- heatmaps and points


def test_decode_is_the_public_rule() -> None:
    heat = torch.zeros(1, 5, 64, 64)
    heat[0, 0, 10, 20], heat[0, 0, 10, 21], heat[0, 0, 9, 20] = 1.0, 0.5, 0.25  # towards the right and up
    heat[0, 1, 0, 30] = 1.0  # at the border: not moved
    heat[0, 1, 0, 31] = 0.5
    heat[0, 2, 5, 6] = heat[0, 2, 40, 41] = 1.0  # the first of equal ones; equal neighbours do not move it
    heat[0, 3] = -1.0
    heat[0, 3, 63, 63] = -0.5
    points, score = decode(heat)
    assert points[0].tolist() == [[20.75, 10.25], [30.5, 0.5], [6.5, 5.5], [63.5, 63.5], [0.5, 0.5]]
    assert score[0].tolist() == [1.0, 1.0, 1.0, -0.5, 0.0]


def test_gaussians_decode_to_where_they_were_put() -> None:
    points = torch.rand(3, POINTS, 2, generator=torch.Generator().manual_seed(0)) * 24 + 4
    found, _ = decode(gaussians(points, 32, 32))
    assert (found - points).abs().max() <= 0.5
    assert (found - points).abs().mean() < 0.2


def test_mirrored_heatmaps_add_up() -> None:
    points = torch.rand(1, POINTS, 2) * 14 + 1
    heat = gaussians(points, 16, 16)
    turned = heat.flip(-1)[:, list(MIRRORED)]  # what a perfect network makes of the mirror image
    torch.testing.assert_close(add_mirrored(heat, turned), 2 * heat)
    assert sorted(MIRRORED) == list(range(POINTS))
    for a, b in ((36, 45), (40, 47), (48, 54), (60, 64), (65, 67), (31, 35), (27, 27), (17, 26), (0, 16)):
        assert MIRRORED[a] == b
        assert MIRRORED[b] == a


def test_five_points_and_nme_by_hand() -> None:
    points = np.zeros((1, POINTS, 2))
    points[0, 36:42] = [[10 + i, 5] for i in range(6)]
    points[0, 42:48] = [[30 + i, 5] for i in range(6)]
    points[0, 30], points[0, 48], points[0, 54] = (22, 15), (15, 25), (30, 25)
    assert five_points(points)[0].tolist() == [[12.5, 5], [32.5, 5], [22, 15], [15, 25], [30, 25]]
    moved = points + np.array([3.0, 4.0])
    unit = np.linalg.norm(points[0, 36] - points[0, 45])
    np.testing.assert_allclose(nme(moved, points), 5 / unit)


class Perfect(torch.nn.Module):
    """Sees the brightest pixel of each colour channel as a point: three places, repeated for all 68."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [F.avg_pool2d(x, 4)[:, [i % 3 for i in range(POINTS)]]]


def test_public_crop_and_coordinates() -> None:
    """A bright square at a known place is found again through crop, heatmap and back."""
    image = np.zeros((300, 400, 3), np.uint8)
    image[120:140, 180:200] = 255
    box = np.array([100.0, 60.0, 300.0, 260.0])
    centre, side = square(box)
    assert centre.tolist() == [200.0, 160.0 - 0.12 * 200]
    assert side == pytest.approx(200 * 400 / 195)
    assert cut(image, centre, side).shape == (256, 256, 3)  # reaches beyond the picture: black there
    points, score = read_box(Perfect(), image, box, flip=False)
    assert np.abs(points - [190, 130]).max() < side / 64 * 1.5
    assert score.shape == (POINTS,)
    whole, _ = read_box(Perfect(), image, box, flip=False, truncate=True)
    assert (whole == np.trunc(points)).all()
    assert to_picture(np.array([[32.0, 32.0]]), centre, side).tolist() == [centre.tolist()]


def test_public_crop_takes_whole_pixels() -> None:
    """200 pixels wide around (128, 128): columns 27 (28.78 cut, less one for counting from one) to 227."""
    ramp = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (256, 1, 3))
    out = cut(ramp, np.array([128.0, 128.0]), 200.0)
    low, high = math.trunc(128 + (1 / 256 - 0.5) * 200), math.trunc(128 + 100)
    # OpenCV's bilinear rule: output pixel centres map onto the patch's.
    position = np.clip((np.arange(256) + 0.5) * (high - low) / 256 - 0.5, 0, high - low - 1) + low
    assert np.abs(out[100, :, 0] - position).max() <= 1


class Fixed:
    """A landmark network that knows where the points are in any crop: at the template, shifted."""

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def heatmaps(self, features: Features) -> Tensor:
        return features.fused

    def landmarks(self, image: Tensor) -> Tensor:
        five = torch.from_numpy(template(image.shape[-1])) + self.shift
        points = torch.zeros(1, POINTS, 2, dtype=torch.float64)
        points[0, 36:42], points[0, 42:48] = five[0], five[1]
        points[0, 30], points[0, 48], points[0, 54] = five[2], five[3], five[4]
        return points


def test_aligner_maps_what_the_network_finds_back_into_the_picture() -> None:
    canvas = Canvas(np.zeros((200, 300, 3), np.uint8))
    points = template(100) + np.array([90, 40])
    np.testing.assert_allclose(Aligner(Fixed(0.0), size=50)(canvas, points), points, atol=1e-6)
    moved = Aligner(Fixed(1.0), size=50, passes=1)(canvas, points)
    np.testing.assert_allclose(moved, points + 2, atol=1e-6)  # a pixel of the crop is two of the picture


# --- the loss


def plan_of(extractor) -> object:
    nothing = lambda *a: None  # noqa: E731
    providers = standard_providers(lambda: extractor, lambda: extractor, None, nothing, nothing, nothing, nothing)
    return make_plan({"lmk": build("loss", "lmk")}, providers, ["image", "features"], trained=("parameters",))


def test_lmk_needs_a_landmark_network(net: torch.nn.Module) -> None:
    assert {"heatmaps", "drawn_heatmaps", "drawn_features"} <= {step.name for step in plan_of(net).steps}
    with refused("plan-invalid", "loss 'lmk'", "heatmaps"):
        plan_of(build("extractor", "bisenet", {"width": 4, "size": 32, "weights": "none"}))


def test_lmk_is_the_mean_squared_error() -> None:
    a, b = torch.rand(2, POINTS, 8, 8), torch.rand(2, POINTS, 8, 8)
    lmk = build("loss", "lmk")
    assert lmk(heatmaps=a, drawn_heatmaps=b).item() == pytest.approx(((a - b) ** 2).mean().item())
    assert lmk(heatmaps=a, drawn_heatmaps=a).item() == 0


# --- pretraining


def test_augmentation_moves_points_with_the_picture() -> None:
    from aubench_training.pretrain.augment import augment

    random = np.random.default_rng(0)
    side, points = 64, np.random.default_rng(1).uniform(20, 44, (12, POINTS, 2))
    labels = np.zeros((12, side, side), np.uint8)
    images = np.zeros((12, side, side, 3), np.uint8)
    for i in range(12):  # a disc of the nose's class around point 30, the same point after mirroring
        y, x = np.mgrid[:side, :side]
        labels[i][(x - points[i, 30, 0]) ** 2 + (y - points[i, 30, 1]) ** 2 < 16] = 10
    done = augment(images, labels, random, 1.0)
    moved = done.moved(points)
    assert 0 < done.flipped.sum() < 12
    seen = 0
    for i in range(12):
        rows, columns = np.nonzero(done.parsing[i].numpy() == 10)
        if len(rows) > 30:
            seen += 1
            assert abs(columns.mean() - moved[i, 30, 0]) < 1.2
            assert abs(rows.mean() - moved[i, 30, 1]) < 1.2
    assert seen > 5
    flip = done.flipped.numpy()
    linear = done.matrices[:, :, :2]
    assert (np.linalg.det(linear)[flip] < 0).all()
    jaw = np.einsum("ij,j->i", linear[flip][0], points[flip][0, 16]) + done.matrices[flip][0, :, 2]
    np.testing.assert_allclose(moved[flip][0, 0], jaw)
    still = augment(images, labels, random, 0.0)
    np.testing.assert_allclose(still.moved(points), points)


def test_pretraining_learns_and_leaves_weights_that_load(tmp_path, monkeypatch) -> None:
    from aubench import discovery
    from aubench_training.pretrain.landmark import LandmarkRecipe, pretrain_landmark
    from aubench_training.pretrain.publish import Part, Request

    monkeypatch.setenv("AUBENCH_PLUGINS", "fake_plugin")
    discovery.forget()
    try:
        config = {key: value for key, value in SMALL.items() if key != "weights"} | {"size": 32}
        recipe = LandmarkRecipe(
            engine=Part(name="fake"), network=Part(name="landmark", config=config), photo=24, game=24, held_out=8,
            batch=8, rate=0.003, strength=0.3,
        )  # fmt: skip
        request = Request(out=tmp_path / "out", steps=12, cache=tmp_path / "cache", workers=0, command="test")
        quality = pretrain_landmark(recipe, request)
    finally:
        discovery.forget()
    path = tmp_path / "out" / "landmark.safetensors"
    assert np.isfinite(quality["nme_game"])
    assert set(quality["errors_photo"]) == {"all", "jaw", "brows", "nose", "eyes", "mouth", "failed"}
    assert weights.header(path)["command"] == "test"
    again = build("extractor", "landmark", {**config, "weights": str(path)})
    assert again.landmarks(picture(1)).shape == (1, POINTS, 2)
    assert [s.licence for s in weights.sources(again)] == ["MIT"]
    assert "| eyes |" in (tmp_path / "out" / "quality.md").read_text()
