"""BP4D from miniature folders in the layouts of both releases, quirk by quirk."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from readers import build
from readers.found import of, told
from readers.media import number_of
from refusals import refused

from aubench.data.records import Reader, Recording, Scan, State
from aubench_plugins.bp4d import Bp4dConfig
from aubench_plugins.bp4d.layout import sequence_key
from aubench_plugins.bp4d.reader import SUBJECTS, Bp4dReader
from aubench_plugins.bp4d.tracking import LOST, lost


def scan(root: Path, **options) -> Scan:
    return Bp4dReader(Bp4dConfig(**options)).scan(root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build.bp4d(tmp_path / "BP4D")


def check_join(recording: Recording, first: int = 8, frames: int = 6) -> None:
    """Image n is frame n - 1, and the codes of the line that names n are those of its row."""
    assert recording.frames.tolist() == list(range(first - 1, first - 1 + frames))
    for row, (frame, path) in enumerate(zip(recording.frames.tolist(), recording.media.paths, strict=True)):
        assert int(path.stem) == frame + 1
        assert number_of(cv2.imread(str(path))) == frame + 1
        assert recording.values[row].tolist() == [build.intensity(frame, au) for au in build.BP4D_AUS]


@pytest.mark.parametrize("release", ["binghamton", "fera2015"])
def test_both_releases(tmp_path: Path, release: str) -> None:
    root = build.bp4d(tmp_path, release=release)
    found = scan(root)
    assert isinstance(Bp4dReader(Bp4dConfig()), Reader)
    assert found.facts["release"] == release
    assert len(found.recordings) == 8
    for recording in found.recordings:
        check_join(recording)
    assert {(each.subject, each.facts["task"]) for each in found.recordings} == {
        (subject, task) for subject in ("F001", "F002", "M001", "M002") for task in ("T1", "T8")
    }
    assert not told(found, severity="error")


def test_the_fera_folder_of_images_may_itself_be_the_root(tmp_path: Path) -> None:
    root = build.bp4d(tmp_path, release="fera2015")
    for name in ("AUCoding", "AU Intensity Codes3.0"):
        (root / name).rename(root / "BP4D-training" / name)
    found = scan(root / "BP4D-training")
    assert len(found.recordings) == 8


def test_codes_nested_in_the_folder_of_their_archive(tmp_path: Path) -> None:
    root = build.bp4d(tmp_path, release="fera2015")
    (root / "AU Intensity Codes3.0").rename(root / "x")
    (root / "BP4D-AUIntensityCodes3.0").mkdir()
    (root / "x").rename(root / "BP4D-AUIntensityCodes3.0" / "AU Intensity Codes3.0")
    assert len(scan(root).recordings) == 8


@pytest.mark.parametrize("digits", [0, 3, 4])
def test_image_names_of_any_padding(tmp_path: Path, digits: int) -> None:
    root = build.bp4d(tmp_path, ("F001",), ("T1",), name=lambda number: f"{number:0{digits}d}")
    check_join(scan(root).recordings[0])


def test_paddings_may_be_mixed_within_a_folder(tmp_path: Path) -> None:
    root = build.bp4d(
        tmp_path, ("F001",), ("T1",), first=8, frames=6, name=lambda number: f"{number:0{3 if number < 10 else 4}d}"
    )
    check_join(scan(root).recordings[0])


def test_the_coded_run_starts_mid_sequence(tmp_path: Path) -> None:
    root = build.bp4d(tmp_path, ("F001",), ("T1",), first=12, before=6, name=str)
    check_join(scan(root).recordings[0], first=12)
    everything = scan(root, frames="all").recordings[0]
    assert everything.frames.tolist() == list(range(5, 17))
    assert (everything.states[:6] == State.MISSING).all(), "images before the coded run have no labels"
    assert everything.values[6].tolist() == [build.intensity(11, au) for au in build.BP4D_AUS]


def test_code_9_is_missing_and_nothing_else(tmp_path: Path) -> None:
    root = build.bp4d(tmp_path, ("F001",), ("T1",), code=lambda frame, au: 9 if (frame + au) % 3 == 0 else 5)
    found = scan(root).recordings[0]
    nine = np.array([[(frame + au) % 3 == 0 for au in build.BP4D_AUS] for frame in found.frames.tolist()])
    assert np.array_equal(found.states == State.MISSING, nine)
    assert np.isnan(found.values[nine]).all()
    assert (found.values[~nine] == 5).all()


def test_a_header_of_an_intensity_file_is_passed_over(root: Path) -> None:
    path = root / "AUCoding" / "AU_INT" / "AU06" / "F001_T1_AU06.csv"
    path.write_text("frame,intensity\n" + path.read_text("utf-8"), "utf-8")
    found = scan(root)
    assert not told(found, "F001_T1_AU06")
    check_join(of(found, "F001_T1"))


def test_torn_lines_are_told_with_file_and_line(root: Path) -> None:
    path = root / "AUCoding" / "AU_INT" / "AU12" / "M001_T8_AU12.csv"
    build.cut_line(path, 2, "9")
    build.cut_line(path, 4, "11,6")
    found = scan(root)
    assert [p.line for p in told(found, "M001_T8_AU12.csv", severity="error")] == [2, 4]
    assert told(found, "code 6 of frame 11 is none of 0, 1, 2, 3, 4, 5, 9")
    assert np.flatnonzero(of(found, "M001_T8").states[:, 2] == State.MISSING).tolist() == [1, 3]


def test_coded_frames_without_image_are_told_and_asked_for(root: Path) -> None:
    folder = root / "Sequences(2D+3D)" / "F001" / "T1"
    (folder / "0009.jpg").unlink()
    found = scan(root)
    assert told(found, "1 coded frames have no image: 9", severity="error")
    recording = of(found, "F001_T1")
    assert recording.media.paths[1] == folder / "0009.jpg"
    assert recording.values[2].tolist() == [build.intensity(9, au) for au in build.BP4D_AUS], "nothing has shifted"


def test_a_frame_out_of_range(root: Path) -> None:
    path = root / "AUCoding" / "AU_INT" / "AU06" / "F001_T1_AU06.csv"
    path.write_text(path.read_text("utf-8") + "24400,1\n", "utf-8")
    found = scan(root)
    assert told(found, "1 coded frames have no image: 24400", severity="error")
    assert told(found, "F001_T1_AU06.csv", "the coded part has gaps", severity="warning")
    assert told(found, "F001_T1_AU10.csv", "not coded for this one: 24400", severity="warning")


def test_half_unpacked(root: Path) -> None:
    images, codes = root / "Sequences(2D+3D)", root / "AUCoding" / "AU_INT"
    shutil.rmtree(images / "F002")
    (images / "F002.zip").touch()
    shutil.rmtree(images / "M001" / "T8")
    (codes / "AU14" / "M002_T1_AU14.csv").unlink()
    for path in (images / "M002" / "T8").glob("*.jpg"):
        path.unlink()
    found = scan(root)
    assert told(found, "38 of the 41 subjects are missing", "F002", "still packed: F002.zip", severity="warning")
    assert told(found, "subject M001 lacks T2, T3, T4, T5, T6, T7, T8", severity="warning")
    assert told(found, "codes of F002_T1, but no folder of its images", severity="error")
    assert told(found, "M002_T1 has no intensities of AU14", severity="error")
    assert told(found, "M002", "T8", "holds no images", severity="error")
    assert {each.sequence for each in found.recordings} == {"F001_T1", "F001_T8", "M001_T1", "M002_T1"}
    assert (of(found, "M002_T1").states[:, 3] == State.MISSING).all()


def test_two_subjects_with_one_id_and_two_images_with_one_number(root: Path) -> None:
    images = root / "Sequences(2D+3D)"
    shutil.copytree(images / "F001", images / "f1")
    shutil.copy(images / "F002" / "T1" / "0008.jpg", images / "F002" / "T1" / "8.jpg")
    found = scan(root)
    assert told(found, "two folders of F001, T1", severity="error")
    assert told(found, "8.jpg", "frame 8 is there twice", severity="error")


def test_an_image_that_is_no_frame(root: Path) -> None:
    build.save(root / "Sequences(2D+3D)" / "F001" / "T1" / "preview.jpg", 0)
    build.save(root / "Sequences(2D+3D)" / "F001" / "T1" / "0000.jpg", 0)
    found = scan(root)
    assert told(found, "preview.jpg", "not a frame number", severity="error")
    assert told(found, "0000.jpg", "starts at 1", severity="warning")


def test_occurrence_is_present_without_intensity(root: Path) -> None:
    reader = Bp4dReader(Bp4dConfig(occurrence=True))
    assert reader.aus == tuple(f"AU{au:02d}" for au in (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24))
    found = of(reader.scan(root), "F001_T1")
    column = {name: found.states[:, place] for place, name in enumerate(reader.aus)}
    assert (column["AU02"] == State.PRESENT).all(), "coded 1"
    assert (column["AU01"] == State.VALUE).all()
    assert (found.values[:, 0] == 0).all(), "coded 0"
    assert (column["AU12"] == State.VALUE).all(), "an intensity says more"
    assert found.values[0, reader.aus.index("AU12")] == build.intensity(7, 12)


def test_occurrence_columns_are_read_by_header(root: Path) -> None:
    """BP4D+ has fewer columns."""
    header = "Frame,AU1,AU2,AU4,AU12"
    path = root / "AUCoding" / "AU_OCC" / "F001_T1.csv"
    path.write_text(header + "\n" + "".join(f"{n},0,9,1,1\n" for n in range(8, 14)), "utf-8")
    build.cut_line(path, 3, "9,0,9")
    build.cut_line(path, 4, "10,0,9,7,1")
    found = scan(root, occurrence=True)
    recording = of(found, "F001_T1")
    assert recording.states[0, :3].tolist() == [State.VALUE, State.MISSING, State.PRESENT]
    assert told(found, "F001_T1.csv, line 3", "3 cells, the header has 5", severity="error")
    assert told(found, "F001_T1.csv, line 4", "code 7 of AU04", severity="error")


def test_an_occurrence_file_without_header_is_refused(root: Path) -> None:
    path = root / "AUCoding" / "AU_OCC" / "F001_T1.csv"
    path.write_text("8,zero\n", "utf-8")
    assert told(scan(root, occurrence=True), "F001_T1.csv, line 1", "no header of AU numbers", severity="error")


def test_lost_tracking(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOST, ("F001", "T1"), ((9, 10),))
    assert len(of(scan(root), "F001_T1").frames) == 6
    found = scan(root, tracking_lost="drop")
    assert of(found, "F001_T1").frames.tolist() == [7, 10, 11, 12]
    assert told(found, "2 frames without landmarks are left out", severity="note")


def test_the_published_list_of_lost_tracking() -> None:
    counts = {key: len(lost(*key)) for key in LOST}
    assert sum(counts.values()) - counts["F017", "T3"] + 131 == 271
    assert {subject for subject, _ in LOST} <= set(SUBJECTS)
    assert len(SUBJECTS) == 41


def test_landmarks_with_frame_numbers_are_joined_by_them(root: Path) -> None:
    build.bp4d_points(root, "F001", "T1", [6, 8, 9, 11, 12, 13, 40], structure=True)
    points, problems = of(scan(root), "F001_T1").landmarks.read()
    assert points.shape == (6, 49, 2)
    assert np.allclose(points[:, 0, 1] - points[0, 0, 1], [0, 0.1, np.nan, 0.3, 0.4, 0.5], equal_nan=True, atol=1e-4)
    assert "no landmarks of 1 of 6 frames" in str(problems[0])


def test_landmarks_without_frame_numbers_are_used_only_if_vouched_for(root: Path) -> None:
    build.bp4d_points(root, "F001", "T1", range(6, 14), structure=False)
    points, problems = of(scan(root), "F001_T1").landmarks.read()
    assert np.isnan(points).all()
    assert "without frame numbers" in str(problems[0])
    points, problems = of(scan(root, landmark_order="images"), "F001_T1").landmarks.read()
    assert np.allclose(points[:, 0, 1] - points[0, 0, 1], 0.1 * np.arange(6), atol=1e-4), (
        "eight rows for eight images, six of them coded"
    )
    assert not problems
    build.bp4d_points(root, "F001", "T1", range(6, 13), structure=False)
    points, problems = of(scan(root, landmark_order="images"), "F001_T1").landmarks.read()
    assert np.isnan(points).all()
    assert "landmarks of 7 frames, but there are 8 images" in str(problems[0])


def test_a_torn_landmark_file(root: Path) -> None:
    path = build.bp4d_points(root, "F001", "T1", range(6, 14), structure=True)
    path.write_bytes(path.read_bytes()[:300])
    points, problems = of(scan(root), "F001_T1").landmarks.read()
    assert np.isnan(points).all()
    assert problems[0].path == path


def test_wrong_roots(tmp_path: Path) -> None:
    with refused("dataset-invalid", "BP4D", "AU_INT"):
        scan(tmp_path)
    root = build.bp4d(tmp_path / "BP4D", ("F001",), ("T1",))
    shutil.rmtree(root / "AUCoding")
    with refused("dataset-invalid", "AU_INT", "AU Intensity Codes3.0"):
        scan(root)
    unlabelled = scan(root, frames="all")
    assert len(unlabelled.recordings[0].frames) == 8, "the method trains without labels"


def test_names_of_sequences() -> None:
    assert sequence_key("F001_T1_AU06") == (("F001", "T1"), 6)
    assert sequence_key("m18_t8") == (("M018", "T8"), None)
    assert sequence_key("readme") is None
