"""gradients keeps what an extractor promises, and tells where edges run."""

from __future__ import annotations

import math

import torch

from aubench import discovery
from aubench.testing import ExtractorSuite


class TestGradients(ExtractorSuite):
    plugin = "gradients"


def stripes(angle: float) -> torch.Tensor:
    """A picture (1, 3, 96, 96) that changes along ``angle`` (degrees) only."""
    at = torch.arange(96.0)
    along = at[None, :] * math.cos(math.radians(angle)) + at[:, None] * math.sin(math.radians(angle))
    return (0.5 + 0.4 * torch.sin(along / 2)).expand(1, 3, 96, 96)


def histogram(image: torch.Tensor) -> torch.Tensor:
    """Mean over the picture of each orientation."""
    extractor = discovery.build("extractor", "gradients", {"bins": 8})
    return extractor.features(image).fused[0, :-1].mean((-2, -1))


def test_the_orientation_that_wins_is_the_one_of_the_picture() -> None:
    for k, angle in enumerate((0.0, 22.5, 45.0, 67.5, 90.0, 112.5, 135.0, 157.5)):
        assert int(histogram(stripes(angle)).argmax()) == k
    torch.testing.assert_close(histogram(stripes(30.0)), histogram(stripes(210.0)), atol=5e-3, rtol=0)


def test_the_light_moves_the_histograms_little_and_the_grey_much() -> None:
    extractor = discovery.build("extractor", "gradients")
    bright, dim = (extractor.features(light * stripes(20.0)).fused for light in (1.0, 0.7))
    assert float((bright - dim)[:, -1].abs().mean()) > 0.1
    assert float((bright - dim)[:, :-1].abs().mean() / bright[:, :-1].abs().mean()) < 0.15


def test_a_flat_picture_has_no_edges() -> None:
    assert float(histogram(torch.full((1, 3, 96, 96), 0.3)).max()) < 1e-3
