"""The recogniser is the public LightCNN-29v2 to the letter, and frames faces as it was trained to see them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from refusals import refused
from tensor_table import read_table
from torch import Tensor

from aubench import weights
from aubench.contracts import TEMPLATE, Recogniser
from aubench.discovery import build

SMALL = {"width": 0.125, "weights": "none"}
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    torch.manual_seed(0)
    net = build("recogniser", "lightcnn", SMALL)
    for name, tensor in net.state_dict().items():
        if name.endswith("bias"):
            tensor.normal_(0, 0.1)
    return net


def faces(batch: int = 2, side: int = 128) -> Tensor:
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(3))


# --- the arithmetic, a second time, from a state dict alone


def mfm(s: State, name: str, x: Tensor) -> Tensor:
    w = s[f"{name}.filter.weight"]
    x = F.conv2d(x, w, s[f"{name}.filter.bias"], padding=w.shape[-1] // 2)
    half = x.shape[1] // 2
    return torch.stack([x[:, :half], x[:, half:]]).amax(0)


def pool(x: Tensor) -> Tensor:
    four = torch.stack([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)])
    return four.amax(0) + four.mean(0)


def second_time(s: State, x: Tensor) -> Tensor:
    x = pool(mfm(s, "conv1", x))
    for stage, residuals in ((1, 1), (2, 2), (3, 3), (4, 4)):
        for i in range(residuals):
            x = x + mfm(s, f"block{stage}.{i}.conv2", mfm(s, f"block{stage}.{i}.conv1", x))
        x = mfm(s, f"group{stage}.conv", mfm(s, f"group{stage}.conv_a", x))
        if stage != 3:
            x = pool(x)
    return x.flatten(1) @ s["fc.weight"].T + s["fc.bias"]


# --- tests


def test_public_tensors() -> None:
    net = build("recogniser", "lightcnn", {"width": 1.0, "classes": 80013, "weights": "none"})
    shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    assert shapes == read_table("lightcnn29v2_tensors.txt")
    assert sum(p.numel() for p in net.parameters()) == 30_959_200


def test_forward_equals_the_arithmetic_written_out(net: torch.nn.Module) -> None:
    grey = faces()[:, :1]
    torch.testing.assert_close(net.embedding(grey), second_time(dict(net.state_dict()), grey), rtol=1e-4, atol=1e-4)


def test_larger_half_backward_is_that_of_the_maximum() -> None:
    from aubench_plugins.lightcnn.network import _LargerHalf

    x = torch.randn(2, 6, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(_LargerHalf.apply, x)
    ties = torch.ones(1, 2, 1, 1, requires_grad=True)
    _LargerHalf.apply(ties).backward()
    assert ties.grad.flatten().tolist() == [1, 0]


@pytest.mark.parametrize("side", [64, 128, 200, 256])
def test_framing_puts_eyes_and_mouth_where_the_network_expects_them(net: torch.nn.Module, side: int) -> None:
    """Dots at the template's points come out with the eyes' middle at y = 40 and the mouth's 48 pixels below."""
    centre = (torch.arange(side) + 0.5) / side
    dots = [torch.exp(-((centre[:, None] - y) ** 2 + (centre[None] - x) ** 2) / (2 * 0.03**2)) for x, y in TEMPLATE]
    image = torch.stack([torch.stack([d, d, d]) for d in dots])
    out = net.prepare(image)[:, 0]
    assert out.shape[-2:] == (128, 128)
    pixel = torch.arange(128.0)
    mass = out.sum((1, 2))
    x, y = (out.sum(1) @ pixel) / mass, (out.sum(2) @ pixel) / mass
    assert abs((y[0] + y[1]) / 2 - 40) < 0.05
    assert abs((y[3] + y[4]) / 2 - 88) < 0.05
    assert abs((x[0] + x[1]) / 2 - 63.5) < 0.05
    assert abs((x[1] - x[0]) - 0.28 * 48 / 0.315) < 0.05


def test_grey_weights_and_range(net: torch.nn.Module) -> None:
    colours = torch.eye(3)[:, :, None, None].expand(-1, -1, 128, 128)
    grey = net.prepare(colours)
    for value, channel in zip((0.299, 0.587, 0.114), grey, strict=True):
        torch.testing.assert_close(channel, torch.full_like(channel, value))


def test_shrinking_does_not_alias(net: torch.nn.Module) -> None:
    """A checkerboard of single pixels, much finer than the output, is grey."""
    board = (torch.arange(512)[:, None] + torch.arange(512)[None]) % 2
    grey = net.prepare(board.float().expand(1, 3, -1, -1))
    assert (grey - 0.5).abs().max() < 0.02


def test_embedding_contract(net: torch.nn.Module) -> None:
    assert isinstance(net, Recogniser)
    net.train()
    assert not net.training
    image = faces(side=96).requires_grad_()
    embedding = net.embed(image)
    assert embedding.shape == (2, 256)
    embedding[0].square().sum().backward()
    assert image.grad[0].abs().sum() > 0
    assert image.grad[1].abs().sum() == 0
    assert all(parameter.grad is None for parameter in net.parameters())
    torch.testing.assert_close(net.embed(image.detach()[1:]), embedding.detach()[1:], rtol=1e-3, atol=1e-3)


def test_fresh_network_neither_explodes_nor_dies() -> None:
    torch.manual_seed(1)
    spread = build("recogniser", "lightcnn", {"width": 0.25, "weights": "none"}).embed(faces()).std()
    assert 0.05 < spread < 20


def test_classifier_is_for_pretraining_only(tmp_path, net: torch.nn.Module) -> None:
    with pytest.raises(ValueError, match="without a classifier"):
        net(faces()[:, :1])
    torch.manual_seed(0)
    trained = build("recogniser", "lightcnn", {**SMALL, "classes": 7})
    trained.requires_grad_(True).train()
    logits, embedding = trained(trained.prepare(faces()))
    assert logits.shape == (2, 7)
    assert embedding.shape == (2, 256)
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in trained.parameters())

    weights.save({f"module.{n}": t for n, t in trained.state_dict().items()}, tmp_path / "seven.safetensors")
    path = str(tmp_path / "seven.safetensors")
    bare = build("recogniser", "lightcnn", {**SMALL, "weights": path})
    assert torch.equal(bare.fc.weight, trained.fc.weight)
    with refused("weights-mismatch", "seven.safetensors", "'fc2.weight'", "(9, 256)", "(7, 256)"):
        build("recogniser", "lightcnn", {**SMALL, "weights": path, "classes": 9})
