"""Detection and following, on the portrait that comes with scikit-image."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from refusals import refused
from skimage import data

from aubench.predict import mtcnn
from aubench.predict.align import Canvas
from aubench.predict.detect import Detector, overlap, squared, suppress
from aubench.predict.track import SEARCH_EVERY, Steadied, Tracker

EYES_AND_MOUTH = np.array([[204.0, 101], [246, 103], [223, 128], [203, 139], [245, 141]])
"""Read off the astronaut's picture by eye: eyes, nose tip, mouth corners."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[20:220, 110:350])


def _eye_distance(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[1] - points[0]))


def test_finds_the_five_points(detector: Detector) -> None:
    faces = detector.detect(Canvas(data.astronaut()))
    assert len(faces) == 1
    assert faces[0].score > 0.95
    assert np.abs(faces[0].points - EYES_AND_MOUTH).max() < 4
    x1, y1, x2, y2 = faces[0].box
    assert np.all((faces[0].points > (x1, y1)) & (faces[0].points < (x2, y2)))


def test_points_follow_the_picture(detector: Detector, portrait: np.ndarray) -> None:
    there = detector.detect(Canvas(portrait))[0].points
    mirrored = detector.detect(Canvas(np.ascontiguousarray(portrait[:, ::-1])))[0].points
    expected = there[[1, 0, 2, 4, 3]] * (-1, 1) + (portrait.shape[1] - 1, 0)
    assert np.abs(mirrored - expected).max() < 0.06 * _eye_distance(there)
    larger = Canvas(np.repeat(np.repeat(portrait, 2, axis=0), 2, axis=1))
    doubled = detector.detect(larger)[0].points
    assert np.abs(doubled - ((there + 0.5) * 2 - 0.5)).max() < 0.06 * _eye_distance(doubled)


def test_no_face_in_coffee_noise_and_specks(detector: Detector) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)
    for image in (data.coffee(), noise, np.zeros((5, 7, 3), np.uint8), np.full((1, 300, 3), 200, np.uint8)):
        assert detector.detect(Canvas(image)) == []


def test_boxes() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [2, 2, 4, 4]])
    assert np.allclose(overlap(boxes, boxes[0]), [1, 1 / 3, 0.04])
    assert np.allclose(overlap(boxes, boxes[0], over_smaller=True), [1, 0.5, 1])
    assert suppress(boxes, np.array([0.5, 0.9, 0.7]), 0.3).tolist() == [1, 2]
    assert np.allclose(squared(np.array([[0.0, 0, 4, 10]])), [[-3, 0, 7, 10]])


def test_following_is_steadier_and_does_not_search(
    detector: Detector, portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = []
    propose = detector._propose
    monkeypatch.setattr(detector, "_propose", lambda canvas: searches.append(1) or propose(canvas))
    tracker = Tracker(detector)
    for shift in range(12):
        image = np.roll(portrait, (shift, 2 * shift), axis=(0, 1))
        ((number, face),) = tracker.step(Canvas(image))
        assert number == 0
        expected = EYES_AND_MOUTH - (110, 20) + (2 * shift, shift)
        assert np.abs(face.points - expected).max() < 5
    assert len(searches) == 1


def test_a_lost_face_is_gone_at_once_and_found_again(detector: Detector, portrait: np.ndarray) -> None:
    tracker = Tracker(detector)
    empty = np.zeros_like(portrait)
    counts = [len(tracker.step(Canvas(image))) for image in (portrait, portrait, empty, empty, portrait)]
    assert counts == [1, 1, 0, 0, 1]


def test_several_faces_keep_their_numbers(detector: Detector, portrait: np.ndarray) -> None:
    two = np.hstack([portrait, portrait[:, ::-1]])
    half = two.copy()
    half[:, 240:] = 0
    assert len(Tracker(detector, most=1).step(Canvas(two))) == 1
    tracker = Tracker(detector, most=2)
    first = dict(tracker.step(Canvas(two)))
    assert sorted(first) == [0, 1]
    ((left, _),) = tracker.step(Canvas(half))
    for _ in range(SEARCH_EVERY):
        again = dict(tracker.step(Canvas(two)))
    assert first[left].box[0] < 240
    assert sorted(again) == [0, 1]
    for number, face in again.items():
        assert np.abs(face.box - first[number].box).max() < 12


def test_steadied_points_jitter_less_and_do_not_lag() -> None:
    rng = np.random.default_rng(1)
    truth = EYES_AND_MOUTH + np.concatenate([np.zeros(60), np.arange(60) * 4.0])[:, None, None]
    noisy = truth + rng.normal(0, 0.6, truth.shape)
    steady = Steadied()
    out = np.stack([steady.step(points) for points in noisy])
    assert np.std(np.diff(out[5:60], axis=0)) < 0.6 * np.std(np.diff(noisy[5:60], axis=0))
    # Moving by a tenth of the eye distance per frame it stays within a third of it.
    assert np.abs(out[-1] - truth[-1]).max() < 0.33 * _eye_distance(EYES_AND_MOUTH)


def test_weights_are_read_as_data_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import lz4.frame

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return eval, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    bad = tmp_path / "pnet.lz4"
    bad.write_bytes(lz4.frame.compress(pickle.dumps([Evil()])))
    with refused("weights-unsafe", "pnet.lz4", "builtins.eval"):
        mtcnn.read_arrays(bad)
    assert not (tmp_path / "ran").exists()
    whole = mtcnn.weight_file("pnet").read_bytes()
    for broken in (b"", b"nothing of the kind", whole[:20000]):
        bad.write_bytes(broken)
        with refused("file-damaged", "pnet.lz4", "pip install"):
            mtcnn.read_arrays(bad)
    with refused("weights-missing", "absent.lz4", "pip install"):
        mtcnn.read_arrays(tmp_path / "absent.lz4")
    monkeypatch.setattr(mtcnn, "weight_file", lambda name: Path(mtcnn.__file__).parent / "absent")
    with refused("weights-missing", "absent"):
        mtcnn.proposal_net()


def test_foreign_arrays_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtcnn, "read_arrays", lambda path: [np.zeros((3, 3, 3, 11), np.float32)] * 13)
    with refused("weights-mismatch", "(11, 3, 3, 3)", "(10, 3, 3, 3)"):
        mtcnn.proposal_net()


def test_arrays_agree_with_joblib() -> None:
    joblib = pytest.importorskip("joblib")
    for name in ("pnet", "rnet", "onet"):
        path = mtcnn.weight_file(name)
        for ours, theirs in zip(mtcnn.read_arrays(path), joblib.load(io.BytesIO(path.read_bytes())), strict=True):
            assert np.array_equal(ours, theirs)
