"""The generator draws at every size, is differentiable in every parameter, and learns more than a mean picture."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from refusals import refused
from torch import Tensor, nn

from aubench.contracts import Renderer
from aubench.discovery import build
from aubench.parameters import SIZE, FacialParameters, au_index

THIN = [16, 16, 8, 8, 8, 8, 8]


def tiny(**config: object) -> nn.Module:
    torch.manual_seed(0)
    return build("renderer", "neural", {"size": 64, "channels": THIN, "weights": "none", **config})


def some(count: int, seed: int = 0) -> FacialParameters:
    generator = torch.Generator().manual_seed(seed)
    vector = torch.rand(count, SIZE, generator=generator)
    faces = FacialParameters.from_vector(vector)
    style = F.one_hot(torch.randint(0, 36, (count,), generator=generator), 36).float()
    return FacialParameters(faces.pose, faces.au, faces.identity, style)


@pytest.mark.parametrize("size", [64, 128, 256, 512])
@pytest.mark.parametrize("norm", ["conditional", "plain", "none"])
def test_eight_transposed_convolutions_at_every_size(size: int, norm: str) -> None:
    net = tiny(size=size, norm=norm)
    assert sum(isinstance(m, nn.ConvTranspose2d) for m in net.modules()) == 8
    image = net.draw(some(2)).image
    assert image.shape == (2, 3, size, size)
    assert image.dtype == torch.float32
    assert image.min() >= 0
    assert image.max() <= 1
    norms = [m for m in net.modules() if isinstance(m, nn.InstanceNorm2d)]
    assert len(norms) == {"conditional": 6, "plain": 7, "none": 0}[norm]


def test_renderer_contract() -> None:
    net = tiny()
    assert isinstance(net, Renderer)
    assert net.differentiable
    assert net.size == 64
    net.train()
    assert not net.training
    faces = some(3)
    together, alone = net.draw(faces).image, net.draw(faces[1:2]).image
    torch.testing.assert_close(together[1:2], alone, rtol=1e-3, atol=1e-4)
    assert torch.equal(net.draw(faces).image, together)


@pytest.mark.parametrize("norm", ["conditional", "plain"])
def test_gradient_reaches_every_parameter_and_no_weight(norm: str) -> None:
    net = tiny(norm=norm)
    vector = some(2).vector().requires_grad_()
    net.draw(FacialParameters.from_vector(vector)).image[0].square().sum().backward()
    assert (vector.grad[0] != 0).all()
    assert (vector.grad[1] == 0).all()
    assert all(parameter.grad is None for parameter in net.parameters())


def test_conditional_norm_is_instance_norm_then_predicted_scale_and_shift() -> None:
    net = tiny()
    vector = (some(2).vector() - net.centre) * net.spread
    assert vector[:, :233].abs().max() <= 1
    scale, shift = net._styles(vector)[1]
    layer, x = net.layers[1], torch.randn(2, 16, 8, 8)
    raw = layer.conv(x)
    mean, var = raw.mean((2, 3), keepdim=True), raw.var((2, 3), keepdim=True, correction=0)
    expected = ((raw - mean) / (var + 1e-5).sqrt() * scale + shift).relu()
    torch.testing.assert_close(layer(x, scale, shift), expected, rtol=1e-4, atol=1e-4)
    assert not torch.equal(scale[0], scale[1])


def two_dots(faces: FacialParameters) -> Tensor:
    """A toy engine at 64 pixels: one soft dot moves down with AU12, another grows with AU25."""
    line = (torch.arange(64) + 0.5) / 64
    y, x = torch.meshgrid(line, line, indexing="ij")

    def dot(at_x: float, at_y: Tensor, spread: Tensor) -> Tensor:
        distance = (x - at_x) ** 2 + (y - at_y[:, None, None]) ** 2
        return torch.exp(-distance / (2 * spread[:, None, None] ** 2))

    smile, gap = faces.au[:, au_index("AU12")], faces.au[:, au_index("AU25")]
    one = dot(0.3, 0.3 + 0.3 * smile, torch.full_like(smile, 0.1))
    two = dot(0.7, torch.full_like(gap, 0.6), 0.05 + 0.1 * gap)
    return torch.stack([0.2 + 0.7 * one, 0.5 - 0.3 * two, 0.3 + 0.3 * one + 0.3 * two], dim=1)


def smiling(count: int, seed: int = 0) -> FacialParameters:
    """Base faces whose AUs vary."""
    base = FacialParameters.base(count)
    return FacialParameters(base.pose, some(count, seed).au, base.identity, base.brow)


def with_au(faces: FacialParameters, name: str, value: float) -> FacialParameters:
    au = faces.au.clone()
    au[:, au_index(name)] = value
    return FacialParameters(faces.pose, au, faces.identity, faces.brow)


def test_learns_what_the_parameters_do() -> None:
    """At a learning rate at which generators with instance norm have been seen to fall back to the mean picture."""
    net = tiny(channels=[48, 32, 24, 16, 16, 8, 8])
    net.requires_grad_(True).train()
    steps, batch, rate = 260, 8, 5e-3
    faces, held_out = smiling(steps * batch), smiling(32, seed=1)
    optimiser = torch.optim.Adam(net.parameters(), lr=rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    for start in range(0, len(faces), batch):
        part = faces[start : start + batch]
        loss = F.l1_loss(net.draw(part).image, two_dots(part))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    net.requires_grad_(False).eval()
    truth = two_dots(held_out)
    assert (net.draw(held_out).image - truth).square().mean() < 0.75 * (truth - truth.mean(0)).square().mean()

    # The share of an AU's effect on the picture that the generator reproduces.
    for name, least in (("AU12", 0.4), ("AU25", 0.7)):
        low, high = with_au(held_out, name, 0.0), with_au(held_out, name, 1.0)
        wanted, drawn = two_dots(high) - two_dots(low), net.draw(high).image - net.draw(low).image
        assert (wanted * drawn).sum() / wanted.square().sum() > least, name


def test_weights_round_trip_and_mismatch(tmp_path) -> None:
    net = tiny()
    torch.save(net.state_dict(), tmp_path / "g.pth")
    again = tiny(weights=str(tmp_path / "g.pth"))
    assert torch.equal(again.draw(some(1)).image, net.draw(some(1)).image)
    with refused("weights-mismatch", "'first.weight'", "(269, 32, 4, 4)", "(269, 16, 4, 4)"):
        tiny(channels=[32, *THIN[1:]], weights=str(tmp_path / "g.pth"))


def test_sizes_that_are_no_power_of_two_are_refused() -> None:
    with refused("config-invalid", "size"):
        build("renderer", "neural", {"size": 100})


def test_shipped_generator_draws_faces_that_move() -> None:
    """What is shipped draws a smile where smiles are: more around the mouth than on the forehead."""
    net = build("renderer", "neural", {})
    base = FacialParameters.base()
    change = (net.draw(with_au(base, "AU12", 1.0)).image - net.draw(base).image).abs().mean(1)[0]
    assert change[82:105, 45:83].mean() > 3 * change[8:30, 45:83].mean()
    assert change.max() > 0.1
