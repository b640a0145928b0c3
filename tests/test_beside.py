"""What belongs to a frame besides itself: neighbours in time, frames of the same subject, calm ones, warped copies."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from refusals import refused

from aubench.contracts import Features, Frames
from aubench.parameters import AU_SIZE, FacialParameters
from aubench_training.beside import BATCH_WORDS, Beside, neighbours
from aubench_training.cache import Pool

SUBJECTS, COUNT = ("A", "B", "C"), (6, 7, 1)


def read(features: Features) -> FacialParameters:
    """Row 10 is at rest, and the farther away from it a row is, the more it moves."""
    answer = FacialParameters.base(len(features))
    aus = (10 - features.fused.flatten(1)).abs().expand(-1, AU_SIZE)
    return FacialParameters(answer.pose, aus, answer.identity, answer.brow)


def made() -> Beside:
    """Three subjects of six, seven and one frames; the feature of a frame is its row."""
    subject = np.repeat(np.array(SUBJECTS), COUNT)
    frame = np.concatenate([2 * np.arange(n) for n in COUNT])
    count = len(subject)
    frames = Frames("some", np.zeros((count, 2, 2, 3), np.uint8), subject, np.full(count, "s"), frame)
    rows = np.arange(count, dtype=np.float16).reshape(-1, 1, 1, 1)
    warped = np.concatenate([rows + 100, rows + 200])
    strengths = np.repeat(np.array([[0.1], [0.2]], np.float32), count, axis=0) * np.ones((1, AU_SIZE), np.float32)
    pools: Any = SimpleNamespace(
        parts=[SimpleNamespace(frames=frames)],
        datasets=[SimpleNamespace(name="some")],
        photo=Pool([{"fused": rows, "maps.face": rows}]),
        warped=(Pool([{"fused": warped, "maps.face": warped}]), strengths),
        config=SimpleNamespace(warps=SimpleNamespace(count=2)),
    )
    return Beside(pools, 0, torch.device("cpu"), read)


def numbers(features: Features) -> np.ndarray:
    return features.fused.flatten().numpy()


def test_neighbours_lie_in_one_sequence_at_equal_distances() -> None:
    subject = np.array([0, 0, 0, 0, 1, 1, 1])
    sequence = np.array([0, 0, 0, 0, 0, 0, 1])
    frame = np.array([4, 0, 2, 9, 0, 2, 4])
    before, after = neighbours(subject, sequence, frame)
    assert before.tolist() == [-1, -1, 1, -1, -1, -1, -1], "frame 4 is as far from 2 as from 9"
    assert after.tolist() == [-1, -1, 0, -1, -1, -1, -1]
    assert [part.tolist() for part in neighbours(subject[:2], sequence[:2], frame[:2])] == [[-1, -1], [-1, -1]]


def test_a_batch_has_what_is_wanted_and_only_frames_that_have_it() -> None:
    beside = made()
    rows = beside.usable(["before_features", "after_features"])
    assert rows.tolist() == [1, 2, 3, 4, 7, 8, 9, 10, 11]
    batch = beside.batch(["before_features", "after_features", "peer_features"], rows, 0)
    assert set(batch) == {"before_features", "after_features", "peer_features"}
    np.testing.assert_array_equal(numbers(batch["before_features"]), rows - 1)
    np.testing.assert_array_equal(numbers(batch["after_features"]), rows + 1)
    peers = numbers(batch["peer_features"]).astype(int)
    assert (beside.subject[peers] == beside.subject[rows]).all()
    assert (peers != rows).all()
    other = numbers(beside.batch(["peer_features"], rows, 1)["peer_features"])
    assert (other != peers).any(), "another step has other frames of the subject"
    np.testing.assert_array_equal(numbers(beside.batch(["peer_features"], rows, 0)["peer_features"]), peers)


def test_the_neutral_is_the_mean_of_the_frames_read_lowest() -> None:
    beside = made()
    assert beside.usable(["neutral_features"]).tolist() == list(range(13)), "one frame tells no neutral"
    batch = beside.batch(["neutral_features"], np.array([0, 12, 5]), 0)
    assert numbers(batch["neutral_features"]).tolist() == [4.5, 9.5, 4.5]


def test_a_warped_copy_comes_with_its_strengths() -> None:
    beside = made()
    rows = np.arange(13)
    batch = beside.batch(["warped_strengths"], rows, 0)
    first = batch["warped_strengths"][:, 0].numpy() < 0.15
    assert first.any()
    assert not first.all()
    np.testing.assert_array_equal(numbers(batch["warped_features"]), rows + np.where(first, 100, 200))


@pytest.mark.parametrize("word", ["neutral_features", "before_features", "peer_features"])
def test_frames_without_company_are_refused(word: str) -> None:
    beside = made()
    beside.subject = np.arange(len(beside.subject))
    beside.before = np.full(len(beside.subject), -1)
    with refused("dataset-incomplete", word, "some"):
        beside.usable([word])
    assert len(beside.usable(set(BATCH_WORDS) - {word, "neutral_features", "before_features", "peer_features"}))
