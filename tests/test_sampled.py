"""Faces that R learns from: AUs that come together, and what is unknown of another engine's faces."""

from __future__ import annotations

import numpy as np
import torch

from aubench.parameters import AU_NAMES, BASE_AU, FacialParameters
from aubench_training.additions import PeopleLoopback, SampledLoopback, _discordance
from aubench_training.config import Sampled
from aubench_training.expressions import PROTOTYPES, expressions
from aubench_training.randomised import Randomised
from aubench_training.samples import Samples


def test_expressions_name_known_action_units():
    assert all(au in AU_NAMES and 0 < often <= 1 for part in PROTOTYPES.values() for au, often in part.items())


def test_action_units_come_together_as_on_people():
    au = expressions(20_000, np.random.default_rng(0))
    shown = au > 2 * BASE_AU
    smile, cheek, frown = (shown[:, AU_NAMES.index(name)] for name in ("AU12", "AU06", "AU04"))
    assert cheek[smile].mean() > 2 * cheek[~smile].mean()
    assert frown[smile].mean() < 0.5 * frown[~smile].mean()
    assert au.min() >= 0
    assert au.max() <= 1
    assert shown.any(axis=0).all()
    assert np.array_equal(au, expressions(20_000, np.random.default_rng(0)))


def test_unknown_numbers_cost_nothing_and_known_ones_as_ever():
    torch.manual_seed(0)
    loss = SampledLoopback(Sampled())
    read, truth = _random(4).requires_grad_(), _random(4)
    other = truth.clone()
    other[:, 25:233], other[:, 233:] = torch.nan, 0.0
    cost = loss(sampled_parameters=_split(other), sampled_readback=_split(read))
    cost.backward()
    assert torch.isfinite(cost)
    assert (read.grad[:, 25:] == 0).all()
    assert (read.grad[:, :25] != 0).any()
    only = Sampled(identity=0.0, brow=0.0)
    assert torch.isclose(cost, SampledLoopback(only)(sampled_parameters=_split(truth), sampled_readback=_split(read)))


def test_concordance_asks_for_the_spread_of_the_truth():
    torch.manual_seed(0)
    truth = torch.rand(400, 23)
    unsure = truth + 0.4 * torch.randn(400, 23)
    correlation = torch.corrcoef(torch.stack([truth[:, 0], unsure[:, 0]]))[0, 1]
    shrunk = truth.mean() + correlation**2 * (unsure - truth.mean()) * truth.std() / (unsure.std() * correlation)
    matched = truth.mean() + (unsure - truth.mean()) * truth.std() / unsure.std()
    assert (shrunk - truth).square().mean() < (matched - truth).square().mean()
    assert _discordance(matched, truth) < _discordance(shrunk, truth) - 0.01
    assert _discordance(truth, truth) < 0.02
    assert _discordance(truth, torch.full((400, 23), 0.02)) == 0  # nothing moves


def test_concordance_is_part_of_the_cost_where_asked_for():
    torch.manual_seed(0)
    read, truth = _split(_random(32)), _split(_random(32))
    for weight, loss in ((0.0, 0.0), (0.5, 0.5 * _discordance(read.au, truth.au))):
        weights, without = Sampled(concordance=weight), Sampled()
        for asked in (
            SampledLoopback(weights)(sampled_parameters=truth, sampled_readback=read)
            - SampledLoopback(without)(sampled_parameters=truth, sampled_readback=read),
            PeopleLoopback(weights)(people_aus=truth.au, people_readback=read.au)
            - PeopleLoopback(without)(people_aus=truth.au, people_readback=read.au),
        ):
            assert torch.allclose(asked, torch.as_tensor(loss), atol=1e-5)


def _random(count: int) -> torch.Tensor:
    vector = torch.rand(count, 269)
    vector[:, 233:] = vector[:, 233:].softmax(1)
    return vector


def _split(vector: torch.Tensor) -> FacialParameters:
    return FacialParameters.from_vector(vector)


def test_randomised_pictures_are_the_same_again_and_never_mirrored(tmp_path):
    images = np.zeros((6, 64, 64, 3), np.uint8)
    images[:, :, 32:] = 200  # dark on the left, whatever is done to it
    pool = Samples(images, np.zeros((6, 269), np.float32), np.ones((6, 64, 64), np.uint8),
                   np.zeros((6, 68, 2), np.float32), "", "", tmp_path)  # fmt: skip
    once, again, other = Randomised(pool, 0.7, 0)[0:6], Randomised(pool, 0.7, 0)[0:6], Randomised(pool, 0.7, 1)[0:6]
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)
    assert once.shape == images.shape
    halves = [face[:, :20].mean() < face[:, 44:].mean() for face in (*once, *other)]
    assert sum(halves) >= 11
    assert Randomised(pool, 0.7, 0).key != Randomised(pool, 0.5, 0).key
