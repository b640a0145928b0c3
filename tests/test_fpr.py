"""The regressor starts at the base face, stays in range, reads what it should, and does not lose sparse AUs."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aubench.contracts import REGIONS, TEMPLATE, Features, FeatureShapes, Regressor
from aubench.discovery import build
from aubench.parameters import AU_SIZE, SIZE
from aubench_plugins.fpr.bounded import RESCUE, inverse_ramp, ramp
from aubench_plugins.fpr.fusion import WINDOWS

SHAPES = FeatureShapes(
    (8, 16, 16),
    {"eyes": (4, 16, 16), "brows": (4, 16, 16), "nose": (8, 8, 8), "mouth": (8, 8, 8), "face": (16, 4, 4)},
)
ODD = FeatureShapes(
    (8, 13, 15),
    {"eyes": (4, 13, 15), "brows": (4, 13, 15), "nose": (8, 7, 8), "mouth": (8, 7, 8), "face": (16, 3, 5)},
)
FORMS = [{"fusion": "flat"}, {"fusion": "flat", "windows": False}, {"fusion": "conv", "channels": 16}]


def make(shapes: FeatureShapes = SHAPES, seed: int = 0, **config: object) -> nn.Module:
    torch.manual_seed(seed)
    return build("regressor", "fpr", {"hidden": 32, **config}, shapes=shapes)


def random_features(count: int = 4, shapes: FeatureShapes = SHAPES, seed: int = 0) -> Features:
    generator = torch.Generator().manual_seed(seed)
    maps = {name: torch.randn(count, *shape, generator=generator) for name, shape in shapes.maps.items()}
    return Features(torch.randn(count, *shapes.fused, generator=generator), maps)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shapes", [SHAPES, ODD])
def test_starts_close_to_the_base_face(form: dict[str, object], shapes: FeatureShapes) -> None:
    regressor = make(shapes, **form).eval()
    assert isinstance(regressor, Regressor)
    with torch.no_grad():
        faces = regressor(random_features(16, shapes))
    assert faces.vector().shape == (16, SIZE)
    for part, base, within in ((faces.pose, 0.5, 0.15), (faces.au, 0.02, 0.1), (faces.identity, 0.5, 0.15)):
        assert (part.mean() - base).abs() < 0.03
        assert (part - base).abs().max() < within
    torch.testing.assert_close(faces.brow.sum(1), torch.ones(16))
    assert (faces.brow - 1 / 36).abs().max() < 0.02


@pytest.mark.parametrize("form", FORMS)
def test_outputs_stay_in_range_whatever_comes_in(form: dict[str, object]) -> None:
    regressor = make(**form).eval()
    with torch.no_grad():
        for parameter in regressor.parameters():
            parameter.mul_(5)
        vector = regressor(random_features(16).each(lambda t: 100 * t)).vector()
    assert torch.isfinite(vector).all()
    assert vector.min() >= 0
    assert vector.max() <= 1


def test_each_sub_network_reads_its_own_maps() -> None:
    """Gradients say which map reaches which parameters: the method's table, and AU from the brows as an option."""
    local = {"eyes", "nose", "mouth", "face"}
    for uses_brows in (False, True):
        regressor = make(au_uses_brows=uses_brows).eval()
        features = random_features().each(lambda t: t.requires_grad_())
        tensors = {"fused": features.fused, **features.maps}
        faces = regressor(features)
        wanted = {
            "pose": {"fused"},
            "au": local | {"brows"} if uses_brows else local,
            "identity": local,
            "brow": {"brows"},
        }
        for part, expected in wanted.items():
            output = getattr(faces, part)
            weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(1))
            gradients = torch.autograd.grad(
                (output * weights).sum(), list(tensors.values()), retain_graph=True, allow_unused=True
            )
            found = {name for name, g in zip(tensors, gradients, strict=True) if g is not None and g.abs().sum() > 0}
            assert found == expected, part


@pytest.mark.parametrize("form", FORMS)
def test_a_face_does_not_depend_on_its_neighbours(form: dict[str, object]) -> None:
    regressor = make(**form)
    regressor(random_features(32, seed=1))  # moves batch statistics, where there are any
    regressor.eval()
    features = random_features()
    with torch.no_grad():
        torch.testing.assert_close(
            regressor(features)[1:3].vector(), regressor(features[1:3]).vector(), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("form", FORMS)
def test_every_weight_learns(form: dict[str, object]) -> None:
    regressor = make(**form).train()
    regressor(random_features(8)).vector().square().sum().backward()
    for name, parameter in regressor.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_paper_fusion_is_pool_join_convolve_normalise() -> None:
    fusion = make(fusion="conv", channels=16).au.fusion.eval()
    maps = {name: random_features().maps[name] for name in ("eyes", "brows", "nose", "mouth", "face")}
    pooled = []
    for m in maps.values():
        k = m.shape[-1] // 4
        pooled.append(m.unfold(2, k, k).unfold(3, k, k).mean((-1, -2)))
    joined = torch.cat(pooled, 1)
    assert joined.shape[1:] == (40, 4, 4)
    expected = F.conv2d(joined, fusion.conv.weight, stride=2, padding=1)
    expected = (expected / (1 + 1e-5) ** 0.5).relu().flatten(1)
    assert expected.shape[1] == fusion.length == 16 * 2 * 2
    torch.testing.assert_close(fusion(maps), expected, rtol=1e-4, atol=1e-5)


def test_windows_hold_the_points_that_faces_are_aligned_to() -> None:
    left_eye, right_eye, nose, left_mouth, right_mouth = TEMPLATE
    inside = {"eyes": (left_eye, right_eye), "nose": (nose,), "mouth": (left_mouth, right_mouth)}
    assert set(WINDOWS) == set(REGIONS)
    for region, points in inside.items():
        top, bottom, left, right = WINDOWS[region]
        for x, y in points:
            assert left + 0.08 < x < right - 0.08
            assert top + 0.08 < y < bottom - 0.08
    assert WINDOWS["brows"][0] < left_eye[1] - 0.2


def test_window_reads_only_its_cells() -> None:
    regressor = make().eval()
    features = random_features()
    with torch.no_grad():
        before = regressor(features).au
        features.maps["mouth"][:, :, :4] += 5  # the upper half of the crop
        assert torch.equal(regressor(features).au, before)
        features.maps["mouth"][:, :, 5] += 5
        assert not torch.equal(regressor(features).au, before)


def test_ramp_values_slopes_and_inverse() -> None:
    for value in (0.001, 0.02, 0.5, 0.9, 0.98):
        assert ramp(torch.tensor(inverse_ramp(value))).item() == pytest.approx(value, abs=1e-5)
    z = torch.linspace(0.02, 0.98, 50, dtype=torch.float32, requires_grad=True)
    (slope,) = torch.autograd.grad(ramp(z).sum(), z)
    step = 1e-3
    numeric = (ramp(z.detach() + step) - ramp(z.detach() - step)) / (2 * step)
    torch.testing.assert_close(slope, numeric, rtol=0.01, atol=0.01)
    at_base = torch.tensor(inverse_ramp(0.02), requires_grad=True)
    assert torch.autograd.grad(ramp(at_base), at_base)[0] > 0.3  # a sigmoid has 0.02
    ends = ramp(torch.tensor([-1e4, -1.0, 2.0, 1e4]))
    assert ends.min() >= 0
    assert ends.max() <= 1


def test_ramp_lets_outputs_return_and_not_run_away() -> None:
    z = torch.tensor([-2.0, 3.0], requires_grad=True)
    (back,) = torch.autograd.grad(ramp(z), z, torch.tensor([-1.0, 1.0]))
    assert back.tolist() == pytest.approx([-RESCUE, RESCUE])
    (away,) = torch.autograd.grad(ramp(z), z, torch.tensor([1.0, -1.0]))
    assert away.abs().max() < 1e-6


def sparse_task(count: int, seed: int) -> tuple[Features, Tensor]:
    """Maps that hold, linearly and noisily, AUs of which nine in ten are at the base value."""
    generator = torch.Generator().manual_seed(seed)
    au = torch.rand(count, AU_SIZE, generator=generator)
    active = torch.rand(count, AU_SIZE, generator=generator) < 0.1
    au = torch.where(active, au, torch.full_like(au, 0.02))
    features = random_features(count, seed=seed + 1)
    mix = torch.randn(AU_SIZE, 8 * 4 * 4, generator=torch.Generator().manual_seed(99))
    features.maps["mouth"][:, :, 4:, 2:6] = 0.3 * features.maps["mouth"][:, :, 4:, 2:6] + ((au - 0.05) @ mix).unflatten(
        1, (8, 4, 4)
    )
    return features, au


def huber_and_square(found: Tensor, truth: Tensor) -> Tensor:
    return F.huber_loss(found, truth, delta=0.1) / 0.1 + F.mse_loss(found, truth)


@pytest.mark.parametrize(
    ("fusion", "loss", "rate", "steps", "least"),
    [
        ("flat", huber_and_square, 3e-3, 150, 0.6),
        ("conv", huber_and_square, 3e-3, 150, 0.15),
        ("flat", F.l1_loss, 3e-3, 300, 0.3),
    ],
)
def test_sparse_aus_are_learned(fusion: str, loss, rate: float, steps: int, least: float) -> None:
    """Nine in ten AUs are at rest. L1 on such targets has been seen to end at a constant; here it starts to learn."""
    network = make(dropout=0.0, fusion=fusion, channels=64).train().au
    features, au = sparse_task(512, 5)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate)
    for step in range(steps):
        rows = slice(step % 4 * 128, step % 4 * 128 + 128)
        error = loss(ramp(network(features[rows].maps)), au[rows])
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
    network.eval()
    held_out, truth = sparse_task(256, 50)
    with torch.no_grad():
        found = ramp(network(held_out.maps))
    assert torch.corrcoef(torch.stack([found.flatten(), truth.flatten()]))[0, 1] > least


def test_autocast_gives_float32_parameters() -> None:
    regressor = make().eval()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        faces = regressor(random_features())
    assert {part.dtype for part in faces} == {torch.float32}


def test_windows_follow_the_part_of_the_crop_that_the_maps_cover() -> None:
    lower = FeatureShapes(SHAPES.fused, SHAPES.maps, view=(0.4, 1.0, 0.0, 1.0))
    network = make(lower).au.fusion
    _, _, left, right = WINDOWS["mouth"]
    rows, columns = network.cut["mouth"]
    assert (rows.start, rows.stop) == (1, 8)  # from 0.54 of the crop on, in a map that begins at 0.4
    assert (columns.start, columns.stop) == (int(left * 8), -int(-right * 8 // 1))
    assert network.cut["eyes"][0] == slice(0, 5)  # 0.4 to 0.56 of it
