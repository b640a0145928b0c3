"""Fast forms give the values of the plain ones: folded norms, batches side by side, a whole video."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from small_video import write_video
from torch import Tensor, nn

from aubench.combination import load_shipped
from aubench.contracts import Features
from aubench.predict.lanes import Lanes, one_core_each
from aubench.predict.run import read
from aubench.predict.sources import open_source
from aubench.predict.track import _snapped
from aubench.quick import folded, quicken


class Small(nn.Module):
    """Two convolutions with norms; ``shared`` also hands on what the second one makes before its norm."""

    def __init__(self, shared: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.shared = shared
        self.first, self.second = nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.Conv2d(8, 8, 3, 1, 1)
        self.norm_of_second, self.norm_of_first = nn.BatchNorm2d(8), nn.BatchNorm2d(8)
        for norm in (self.norm_of_first, self.norm_of_second):
            nn.init.uniform_(norm.weight, 0.5, 2)
            nn.init.normal_(norm.bias)
            norm.running_mean = torch.randn(8)
            norm.running_var = torch.rand(8) + 0.5
        self.requires_grad_(False).eval()

    def features(self, image: Tensor) -> Features:
        x = self.norm_of_first(self.first(image)).relu()
        raw = self.second(x)
        return Features(self.norm_of_second(raw), {"eyes": raw} if self.shared else {"eyes": x})


def _norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_norms_go_into_the_convolutions_that_feed_them() -> None:
    plain = Small()
    fast = folded(plain, 16)
    assert (_norms(plain), _norms(fast)) == (2, 0)
    x = torch.rand(3, 3, 20, 20)
    for a, b in zip(_all(plain, x), _all(fast, x), strict=True):
        assert torch.allclose(a, b, atol=1e-5)
    assert not any(parameter.requires_grad for parameter in fast.parameters())


def test_what_does_not_fold_stays_as_it_is() -> None:
    shared = Small(shared=True)
    assert folded(shared, 16) is shared
    learning = Small().train()
    assert folded(learning, 16) is learning


def _all(network: Any, x: Tensor) -> list[Tensor]:
    features = network.features(x)
    return [features.fused, *features.maps.values()]


def test_lanes_keep_the_order_and_the_first_error() -> None:
    def work(item: int) -> int:
        time.sleep(0.02 if item % 3 == 0 else 0)
        if item == 20:
            raise ValueError("broken")
        return threading.get_ident() if item < 0 else item

    lanes: Lanes[int, int] = Lanes(work, 3)
    got = [done for item in range(12) for done in lanes.put(item)] + list(lanes.rest())
    assert got == list(range(12))
    list(lanes.put(20))
    with pytest.raises(ValueError, match="broken"):
        list(lanes.rest())
    lanes.close()
    alone: Lanes[int, int] = Lanes(work, 1)
    assert list(alone.put(-1)) == [threading.get_ident()]
    alone.close()


def test_threads_are_put_back() -> None:
    torch.set_num_threads(1)
    with one_core_each() as cores:
        assert cores == 1
        torch.set_num_threads(2)
    assert torch.get_num_threads() == 1


def test_places_that_differ_in_the_last_digits_are_one() -> None:
    rng = np.random.default_rng(0)
    corner, side = rng.uniform(0, 400, (200, 2)), rng.uniform(20, 300, (200, 1))
    squares = np.hstack([corner, corner + side])
    moved = _snapped(squares + rng.uniform(-1e-6, 1e-6, (200, 1)))
    assert (moved == _snapped(squares)).all(axis=1).mean() > 0.98
    assert np.abs(moved - squares).max() < 300 / 1024 * 1.5


def test_a_whole_video_reads_the_same(tmp_path: Path) -> None:
    """The promise of the documentation: not more than 0.05 of an intensity."""
    face = data.astronaut()[20:220, 110:350]
    pictures = [np.roll(face, (i // 2, i), (0, 1)) for i in range(10)]
    source = open_source(str(write_video(tmp_path / "clip.mp4", pictures)))
    torch.set_num_threads(1)
    model = load_shipped()
    plain = read(source, model, size=model.size, batch=32, lanes=1)
    fast = quicken(model)
    assert fast.extractor is not model.extractor
    quick = read(source, fast, size=model.size, batch=4, lanes=2)
    assert plain.success.all()
    assert np.abs(plain.intensities - quick.intensities).max() < 0.005
    low = quicken(model, torch.bfloat16)
    rough = read(source, low, size=model.size, limit=4).intensities
    assert 1e-6 < np.abs(plain.intensities[:4] - rough).max() < 0.3
