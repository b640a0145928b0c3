"""Pixels of the engines, predictions of the shipped model and steps of training stay as they are. On purpose they are
changed with ``python tests/guard.py reference PART``; see docs/CONTRIBUTING.md."""

from __future__ import annotations

import guard
import numpy as np
import pytest
import torch


@pytest.fixture
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("part", guard.PARTS)
@pytest.mark.usefixtures("_one_thread")
def test_numbers_are_those_on_record(part):
    if not guard.available(part):
        pytest.skip(f"needs ICT-FaceKit: set {guard.ASSET}")
    found = guard.differences(guard.PARTS[part](), guard.load(guard.REFERENCE / f"{part}.npz"))
    assert not found, "\n".join([*found, f"if that is meant: python tests/guard.py reference {part}"])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("image", lambda a: np.minimum(a.astype(int) + 1, 255)),  # a little lighter
        ("image", lambda a: np.where(np.arange(a.shape[1])[None, :, None, None] < 2, 0, a)),  # one edge black
        ("parsing", lambda a: np.where(a == a.max(), 0, a)),
        ("landmarks", lambda a: a + 0.003),
    ],
)
def test_a_small_change_is_found(name, change):
    expected = {k: v for k, v in guard.load(guard.REFERENCE / "bdfm.npz").items() if k.startswith(name)}
    assert not guard.differences(expected, expected)
    found = " ".join(guard.differences({k: change(v) for k, v in expected.items()}, expected))
    assert all(f"{k} [" in found for k in expected), found
