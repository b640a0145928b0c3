"""Where the five points come from: the data set's landmarks, OpenFace's, the detector's; and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from refusals import refused
from toy_data import FIVE, ToyReader, landmarks_of, portrait, shift_of, write_take

from aubench.data.crops import SOURCES
from aubench.data.fivepoints import FivePoints, fault
from aubench.data.landmarks import AAM66, IBUG68, POINTS49
from aubench.data.making import Making
from aubench.data.openface import find_csv, places_of, read_landmarks
from aubench.data.prepare import prepare
from aubench.data.records import Problem, Recording
from aubench.predict.align import Canvas, template

HEADER = [
    "frame",
    " timestamp",
    " confidence",
    " success",
    *(f" x_{i}" for i in range(68)),
    *(f" y_{i}" for i in range(68)),
]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def openface_row(frame: int, *, confidence: float = 0.98, success: int = 1, shift: float = 0.0) -> str:
    points = landmarks_of(frame) + shift
    cells = [frame + 1, frame / 20, confidence, success, *points[:, 0], *points[:, 1]]
    return ", ".join(str(cell) for cell in cells)


def write_csv(path: Path, rows: list[str]) -> None:
    path.write_text("\n".join([",".join(HEADER), *rows]) + "\n")


def scan(root: Path) -> Recording:
    return ToyReader("good").scan(root).recordings[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_take(tmp_path / "root", "A_1", 6)
    return tmp_path / "root"


def find(recording: Recording, align: str, row: int = 0, picture: np.ndarray | None = None):
    return FivePoints(recording, align).find(row, Canvas(portrait(shift_of(row)) if picture is None else picture))


def test_auto_takes_the_first_there_is(root: Path) -> None:
    write_csv(root / "A_1.csv", [openface_row(i) for i in range(6)])
    assert SOURCES[find(scan(root), "auto").source] == "landmarks"
    (root / "A_1.npy").unlink()
    assert SOURCES[find(scan(root), "auto").source] == "openface"
    (root / "A_1.csv").unlink()
    assert SOURCES[find(scan(root), "auto").source] == "detector"


def test_all_three_agree(root: Path) -> None:
    write_csv(root / "A_1.csv", [openface_row(i) for i in range(6)])
    for align in ("landmarks", "openface", "detector"):
        found = find(scan(root), align, 4)
        assert SOURCES[found.source] == align
        assert np.abs(found.points - (FIVE + shift_of(4))).max() < 4.5
        assert np.isfinite(found.landmarks).all() == (align != "detector")


def test_auto_falls_back_frame_by_frame_and_each_is_recorded(root: Path, tmp_path: Path) -> None:
    points = np.load(root / "A_1.npy")
    points[2:4] = np.nan
    points[4] = 5000.0
    np.save(root / "A_1.npy", points)
    write_csv(root / "A_1.csv", [openface_row(i) for i in (0, 2)])
    store = prepare(ToyReader("good"), root, tmp_path / "stores", Making(64, "auto"), workers=1)
    sources = [SOURCES[s] for s in store.entries(np.array([0]), "source")]
    assert sources == ["landmarks", "landmarks", "openface", "detector", "detector", "landmarks"]
    assert store.card.recordings[0].sources == {"landmarks": 3, "openface": 1, "detector": 2}


def test_a_flag_allows_no_other_source(root: Path) -> None:
    (root / "A_1.npy").unlink()
    assert find(scan(root), "landmarks") == "no landmarks"
    assert find(scan(root), "openface") == "no OpenFace CSV with this frame"


def test_no_face_is_said(root: Path) -> None:
    (root / "A_1.npy").unlink()
    assert find(scan(root), "auto", picture=np.full((200, 240, 3), 90, np.uint8)) == "no face found"


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (FIVE * np.nan, "no landmarks"),
        (FIVE[[1, 0, 2, 4, 3]], "do not form a face"),  # left and right exchanged
        (FIVE[[0, 2, 1, 3, 4]], "do not form a face"),  # an eye and the nose
        (FIVE + 900, "outside"),
        (FIVE * [0.1, 1], "eyes coincide"),
    ],
)
def test_points_that_are_no_face(points: np.ndarray, words: str) -> None:
    assert words in fault(points, 240, 200)


@pytest.mark.parametrize("degrees", [-120, 0, 45, 170])
def test_points_of_a_turned_or_narrowed_face_pass(degrees: float) -> None:
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    face = (template(100) - 50) * [0.6, 1]  # as of a head turned by 53 degrees
    assert fault(face @ matrix.T + 100, 200, 200) == ""


def test_openface_spaces_failed_rows_and_several_faces(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [
        openface_row(0),
        openface_row(1, success=0),
        openface_row(2, confidence=0.3),
        openface_row(3, confidence=0.7, shift=50),
        openface_row(3, confidence=0.9),
        openface_row(5)[:-40],
        openface_row(6).replace("0.98", "x"),
    ]
    write_csv(path, rows)
    points, problems = read_landmarks(path, np.arange(8))
    assert np.isfinite(points).all(axis=(1, 2)).tolist() == [True, False, False, True, False, False, False, False]
    np.testing.assert_allclose(points[3], landmarks_of(3), atol=1e-4)
    assert [(p.line, p.severity) for p in problems] == [(7, "error"), (8, "error")]


def test_openface_without_landmarks_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("frame, confidence, success\n1, 1, 1\n")
    points, problems = read_landmarks(tmp_path / "a.csv", np.arange(1))
    assert np.isnan(points).all()
    assert problems == [
        Problem("error", tmp_path / "a.csv", "no column 'x_0'; run OpenFace with 2D landmarks (-2Dfp)", 1)
    ]


def test_other_csv_beside_a_video_is_not_openface(root: Path) -> None:
    (root / "A_1.csv").write_text("frame,AU01\n1,0\n")
    assert find_csv(scan(root)) is None
    assert find_csv(dataclasses.replace(scan(root), openface=root / "x.csv")) == root / "x.csv"


def test_openface_counts_the_images_of_a_folder(tmp_path: Path) -> None:
    write_take(tmp_path / "root", "A_1", 6, images=True, labels=["3,0,0", "5,0,0"], landmarks=False)
    assert places_of(scan(tmp_path / "root")).tolist() == [2, 4]
    write_csv(tmp_path / "root" / "A_1.csv", [openface_row(i) for i in range(6)])
    found = find(scan(tmp_path / "root"), "openface", 1, portrait(shift_of(4)))
    np.testing.assert_allclose(found.points, FIVE + shift_of(4), atol=1e-4)


def test_schemes_agree_on_the_same_face() -> None:
    points = np.random.default_rng(0).random((3, 68, 2)).astype(np.float32)
    expected = IBUG68.five(points)
    inner = [i for i in range(68) if i not in (60, 64)]
    np.testing.assert_array_equal(AAM66.five(points[:, inner]), expected)
    np.testing.assert_array_equal(POINTS49.five(points[:, inner[17:]]), expected)
    back = POINTS49.to_ibug(points[:, inner[17:]])
    assert np.isnan(back[:, [*range(17), 60, 64]]).all()
    np.testing.assert_array_equal(back[:, 17:60], points[:, 17:60])
    np.testing.assert_array_equal(IBUG68.to_ibug(points), points)


def test_landmarks_in_the_store_are_in_crop_pixels(root: Path, tmp_path: Path) -> None:
    store = prepare(ToyReader("good"), root, tmp_path / "stores", Making(64, "landmarks"), workers=1)
    points = store.landmarks(np.array([0]))
    np.testing.assert_allclose(points[:, 30], np.tile(template(64)[2], (6, 1)), atol=3)
    assert np.abs(IBUG68.five(points) - template(64)).max() < 5


def test_without_any_frame_there_is_no_store(tmp_path: Path) -> None:
    write_take(tmp_path / "root", "A_1", 3, landmarks=False)
    with refused("dataset-incomplete", "lost.csv"):
        prepare(ToyReader("good"), tmp_path / "root", tmp_path / "s", Making(64, "landmarks"), workers=1, max_lost=1)
