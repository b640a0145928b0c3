"""Recordings of drawn people: one person's frames share what is the person's, calm frames are calm, and a regressor
learns departures from them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aubench.parameters import AU, AU_NAMES, BASE_AU, BROW, IDENTITY, POSE
from aubench_plugins.bdfm import BdfmConfig
from aubench_plugins.bdfm.engine import Bdfm
from aubench_training.people import CALM, TRACE, RandomisedPeople, neutral_weights, people
from aubench_training.samples import Samples

FRAMES = 7


@pytest.fixture(scope="module")
def drawn():
    return people(Bdfm(BdfmConfig(size=64)), 40, FRAMES, 3)


def test_a_persons_frames_share_face_and_look(drawn) -> None:
    vectors = drawn.vectors.reshape(40, FRAMES, -1)
    for part in (IDENTITY, BROW):
        assert (vectors[:, :, part] == vectors[:, :1, part]).all()
    looks, shots = drawn.looks.reshape(40, FRAMES), drawn.shots.reshape(40, FRAMES)
    assert (looks == looks[:, :1]).all()
    assert len(set(looks[:, 0].tolist())) == 40
    alike = (shots == shots[:, :1]).all(axis=1)
    assert 10 < alike.sum() < 36  # recordings and photographs
    assert (vectors[:, :, POSE].std(axis=1) > 0).all()
    assert vectors.min() >= 0
    assert vectors.max() <= 1


def test_calm_frames_are_calm_and_the_others_show_every_au(drawn) -> None:
    au = drawn.vectors.reshape(40, FRAMES, -1)[..., AU]
    assert au[:, :CALM].max() <= TRACE
    shown = (au[:, CALM:] > 2 * BASE_AU).reshape(-1, len(AU_NAMES))
    assert shown.any(axis=0).all()
    assert shown.sum(axis=1).max() <= 16


def test_people_are_the_same_again_and_need_expressive_frames(drawn) -> None:
    engine = Bdfm(BdfmConfig(size=64))
    assert people(engine, 40, FRAMES, 3).digest == drawn.digest
    assert people(engine, 40, FRAMES, 4).digest != drawn.digest
    with pytest.raises(ValueError, match="calm"):
        people(engine, 2, CALM, 0)


def test_a_neutral_is_made_of_calm_frames_of_the_same_person() -> None:
    weights = neutral_weights(FRAMES, 500, 0.2, np.random.default_rng(0))
    total = weights.sum(axis=2)
    assert np.allclose(total, 1, atol=1e-6)
    assert (weights[:, np.arange(FRAMES), np.arange(FRAMES)] == 0).all()  # never the frame itself
    expressive = weights[..., CALM:].sum(axis=2)
    assert 0.1 < expressive.max() <= 0.2001
    assert (neutral_weights(FRAMES, 20, 0.0, np.random.default_rng(0))[..., CALM:] == 0).all()


def test_half_of_the_people_are_degraded_alike_in_every_frame(tmp_path) -> None:
    count = 4 * FRAMES
    images = np.full((count, 48, 48, 3), 120, np.uint8)
    images[:, 10:30, 8:20] = 30
    pool = Samples(images, np.zeros((count, 269), np.float32), np.ones((count, 48, 48), np.uint8),
                   np.zeros((count, 68, 2), np.float32), "", "", tmp_path)  # fmt: skip
    degraded = RandomisedPeople(pool, FRAMES, 0.8, 0)
    done = degraded[0:count].reshape(4, FRAMES, 48, 48, 3)
    alike = [bool((person == person[:1]).all()) for person in done]
    assert alike == [True, False, True, False]
    assert np.array_equal(degraded[3:9], done.reshape(count, 48, 48, 3)[3:9])
    assert torch.from_numpy(done[0] - done[2]).any()
