"""Pools of drawn faces: the same whoever draws them, drawn once, resumable, checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fake_face import CARD, FakeConfig
from refusals import refused

from aubench_training import samples
from aubench_training.samples import engine_samples, random_inputs


def pool(tmp_path, count=150, seed=3, name="cache", **options):
    config = options.pop("config", {"size": 16})
    return engine_samples(CARD, config, count, seed, cache_dir=tmp_path / name, **{"workers": 0, **options})


def test_shapes_and_ranges(tmp_path):
    made = pool(tmp_path, style="photo")
    assert made.images.shape == (150, 16, 16, 3)
    assert made.images.dtype == np.uint8
    assert made.vectors.shape == (150, 269)
    assert made.parsing.shape == (150, 16, 16)
    assert made.landmarks.shape == (150, 68, 2)
    assert isinstance(made.images, np.memmap)
    assert len(made.parameters(slice(0, 4))) == 4
    assert made.images.std() > 10


def test_same_pictures_whatever_the_number_of_workers(tmp_path):
    alone = pool(tmp_path, style="photo")
    together = pool(tmp_path, style="photo", name="other", workers=2)
    assert alone.digest == together.digest
    for name in ("images", "parsing", "landmarks", "vectors"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(together, name))


def test_drawn_once_and_keyed_by_everything(tmp_path, monkeypatch):
    marker = tmp_path / "count"
    config = {"size": 16, "marker": str(marker)}
    first = pool(tmp_path, config=config)
    drawn = marker.read_text()
    assert pool(tmp_path, config=config).digest == first.digest
    assert marker.read_text() == drawn, "a finished pool is not drawn again"
    others = [
        pool(tmp_path, config=config, seed=4),
        pool(tmp_path, config=config, count=149),
        pool(tmp_path, config=config, style="photo"),
        pool(tmp_path, config=config, looks="many"),
        pool(tmp_path, config=config, nuisance=0.5),
        pool(tmp_path, config={**config, "size": 24}),
    ]
    monkeypatch.setattr("fake_face.DIGEST", "fake-2")
    others.append(pool(tmp_path, config=config))
    assert len({first.digest, *(other.digest for other in others)}) == 8


def test_a_killed_rendering_goes_on(tmp_path):
    marker = tmp_path / "count"
    config = FakeConfig(size=16, marker=str(marker))
    # fail_after is part of the config and so of the key: the engine that dies must look the same from outside.
    alive = samples._construct

    def dying(card, options):
        engine = alive(card, options)
        engine.config = options.model_copy(update={"fail_after": 2})
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "_construct", dying)
        with pytest.raises(RuntimeError, match="killed"):
            pool(tmp_path, config=config)
    assert marker.read_text() == "64\n64\n"
    whole = pool(tmp_path, config=config)
    assert marker.read_text() == "64\n64\n22\n", "only what was missing is drawn"
    np.testing.assert_array_equal(whole.images, pool(tmp_path, name="fresh", config=config).images)


def test_a_damaged_pool_is_drawn_again(tmp_path):
    made = pool(tmp_path)
    expected = np.array(made.images)
    path = made.folder / "images.npy"
    data = bytearray(path.read_bytes())
    data[-100] ^= 0xFF
    path.write_bytes(data)
    np.testing.assert_array_equal(pool(tmp_path).images, expected)


def test_given_inputs_are_what_is_drawn(tmp_path):
    base = pool(tmp_path, count=4)
    inputs = random_inputs(base.vectors, 0, looks=np.array([7, 7, 8, 8]))
    same = pool(tmp_path, count=4, style="photo", inputs=replace(inputs, shots=np.zeros(4, np.int64)))
    np.testing.assert_array_equal(same.vectors, base.vectors)
    twins = replace(inputs, vectors=base.vectors[[0, 0, 0, 0]], shots=np.zeros(4, np.int64))
    images = pool(tmp_path, count=4, style="photo", inputs=twins).images
    np.testing.assert_array_equal(images[0], images[1])
    assert (images[1] != images[2]).any()
    with pytest.raises(ValueError, match="4 given"):
        pool(tmp_path, count=5, inputs=inputs)


def test_a_cache_that_cannot_be_written_is_a_users_matter(tmp_path):
    (tmp_path / "file").write_text("")
    with refused("output-unwritable", "AUBENCH_CACHE"):
        pool(tmp_path, name="file/sub")
