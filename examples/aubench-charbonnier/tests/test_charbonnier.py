"""charbonnier keeps what a loss promises, and has the shape that it claims."""

from __future__ import annotations

import pytest
import torch

from aubench import discovery
from aubench.contracts import REGIONS, Features
from aubench.testing import LossSuite


class TestCharbonnier(LossSuite):
    plugin = "charbonnier"


def features(value: float, outlier: float = 0.0) -> Features:
    """Maps of one value each, but for one cell in a hundred."""
    each = torch.full((2, 4, 10, 10), value)
    each[..., 0, 0] = outlier or value
    return Features(each, dict.fromkeys(REGIONS, each))


def loss(made: Features, wanted: Features, **config: float) -> torch.Tensor:
    return discovery.build("loss", "charbonnier", config)(features=wanted, drawn_features=made)


def test_zero_for_equal_features_and_smooth_there() -> None:
    made = torch.zeros(2, 4, 5, 5, requires_grad=True)
    value = loss(Features(made, dict.fromkeys(REGIONS, made)), features(0.0).each(lambda t: t[..., :5, :5]))
    (slope,) = torch.autograd.grad(value, made)
    assert float(value.detach()) == 0
    assert float(slope.abs().max()) == 0


@pytest.mark.parametrize("difference", [0.5, 2.0])
def test_with_power_one_half_it_is_l1_for_large_differences(difference: float) -> None:
    value = loss(features(difference), features(0.0), power=0.5, epsilon=1e-3)
    assert float(value) == pytest.approx(difference, abs=2e-3)


def test_small_differences_count_squared() -> None:
    small, twice = (float(loss(features(x), features(0.0), epsilon=1.0)) for x in (0.01, 0.02))
    assert twice == pytest.approx(4 * small, rel=1e-2)
    assert small == pytest.approx(0.01**2 / 2, rel=1e-2)


def test_an_outlier_counts_less_than_under_l1() -> None:
    plain, hand = features(0.2), features(0.2, outlier=20.0)
    robust, l1 = ([float(loss(f, features(0.0), power=a)) for f in (plain, hand)] for a in (0.3, 0.5))
    assert robust[1] / robust[0] < 0.75 * l1[1] / l1[0]
