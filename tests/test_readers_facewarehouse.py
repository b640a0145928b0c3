"""FaceWarehouse from a miniature folder in its layout, quirk by quirk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from readers import build
from readers.found import told
from readers.media import points68
from refusals import refused

from aubench.data.records import Reader, Scan
from aubench_plugins.facewarehouse import FaceWarehouseConfig
from aubench_plugins.facewarehouse.land import read_land
from aubench_plugins.facewarehouse.reader import FaceWarehouseReader

POINTS = {
    "left_eye": (36, 37, 38, 39, 40, 41), "right_eye": (42, 43, 44, 45, 46, 47), "nose": (30,), "left_mouth": (48,),
    "right_mouth": (54,),
}  # fmt: skip


def scan(root: Path, **options) -> Scan:
    return FaceWarehouseReader(FaceWarehouseConfig(**options)).scan(root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build.facewarehouse(tmp_path / "FaceWarehouse")


def test_images_without_labels(root: Path) -> None:
    found = scan(root)
    reader = FaceWarehouseReader(FaceWarehouseConfig())
    assert isinstance(reader, Reader)
    assert reader.aus == ()
    assert [(each.subject, each.frames.tolist()) for each in found.recordings] == [
        ("Tester_1", [0, 1, 2, 3]), ("Tester_2", [0, 1, 2, 3]),
    ]  # fmt: skip
    assert [path.name for path in found.recordings[0].media.paths] == [f"pose_{pose}.png" for pose in range(4)]
    assert found.recordings[0].values.shape == (4, 0)
    assert found.recordings[0].landmarks is None, "which of the 74 points is which, nothing public tells"
    assert not told(found, severity="error")


def test_frames_are_poses_in_number_order(tmp_path: Path) -> None:
    root = build.facewarehouse(tmp_path, ("Tester_1",), poses=12)
    found = scan(root).recordings[0]
    assert [path.stem for path in found.media.paths] == [f"pose_{pose}" for pose in range(12)]
    (root / "Tester_1" / "TrainingPose" / "pose_3.png").unlink()
    found = scan(root)
    assert found.recordings[0].frames.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]
    assert told(found, "no image of pose 3, 12-19", severity="warning")


def test_renamed_folders(tmp_path: Path) -> None:
    root = build.facewarehouse(tmp_path / "all" / "FaceWarehouse_Data_0", ("Tester_ (32)", "Tester_101")).parent
    found = scan(root)
    assert [each.subject for each in found.recordings] == ["Tester_32", "Tester_101"]


def test_y_of_land_files_counts_from_the_bottom(root: Path) -> None:
    points = read_land(root / "Tester_1" / "TrainingPose" / "pose_0.land")
    assert points.shape == (74, 2)
    assert np.allclose(points[:68], points68() / (96, 72), atol=1e-6)


def test_landmarks_are_used_once_their_places_are_told(root: Path) -> None:
    (root / "Tester_1" / "TrainingPose" / "pose_2.land").unlink()
    source = scan(root, land_points=POINTS).recordings[0].landmarks
    points, problems = source.read()
    assert not problems
    assert [bool(np.isnan(row).any()) for row in points] == [False, False, True, False]
    five = source.scheme.five(points)[0]
    expected = [points68()[36:42].mean(0), points68()[42:48].mean(0), points68()[30], points68()[48], points68()[54]]
    assert np.allclose(five, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("points", "values"),
    [({"nose": (1,)}, ["left_eye", "right_eye"]), ({**POINTS, "nose": (74,)}, ["nose", "[74]"])],
)
def test_places_that_cannot_be(points: dict, values: list[str]) -> None:
    with refused("config-invalid", *values):
        FaceWarehouseReader(FaceWarehouseConfig(land_points=points))


def test_bad_land_files_are_told(root: Path) -> None:
    folder = root / "Tester_1" / "TrainingPose"
    build.cut_line(folder / "pose_0.land", 5, "0.5")
    build.cut_line(folder / "pose_1.land", 1, "80")
    build.cut_line(folder / "pose_2.land", 3, "320 240")
    (folder / "pose_3.land").write_text("", "utf-8")
    found = scan(root)
    assert told(found, "pose_0.land", "line 5: '0.5' is not x and y", severity="warning")
    assert told(found, "pose_1.land", "holds 74 points, though it says 80", severity="warning")
    assert told(found, "pose_2.land", "no fractions of the picture", severity="warning")
    assert told(found, "pose_3.land", "line 1 is no number of points", severity="warning")
    assert len(found.recordings) == 2


def test_people_without_pictures_and_two_of_one_number(root: Path) -> None:
    (root / "Tester_3").mkdir()
    (root / "Tester_4" / "TrainingPose").mkdir(parents=True)
    (root / "Tester_02").mkdir()
    (root / "FaceWarehouse_1.zip").touch()
    found = scan(root)
    assert told(found, "Tester_3", "holds no folder TrainingPose", severity="error")
    assert told(found, "Tester_4", "holds no images", severity="error")
    assert told(found, "two folders of tester 2", severity="error")
    assert told(found, "4 testers; FaceWarehouse has 150; missing: 5-150; still packed", severity="warning")


def test_wrong_roots(tmp_path: Path) -> None:
    with refused("dataset-invalid", "FaceWarehouse", "Tester_1"):
        scan(tmp_path)
