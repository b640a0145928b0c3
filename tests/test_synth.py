"""The built-in benchmark: exact, the same everywhere, skewed like the real ones, made once, labels apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from refusals import refused

from aubench import discovery
from aubench.contracts import Dataset
from aubench.data.labels import LabelsLocked, locked, open_labels
from aubench.engine_digest import engines_of
from aubench.parameters import AU_NAMES, au_index
from aubench_plugins.synth import SynthConfig, build, worker
from aubench_plugins.synth.dataset import Synth
from aubench_plugins.synth.schedule import AUS, make

TINY = {"subjects": 3, "sequences": 1, "frames_per_sequence": 30, "size": 16, "engine": "fake", "workers": 1}
RECORDED = "1f194d02b3cc7ac3f33578d5df1ae84db98f2945d6ce47fe9b66376465309321"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The fake engine, and a cache of its own."""
    monkeypatch.setenv("AUBENCH_PLUGINS", "fake_plugin")
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    discovery.forget()
    yield tmp_path / "cache"
    discovery.forget()


# --- the schedule ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full():
    return make(SynthConfig())


def test_the_schedule_is_the_same_on_every_machine() -> None:
    schedule = make(SynthConfig(subjects=3, sequences=2, frames_per_sequence=20, extra_subjects=2, extra_frames=3))
    assert schedule.digest() == RECORDED
    assert schedule.digest() != make(SynthConfig(subjects=3, sequences=2, frames_per_sequence=20, seed=1)).digest()


def test_the_default_has_18_people_to_train_and_9_to_test(full) -> None:
    train, test = set(full.subject[full.train]), set(full.subject[~full.train])
    assert (len(train), len(test)) == (18, 9)
    assert not train & test
    assert len(full) == 27 * 240
    assert full.train[: full.train.sum()].all(), "training rows come first, so that a split is a view"


def test_labels_are_five_times_what_is_drawn(full) -> None:
    labels = full.labels()
    assert labels.shape == (len(full), 14)
    for column, name in enumerate(AUS):
        np.testing.assert_array_equal(labels[:, column], 5.0 * full.au[:, au_index(name)].astype(np.float64))
    assert labels.min() == 0.0
    assert labels.max() <= 5.0


def test_rates_are_skewed_like_the_real_ones(full) -> None:
    labels = full.labels()
    share = dict(zip(AUS, (labels >= 1.0).mean(axis=0), strict=True))
    assert max(share, key=share.get) == "AU25"
    for name, value in share.items():
        assert 0.02 < value < 0.4, name
    assert share["AU12"] > 2 * share["AU20"]
    assert (labels == 0.0).mean() > 0.75, "most labels are exactly zero"
    strong = labels[labels >= 1.0]
    assert (strong >= 2.0).mean() < 0.65, "weak contractions are commoner than strong ones"
    assert (strong >= 3.0).mean() > 0.1


def test_every_au_can_be_scored_on_the_test_people(full) -> None:
    labels, subject = full.labels()[~full.train], full.subject[~full.train]
    for column, name in enumerate(AUS):
        present = labels[:, column] >= 1.0
        assert present.sum() >= 60, name
        assert len(set(subject[present])) >= 4, name


def test_aus_act_together_but_are_not_tied(full) -> None:
    together = np.corrcoef(full.labels().T)
    place = {name: i for i, name in enumerate(AUS)}
    for one, other in (("AU06", "AU12"), ("AU01", "AU02"), ("AU15", "AU17"), ("AU25", "AU26"), ("AU09", "AU10")):
        assert 0.15 < together[place[one], place[other]] < 0.8, (one, other)


def test_faces_move_beside_their_labels(full) -> None:
    degrees = (full.pose - 0.5) * [80.0, 50.0]
    assert (degrees.std(axis=0) > 3.0).all()
    assert np.abs(degrees[:, 0]).max() < 38.0
    for name in ("AU07", "AU16", "AU18", "AU23", "AU24", "AU43", "AU30L", "AU30R"):
        assert (full.au[:, AU_NAMES.index(name)] > 0.1).any(), name
    assert (full.nuisance.std(axis=0)[[0, 1, 2, 6, 7, 8]] > 0.01).all()
    assert (full.au[:, au_index("AU43")] > 0.5).mean() < 0.12, "eyes are mostly open"


def test_courses_are_smooth() -> None:
    schedule = make(SynthConfig(subjects=3, stride=1, frames_per_sequence=400))
    jump = np.abs(np.diff(schedule.au, axis=0))[schedule.frame[1:] > 0]
    eyes = [au_index("AU43"), au_index("AU05")]
    assert np.delete(jump, eyes, axis=1).max() < 0.5, "nothing crosses half its range in 40 ms"
    assert np.abs(np.diff(schedule.pose, axis=0))[schedule.frame[1:] > 0].max() < 0.03


def test_a_person_keeps_face_and_look(full) -> None:
    for name in ("S001", "S027"):
        rows = full.subject == name
        assert len(np.unique(full.identity[rows], axis=0)) == 1
        assert len(set(full.look[rows])) == 1
        assert len(set(full.shot[rows])) > 200
    assert len(np.unique(full.identity, axis=0)) == 27


def test_extra_people_only_add_to_training() -> None:
    config = SynthConfig(subjects=3, frames_per_sequence=5)
    more = make(config.model_copy(update={"extra_subjects": 4, "extra_frames": 6}))
    plain = make(config)
    main = np.char.startswith(more.subject, "S")
    np.testing.assert_array_equal(more.au[main], plain.au)
    assert (~main).sum() == 24
    assert more.train[~main].all()


# --- the store ------------------------------------------------------------------------------------------------------


def test_it_meets_its_contract(fake: Path) -> None:
    data = discovery.build("dataset", "synth", TINY)
    assert isinstance(data, Dataset)
    train, test = data.frames("train"), data.frames("test")
    assert (len(train), len(test)) == (60, 30)
    assert train.images.shape == (60, 16, 16, 3)
    assert train.images.dtype == np.uint8
    assert isinstance(train.images, np.memmap)
    assert list(train.subject[[0, -1]]) == ["S001", "S002"]
    assert set(test.subject) == {"S003"}
    assert open_labels(data, "test").shape == (30, 14)
    np.testing.assert_array_equal(open_labels(data, "train"), make(data.config).labels()[:60])
    np.testing.assert_array_equal(
        5 * data.read_parameters("test")[:, 2 + au_index("AU12")], open_labels(data, "test")[:, 7]
    )
    assert len(data.digest) == 64


def test_frames_never_open_the_labels(fake: Path) -> None:
    data = Synth(SynthConfig(**TINY))
    with locked():
        data.frames("train")  # even making the data needs no reading of labels
        with pytest.raises(LabelsLocked):
            data.read_labels("train")
        with pytest.raises(LabelsLocked):
            data.read_parameters("train")
        with pytest.raises(LabelsLocked):
            open_labels(data, "train")
        with pytest.raises(LabelsLocked):
            (data.folder / build.LABELS).read_bytes()
    whole = open_labels(data, "train")
    assert whole.any()
    (data.folder / "labels").rename(fake / "elsewhere")
    # The check of the manifest misses them, but only when the store is opened anew.
    assert len(data.frames("train")) == 60
    with refused("file-missing", "intensities"):
        data.read_labels("train")
    with refused("file-damaged", "intensities"):
        Synth(SynthConfig(**TINY)).frames("train")


def test_another_version_of_the_engine_is_drawn_anew(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SynthConfig(**TINY)
    before = build.folder_of(config)
    monkeypatch.setattr("fake_face.DIGEST", "fake-2")
    assert build.folder_of(config) != before
    assert engines_of(discovery.find("dataset", "synth"), config) == [("fake", None)]


def test_made_once(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Synth(SynthConfig(**TINY))
    images = np.array(first.frames("train").images)
    monkeypatch.setattr(build, "draw_share", lambda *_: pytest.fail("drawn again"))
    again = Synth(
        SynthConfig(
            **TINY,
        )
    )
    np.testing.assert_array_equal(again.frames("train").images, images)
    assert again.digest == first.digest
    assert build.folder_of(SynthConfig(**{**TINY, "seed": 5})) != first.folder
    assert build.folder_of(SynthConfig(**{**TINY, "workers": 7})) == first.folder


def test_several_workers_draw_the_same(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Synth(SynthConfig(**TINY))
    expected, digest = np.array(alone.frames("train").images), alone.digest
    monkeypatch.setenv("AUBENCH_CACHE", str(fake / "other"))
    together = Synth(SynthConfig(**{**TINY, "workers": 2}))
    np.testing.assert_array_equal(together.frames("train").images, expected)
    assert together.digest == digest
    assert together.folder != alone.folder
    assert not list(together.folder.parent.glob("*.partial"))


def test_a_killed_job_goes_on(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Synth(SynthConfig(**TINY)).digest
    monkeypatch.setenv("AUBENCH_CACHE", str(fake / "other"))
    drawn: list[slice] = []
    real = worker._draw

    def dies(engine, schedule, part):
        if drawn:
            raise KeyboardInterrupt
        drawn.append(part)
        return real(engine, schedule, part)

    monkeypatch.setattr(worker, "_draw", dies)
    with pytest.raises(KeyboardInterrupt):
        Synth(SynthConfig(**TINY)).frames("train")
    assert not list((fake / "other").glob("*/manifest.json")), "half a store has no manifest"

    def counts(engine, schedule, part):
        drawn.append(part)
        return real(engine, schedule, part)

    monkeypatch.setattr(worker, "_draw", counts)
    assert Synth(SynthConfig(**TINY)).digest == expected
    assert sorted(part.start for part in drawn) == [0, 40, 80], "no chunk twice"


def test_two_processes_at_once(fake: Path) -> None:
    code = f"from aubench.discovery import build; print(build('dataset', 'synth', {TINY!r}).digest)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    both = [subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    answers = {process.communicate()[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(answers) == 1


def test_damage_is_found(fake: Path) -> None:
    data = Synth(SynthConfig(**TINY))
    data.verify()
    path = data.folder / worker.FRAMES
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with refused("file-damaged", "frames.npy"):
        data.verify()
    path.write_bytes(content[:-1])
    with refused("file-damaged", "frames.npy"):
        Synth(SynthConfig(**TINY)).frames("test")
    (data.folder / "manifest.json").write_text("{")
    with refused("file-damaged", "manifest.json"):
        Synth(SynthConfig(**TINY)).frames("test")


def test_the_manifest_says_what_was_made(fake: Path) -> None:
    data = Synth(SynthConfig(**TINY))
    manifest = json.loads((data.folder / "manifest.json").read_text())
    assert manifest["digest"] == data.digest
    assert manifest["facts"]["config"]["subjects"] == 3
    assert manifest["facts"]["schedule"] == make(data.config).digest()
    assert set(manifest["files"]) == {"frames.npy", "index.csv", build.LABELS, build.TRUTH}


def test_mistakes_are_named(fake: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with refused("config-invalid", "subjects"):
        Synth(SynthConfig(subjects=0))
    with refused("name-unknown", "'fakee'", "fake"):
        Synth(SynthConfig(**{**TINY, "engine": "fakee"})).frames("train")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "file" / "sub"))
    with refused("output-unwritable", "AUBENCH_CACHE"):
        Synth(SynthConfig(**TINY)).frames("train")
