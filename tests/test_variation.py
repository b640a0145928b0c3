"""People outside an engine's identity space: how far, how smooth, the same again, and nothing at gap 0."""

from __future__ import annotations

import numpy as np
import pytest

from aubench.drawing.engine import sample_vectors
from aubench.drawing.variation import DISPLACEMENT, Variation, variation
from aubench.parameters import AU_NAMES, SIZE, au_index
from aubench_plugins.bdfm import BdfmConfig
from aubench_plugins.bdfm.engine import Bdfm


def grid() -> np.ndarray:
    axis = np.linspace(-1.0, 1.0, 9, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)


def test_displacements_have_the_stated_size_and_are_smooth() -> None:
    points = grid()
    moves = np.stack([Variation(seed, 1.0, 1.0).displacement(points) for seed in range(60)])
    assert moves.std() == pytest.approx(DISPLACEMENT, rel=0.15)
    nearby = Variation(0, 1.0, 1.0).displacement(points + np.float32(0.02))
    assert np.abs(nearby - moves[0]).max() < 0.35 * DISPLACEMENT


def test_size_follows_gap_and_unit() -> None:
    points = grid()
    whole = Variation(3, 1.0, 1.0).displacement(points)
    assert np.allclose(Variation(3, 0.5, 1.0).displacement(points), 0.5 * whole)
    assert np.allclose(Variation(3, 1.0, 6.3).displacement(6.3 * points), 6.3 * whole, atol=1e-4)


def test_faces_stay_mostly_symmetric() -> None:
    points = grid()
    mirrored = points * np.array([-1, 1, 1], np.float32)
    moves, others = (Variation(5, 1.0, 1.0).displacement(p) for p in (points, mirrored))
    odd = 0.5 * (moves - others * np.array([-1, 1, 1]))
    assert 0.0 < odd.std() < 0.5 * moves.std()


def test_movements_are_turned_and_stretched_but_not_invented() -> None:
    points = grid()
    moves = np.zeros_like(points)
    moves[:40, 1] = 0.1
    bent = Variation(1, 1.0, 1.0).bent(points, moves)
    length = np.linalg.norm(bent, axis=1)
    assert (length[40:] == 0).all()
    assert ((length[:40] > 0.029) & (length[:40] < 0.191)).all()
    assert np.abs(bent[:40] - moves[:40]).max() > 0.005
    assert np.allclose(Variation(1, 0.0, 1.0).bent(points, moves), moves, atol=1e-6)


def test_actions_keep_rest_at_rest_and_bring_neighbours_only() -> None:
    person = Variation(2, 1.0, 1.0)
    assert (person.actions(np.zeros(23, np.float32)) == 0).all()
    smile = np.zeros(23, np.float32)
    smile[au_index("AU12")] = 1.0
    moved = person.actions(smile)
    assert 0.4 <= moved[au_index("AU12")] <= 1.8
    brought = {AU_NAMES[k] for k in np.flatnonzero(moved)}
    assert brought <= {"AU12", "AU06", "AU10", "AU14", "AU20"}


def test_gap_0_has_no_variation_and_a_person_is_the_same_again() -> None:
    assert variation(4, 0.0, 1.0) is None
    assert variation(4, 0.7, 1.0) is variation(4, 0.7, 1.0)
    assert not np.allclose(Variation(4, 0.7, 1.0).gains, Variation(5, 0.7, 1.0).gains)


def test_an_engine_draws_a_gap_only_in_photo_looks_and_by_person() -> None:
    vectors = sample_vectors(1, 0)
    assert vectors.shape == (1, SIZE)
    plain, apart = Bdfm(BdfmConfig(size=64)), Bdfm(BdfmConfig(size=64, gap=1.0))
    assert np.array_equal(plain.render(vectors).image, apart.render(vectors).image)
    photo = {"style": "photo", "shots": [3]}
    one = apart.render(vectors, looks=[1], **photo)
    assert not np.array_equal(plain.render(vectors, looks=[1], **photo).image, one.image)
    assert np.array_equal(one.image, apart.render(vectors, looks=[1], **photo).image)
    # The crop is aligned: eyes and mouth corners stay near the template, whatever the bones.
    moved = np.abs(one.landmarks - plain.render(vectors, looks=[1], **photo).landmarks)
    assert 0.2 < moved.max() < 12
