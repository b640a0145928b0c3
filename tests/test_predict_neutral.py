"""A person's own zero, smoothing over time, and the marks that both leave."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from refusals import refused

import aubench
import aubench_training
from aubench.compare.importing import read_source
from aubench.compare.video_matching import Place
from aubench.parameters import AU_NAMES, SIZE
from aubench.predict import neutral, record, smoothing, table
from aubench.predict.readings import NOBODY, Readings

AU12 = AU_NAMES.index("AU12")


def _readings(au12: list[float], faces: list[int] | None = None, frames: list[int] | None = None) -> Readings:
    """One row per value of AU12, 10 frames/s, all other AUs at 1."""
    n = len(au12)
    face = np.array(faces or [0] * n)
    values = np.ones((n, len(AU_NAMES)))
    values[:, AU12] = au12
    parameters = np.full((n, SIZE), 0.5, np.float32)
    frame = np.array(frames or range(1, n + 1))
    out = Readings(
        frame, (frame - 1) / 10, face, np.full(n, 0.9), np.zeros((n, 5, 2)), np.zeros((n, 4)), parameters, [""] * n
    ).with_intensities(values)
    out.parameters[face == NOBODY] = np.nan
    return out


def _au12(readings: Readings) -> np.ndarray:
    return readings.intensities[:, AU12].astype(float)


def _calibrated(readings: Readings, text: str) -> np.ndarray:
    return _au12(neutral.calibrated(readings, neutral.zeros(readings, neutral.parse(text))))


def test_zero_becomes_zero_and_five_stays_five() -> None:
    readings = _readings([0.5, 1.0, 3.0, 5.0])
    assert np.allclose(_calibrated(readings, "2"), [0, 0, 2.5, 5], atol=1e-5)
    assert np.allclose(_calibrated(readings, "none"), [0.5, 1, 3, 5], atol=1e-5)
    # Noise is never stretched by more than 2.
    assert np.allclose(_calibrated(_readings([4.0, 4.5, 5.0]), "1"), [0, 1, 2], atol=1e-5)


def test_every_au_has_its_own_zero_and_nothing_else_moves() -> None:
    readings = _readings([2.0, 3.0])
    done = neutral.calibrated(readings, neutral.zeros(readings, neutral.parse("1")))
    others = np.delete(done.intensities, AU12, axis=1)
    assert np.allclose(others, 0, atol=1e-5)
    assert np.array_equal(done.parameters[:, :2], readings.parameters[:, :2])
    assert np.array_equal(done.parameters[:, 25:], readings.parameters[:, 25:])


def test_first_median_and_frame_are_per_face() -> None:
    readings = _readings(
        [1, 1, 1, 1, 1, 3, 2, 0.5, 2, 2], [0] * 5 + [0, 0, 1, 1, NOBODY], [1, 2, 3, 4, 5, 6, 7, 6, 7, 8]
    )
    assert np.allclose(_calibrated(readings, "first")[:7], [0, 0, 0, 0, 0, 2.5, 1.25], atol=1e-5)
    assert np.allclose(_calibrated(readings, "median")[7:9], [0, 0.75 * 5 / 3.75], atol=1e-5)
    assert np.allclose(_calibrated(readings, "7")[[5, 6]], [5 / 3, 0], atol=1e-5)
    assert np.allclose(_calibrated(readings, "7")[[7, 8]], 0, atol=1e-5)
    assert np.isnan(_calibrated(readings, "first")[9])


def test_frame_without_the_face_names_the_nearest_with_it() -> None:
    one = _readings([1, 1, 0, 0, 1], [0, 0, NOBODY, NOBODY, 0])
    with refused("frame-missing", "--neutral 4", 5):
        _calibrated(one, "4")
    with refused("frame-missing", "--neutral 9", 5):
        _calibrated(one, "9")
    two = _readings([1, 1, 1, 1], [0, 0, 1, 0], [1, 2, 2, 3])
    with refused("frame-missing", "--neutral 3", 2, "--max-faces 1"):
        _calibrated(two, "3")


def test_a_picture_is_of_one_person(tmp_path: Path) -> None:
    path = tmp_path / "rest.png"
    path.write_bytes(b"x")
    asked = neutral.parse(str(path))
    assert asked == neutral.Neutral("picture", path=path)
    at_rest = neutral.face_at_rest(_readings([1.0]), path)
    readings = _readings([1.0, 3.0])
    done = neutral.calibrated(readings, neutral.zeros(readings, asked, at_rest))
    assert np.allclose(_au12(done), [0, 2.5], atol=1e-5)
    with refused("no-face", "rest.png"):
        neutral.face_at_rest(_readings([0.0], [NOBODY]), path)
    with refused("person-ambiguous", "rest.png", "--max-faces 1"):
        neutral.zeros(_readings([1.0, 1.0], [0, 1]), asked, at_rest)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0", "frame-missing"),
        ("-3", "frame-missing"),
        ("12", "frame-missing"),
        ("medain", "option-invalid"),
        ("nowhere.png", "option-invalid"),
    ],
)
def test_neutral_refuses(text: str, code: str) -> None:
    with refused(code, f"--neutral {text}"):
        neutral.parse(text, total=11)


def test_smoothing_takes_noise_and_leaves_ramps_and_times() -> None:
    rng = np.random.default_rng(0)
    n = 200
    ramp = np.linspace(0.5, 4.5, n)
    noisy = _au12(smoothing.smoothed(_readings(list(np.clip(ramp + rng.normal(0, 0.2, n), 0, 5))), 0.8))
    inner = slice(15, -15)
    assert np.std(noisy[inner] - ramp[inner]) < 0.2 / 2.5
    # Centred: a peak stays where it is, and the curve about it symmetric; nothing below its neighbours.
    peak = np.ones(61)
    peak[30] = 4
    smooth = _au12(smoothing.smoothed(_readings(list(peak)), 0.5))
    assert smooth.argmax() == 30
    assert np.allclose(smooth, smooth[::-1], atol=1e-5)
    assert smooth.min() >= 1 - 1e-5
    # The width at half height is what was asked for.
    assert (smooth[30 + 2] - 1) / (smooth[30] - 1) == pytest.approx(0.5 ** (0.04 / 0.0625), abs=0.01)


def test_smoothing_never_crosses_a_gap_or_a_face() -> None:
    values = [0.0] * 5 + [np.nan] * 2 + [4.0] * 5
    readings = _readings(values, [0] * 5 + [NOBODY] * 2 + [0] * 5)
    smooth = smoothing.smoothed(readings, 2.0)
    assert np.allclose(_au12(smooth), _au12(readings), atol=1e-5, equal_nan=True)
    assert np.isnan(_au12(smooth)[5:7]).all()
    two = _readings([0.0, 4.0] * 5, [0, 1] * 5, [1 + i // 2 for i in range(10)])
    assert np.allclose(_au12(smoothing.smoothed(two, 2.0)), [0.0, 4.0] * 5, atol=1e-5)
    missing = _readings([0.0, 0.0, 4.0, 4.0], frames=[1, 2, 4, 5])
    assert np.allclose(_au12(smoothing.smoothed(missing, 2.0)), [0, 0, 4, 4], atol=1e-5)


def test_smoothing_goes_by_the_times_of_uneven_frames() -> None:
    readings = _readings([0.0, 4.0, 4.0])
    readings.time[:] = [0.0, 0.05, 10.0]
    assert _au12(smoothing.smoothed(readings, 1.0))[2] == pytest.approx(4, abs=1e-5)
    assert _au12(smoothing.smoothed(readings, 1.0))[0] == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("text", ["light", "0", "-1", "nan", "1e9", "on"])
def test_smooth_refuses(text: str) -> None:
    with refused("option-invalid", f"--smooth {text}"):
        smoothing.parse(text)
    assert smoothing.parse("off") is None
    assert smoothing.parse("0.5") == 0.5


def test_pictures_have_no_times() -> None:
    readings = _readings([1.0, 2.0])
    readings.time[:] = np.nan
    with refused("source-unsupported", "--smooth off"):
        smoothing.smoothed(readings, 0.5)


@pytest.mark.parametrize("lost", ["neither", "the record", "the column"])
def test_compare_names_what_is_not_raw(tmp_path: Path, lost: str) -> None:
    path = tmp_path / "SN001.csv"
    places = [Place("disfa", "SN001", "left")]
    done = record.Processing("frame 3", 0.5)
    readings = _readings([1.0, 2.0])
    table.write(readings, path, "" if lost == "the column" else str(done))
    if lost != "the record":
        record.write(path, done, {"source": "SN001.mp4"})
        assert json.loads(record.beside(path).read_text())["source"] == "SN001.mp4"
    said = "not raw readings: smoothed over 0.5 s; zero from frame 3, by `aubench predict` (1 of 1 files)"
    source = read_source(path, places)
    assert said in source.notes
    assert source.table["AU12"].tolist() == pytest.approx([1, 2], abs=0.001)
    # A raw table leaves no note, and replaces the record of what it replaces.
    table.write(readings, path)
    record.write(path, record.Processing(), {})
    assert not [note for note in read_source(path, places).notes if "not raw" in note]


def test_scores_never_meet_smoothing() -> None:
    """What scores runs reads and trains without it: no module there imports it."""
    core, training = (Path(package.__file__).parent for package in (aubench, aubench_training))
    files = [*(core / "compare").rglob("*.py"), *training.rglob("*.py"), core / "scores.py"]
    assert len(files) > 40
    for file in files:
        text = file.read_text("utf-8")
        assert "predict.smoothing" not in text
        assert "predict.neutral" not in text
        assert "import smoothing" not in text
