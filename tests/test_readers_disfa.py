"""DISFA and DISFA+ from miniature folders in their layouts, quirk by quirk."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from readers import build
from readers.found import of, told
from readers.media import number_of
from refusals import refused

from aubench.data.records import Images, Reader, Scan, State, Video
from aubench.data.video import read_frames
from aubench_plugins.disfa import DisfaConfig
from aubench_plugins.disfa.layout import subject_id
from aubench_plugins.disfa.reader import SUBJECTS, DisfaReader
from aubench_plugins.disfa.tracking import LOST, lost
from aubench_plugins.disfaplus import DisfaPlusConfig
from aubench_plugins.disfaplus.reader import DisfaPlusReader


def scan(root: Path, **options) -> Scan:
    return DisfaReader(DisfaConfig(**options)).scan(root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build.disfa(tmp_path / "DISFA")


# --- DISFA ------------------------------------------------------------------------------------------------------------


def test_labels_meet_the_frames_they_belong_to(root: Path) -> None:
    found = scan(root)
    assert isinstance(DisfaReader(DisfaConfig()), Reader)
    assert [(each.subject, each.sequence, each.camera) for each in found.recordings] == [
        ("SN001", "SN001", "left"), ("SN002", "SN002", "left"), ("SN010", "SN010", "left"),
    ]  # fmt: skip
    second = of(found, "SN002")
    # Row i of a label file is frame i - 1 of the video, whose picture shows number frame + 3.
    shown = {frame: number_of(image) for frame, image in read_frames(second.media.path, second.frames)}
    assert shown == {frame: frame + 3 for frame in range(12)}
    for column, au in enumerate(build.DISFA_AUS):
        assert second.values[:, column].tolist() == [build.intensity(frame, au) for frame in range(12)]
    assert (second.states == State.VALUE).all()
    assert not told(found, severity="error")


def test_the_number_of_rows_comes_from_the_file(root: Path) -> None:
    found = scan(root)
    assert [len(each.frames) for each in found.recordings] == [12, 12, 11], "SN010 has one frame less"
    assert not told(found, "SN010", "lacks")


@pytest.mark.parametrize(
    ("is_", "becomes"),
    [
        ("Videos_LeftCamera", "Video_LeftCamera"),
        ("Video_RightCamera", "Videos_RightCamera"),
        ("ActionUnit_Labels", "ActionUnits_Labels"),
        ("Videos_LeftCamera", "videos_leftcamera"),
    ],
)
def test_folders_in_all_spellings(root: Path, is_: str, becomes: str) -> None:
    (root / is_).rename(root / becomes)
    assert len(scan(root, camera="both").recordings) == 6


def test_videos_in_all_spellings(root: Path) -> None:
    left = root / "Videos_LeftCamera"
    (left / "LeftVideoSN001_comp.avi").rename(left / "leftvideosn001_COMP.AVI")
    right = root / "Video_RightCamera"
    (right / "RightVideoSN002_Comp.avi").rename(right / "RightVideoSN002_comp.avi")
    found = scan(root, camera="both")
    assert {each.sequence for each in found.recordings} == {
        "SN001", "SN001_right", "SN002", "SN002_right", "SN010", "SN010_right",
    }  # fmt: skip


def test_both_cameras_share_labels_and_only_the_left_has_landmarks(root: Path) -> None:
    found = scan(root, camera="both")
    left, right = of(found, "SN001"), of(found, "SN001_right")
    assert (left.subject, left.camera, right.subject, right.camera) == ("SN001", "left", "SN001", "right")
    assert np.array_equal(left.values, right.values)
    assert left.landmarks is not None
    assert right.landmarks is None
    assert "RightVideo" in right.media.path.name


def test_landmark_files_count_from_0(root: Path) -> None:
    points, problems = of(scan(root), "SN001").landmarks.read()
    assert points.shape == (12, 66, 2)
    assert not problems
    shift = points[:, 0, 1] - points[0, 0, 1]
    assert np.allclose(shift, 0.01 * np.arange(12), atol=1e-4), "landmarks of frame k carry the mark of frame k"


def test_l_landmark_files_count_from_1(tmp_path: Path) -> None:
    root = build.disfa(tmp_path, landmarks=lambda subject, frame: f"l{frame + 1:05d}_lm.mat")
    points, problems = of(scan(root), "SN001").landmarks.read()
    assert not problems
    assert np.allclose(points[:, 0, 1] - points[0, 0, 1], 0.01 * np.arange(12), atol=1e-4)


def test_l_landmark_files_count_from_0_if_there_is_a_0(tmp_path: Path) -> None:
    root = build.disfa(tmp_path, landmarks=lambda subject, frame: f"l{frame:05d}_lm.mat")
    points, _ = of(scan(root), "SN001").landmarks.read()
    assert np.allclose(points[:, 0, 1] - points[0, 0, 1], 0.01 * np.arange(12), atol=1e-4)


@pytest.mark.parametrize("where", ["frame_lm", "", "nested"])
def test_landmark_folders_in_all_spellings(root: Path, where: str) -> None:
    top = root / "Landmark_Points"
    if where == "nested":
        top.rename(root / "x")
        top.mkdir()
        (root / "x").rename(top / "Landmark_Points")
    else:
        home = top / "SN001"
        (home / "tmp_frame_lm").rename(home / "frame_lm")
        if where == "":
            for path in (home / "frame_lm").iterdir():
                path.rename(home / path.name)
            (home / "frame_lm").rmdir()
    points, _ = of(scan(root), "SN001").landmarks.read()
    assert np.isfinite(points).all()


def test_one_landmark_file_too_many_is_a_warning_and_shifts_nothing(root: Path) -> None:
    folder = root / "Landmark_Points" / "SN001" / "tmp_frame_lm"
    shutil.copy(folder / "SN001_0011_lm.mat", folder / "SN001_0012_lm.mat")
    found = scan(root)
    assert told(found, "1 landmark files more", "frame 12", severity="warning")
    points, _ = of(found, "SN001").landmarks.read()
    assert np.allclose(points[:, 0, 1] - points[0, 0, 1], 0.01 * np.arange(12), atol=1e-4)


def test_bad_landmark_files_are_told_one_by_one_and_leave_gaps(root: Path) -> None:
    folder = root / "Landmark_Points" / "SN001" / "tmp_frame_lm"
    (folder / "SN001_0003_lm.mat").write_bytes(b"MATLAB 5.0 MAT-file, torn")
    (folder / "SN001_0004_lm.mat").unlink()
    (folder / "SN001_0005_lm.mat").write_bytes(b"")
    found = scan(root)
    assert told(found, "no landmark file of 1 frames (4", severity="warning")
    points, problems = pickle.loads(pickle.dumps(of(found, "SN001").landmarks.read))()
    assert [row for row in range(12) if np.isnan(points[row]).any()] == [3, 4, 5]
    assert [p.path.name for p in problems] == ["SN001_0003_lm.mat", "SN001_0005_lm.mat"]


def test_lost_tracking_loses_landmarks_or_frames_as_asked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOST, "SN002", ((3, 5), (11, 99)))
    found = scan(root)
    kept = of(found, "SN002")
    assert len(kept.frames) == 12
    points, _ = kept.landmarks.read()
    assert [row for row in range(12) if np.isnan(points[row]).any()] == [2, 3, 4, 10, 11], "3-5 and 11-12, from 1"
    assert told(found, "SN002", "5 frames of lost tracking are used without their landmarks", severity="note")
    found = scan(root, tracking_lost="drop")
    dropped = of(found, "SN002")
    assert dropped.frames.tolist() == [0, 1, 5, 6, 7, 8, 9]
    assert np.array_equal(dropped.values, kept.values[dropped.frames])
    assert told(found, "SN002", "5 frames of lost tracking are left out", severity="note")


def test_the_published_list_of_lost_tracking() -> None:
    assert len(lost("SN021")) == 3052
    assert 130_814 - sum(len(lost(subject)) for subject in LOST) == 126_144, "the frames that public readers use"
    assert set(LOST) <= set(SUBJECTS)


def test_missing_and_strange_subjects_are_told(root: Path) -> None:
    shutil.copytree(root / "ActionUnit_Labels" / "SN001", root / "ActionUnit_Labels" / "SN033")
    for path in (root / "ActionUnit_Labels" / "SN033").iterdir():
        path.rename(path.with_name(path.name.replace("SN001", "SN033")))
    found = scan(root)
    assert told(found, "24 of the 27 subjects are missing: SN003", "SN032", severity="warning")
    assert not told(found, "SN014")
    assert told(found, "DISFA has no subject SN033", severity="warning")
    assert told(found, "no video of subject SN033", severity="error")


def test_two_subjects_with_one_id(root: Path) -> None:
    shutil.copytree(root / "ActionUnit_Labels" / "SN001", root / "ActionUnit_Labels" / "sn1")
    left = root / "Videos_LeftCamera"
    shutil.copy(left / "LeftVideoSN001_comp.avi", left / "LeftVideoSN001.avi")
    found = scan(root)
    assert told(found, "two folders of subject SN001", severity="error")
    assert told(found, "two videos of subject SN001", severity="error")
    assert len(found.recordings) == 3


def test_torn_lines_are_told_with_file_and_line_and_only_they_are_lost(root: Path) -> None:
    path = root / "ActionUnit_Labels" / "SN001" / "SN001_au4.txt"
    build.cut_line(path, 3, "3,")
    build.cut_line(path, 5, "5,7")
    build.cut_line(path, 7, "seven,1")
    build.cut_line(path, 9, "8,1")
    found = scan(root)
    errors = told(found, "SN001_au4.txt", severity="error")
    assert [p.line for p in errors] == [3, 5, 7, 9]
    assert "code 7 of frame 5 is none of 0, 1, 2, 3, 4, 5" in str(errors[1])
    assert "frame 8 was told in line 8 already" in str(errors[3])
    column = of(found, "SN001").states[:, build.DISFA_AUS.index(4)]
    assert [int(frame) for frame in np.flatnonzero(column == State.MISSING)] == [2, 4, 6, 8]
    others = np.delete(of(found, "SN001").states, build.DISFA_AUS.index(4), axis=1)
    assert (others == State.VALUE).all()


def test_a_label_file_that_ends_early_or_is_missing_or_empty(root: Path) -> None:
    folder = root / "ActionUnit_Labels" / "SN001"
    (folder / "SN001_au1.txt").write_text("".join(f"{frame},0\n" for frame in range(1, 9)), "utf-8")
    (folder / "SN001_au2.txt").unlink()
    (folder / "SN001_au5.txt").write_bytes(b"")
    found = scan(root)
    assert told(found, "SN001_au1.txt", "lacks 4 frames that other AUs have (9-12)", severity="error")
    assert told(found, "SN001", "no label file of AU02", severity="error")
    assert told(found, "SN001_au5.txt", "is empty", severity="error")
    missing = of(found, "SN001").states == State.MISSING
    assert missing.sum(axis=0).tolist() == [4, 12, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0]


def test_rows_in_any_order_and_line_ends_of_windows(root: Path) -> None:
    before = of(scan(root), "SN001").values
    path = root / "ActionUnit_Labels" / "SN001" / "SN001_au1.txt"
    lines = path.read_text("utf-8").splitlines()
    path.write_bytes(("\ufeff" + "\r\n".join(reversed(lines))).encode("utf-8"))
    assert np.array_equal(of(scan(root), "SN001").values, before)


def test_wrong_roots_are_refused_with_what_was_looked_for(root: Path, tmp_path: Path) -> None:
    with refused("file-missing", "DISFA", "ActionUnit_Labels", "Videos_LeftCamera"):
        scan(tmp_path / "elsewhere")
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "Videos_LeftCamera.zip").touch()
    with refused("dataset-invalid", "Videos_LeftCamera.zip"):
        scan(tmp_path / "packed")
    assert len(scan(tmp_path).recordings) == 3, "the folder above is good enough"


def test_a_half_unpacked_archive(root: Path) -> None:
    (root / "Videos_LeftCamera" / "LeftVideoSN002_comp.avi").unlink()
    (root / "ActionUnit_Labels.zip").touch()
    shutil.rmtree(root / "ActionUnit_Labels" / "SN010")
    found = scan(root)
    assert told(found, "no video of subject SN002", severity="error")
    assert told(found, "subject SN010 has no labels", severity="error")
    assert told(found, "still packed: ActionUnit_Labels.zip", severity="warning")
    assert [each.subject for each in found.recordings] == ["SN001"]


def test_options_are_those_that_change_the_content() -> None:
    assert DisfaReader(DisfaConfig(camera="both", size=64)).options() == {"camera": "both", "tracking_lost": "keep"}


def test_subject_numbers() -> None:
    assert subject_id("LeftVideoSN001_comp") == "SN001"
    assert subject_id("sn32") == "SN032"
    assert subject_id("frame") is None


# --- DISFA+ -----------------------------------------------------------------------------------------------------------


def plus(root: Path) -> Scan:
    return DisfaPlusReader(DisfaPlusConfig()).scan(root)


def test_disfaplus_skips_its_header_and_joins_by_name(tmp_path: Path) -> None:
    root = build.disfaplus(tmp_path / "DISFAPlusDataset")
    found = plus(root)
    assert not found.problems
    assert DisfaPlusReader.people == "disfa", "its people are people of DISFA"
    assert [each.sequence for each in found.recordings] == [
        "SN001/A1_AU1_TrialNo_1", "SN001/B2_Smile_TrialNo_2", "SN003/A1_AU1_TrialNo_1", "SN003/B2_Smile_TrialNo_2",
    ]  # fmt: skip
    first = found.recordings[0]
    assert first.frames.tolist() == list(range(6))
    assert isinstance(first.media, Images)
    assert [path.name for path in first.media.paths][:2] == ["000.jpg", "001.jpg"]
    for column, au in enumerate(build.DISFA_AUS):
        assert first.values[:, column].tolist() == [build.intensity(frame, au) for frame in range(6)]


def test_disfaplus_joins_by_number_when_an_image_is_gone(tmp_path: Path) -> None:
    root = build.disfaplus(tmp_path)
    (root / "Images" / "SN001" / "A1_AU1_TrialNo_1" / "002.jpg").unlink()
    found = plus(root)
    assert len(told(found, "A1_AU1_TrialNo_1", "1 labelled frames have no image: 2", severity="error")) == 1
    first = found.recordings[0]
    assert first.frames.tolist() == list(range(6)), "the lost frame is asked for, so that it counts as lost"
    assert not first.media.paths[2].exists()
    assert [path.name for path in first.media.paths] == [f"{frame:03d}.jpg" for frame in range(6)]
    assert first.values[3, 0] == build.intensity(3, 1)


def test_disfaplus_header_of_any_text_but_two_lines_at_most(tmp_path: Path) -> None:
    root = build.disfaplus(tmp_path)
    folder = root / "Labels" / "SN001" / "A1_AU1_TrialNo_1"
    build.cut_line(folder / "AU1.txt", 1, "anything at all 7")
    build.cut_line(folder / "AU2.txt", 3, "torn")
    build.cut_line(folder / "AU4.txt", 5, "002.jpg     9")
    (folder / "AU5.txt").write_text("one line\nof no use\n", "utf-8")
    found = plus(root)
    assert not told(found, "AU1.txt")
    assert told(found, "AU2.txt, line 3", "'torn'", severity="error")
    assert told(found, "AU4.txt, line 5", "intensity 9 of frame 2", severity="error")
    assert told(found, "AU5.txt", "holds no line such as", severity="error")
    assert found.recordings[0].states[2].tolist() == [
        State.VALUE if au not in (4, 5) else State.MISSING for au in build.DISFA_AUS
    ]


def test_disfaplus_trials_without_their_other_half(tmp_path: Path) -> None:
    root = build.disfaplus(tmp_path)
    shutil.rmtree(root / "Images" / "SN001" / "A1_AU1_TrialNo_1")
    shutil.rmtree(root / "Labels" / "SN003" / "B2_Smile_TrialNo_2")
    found = plus(root)
    assert told(found, "has labels but no folder of images", severity="error")
    assert told(found, "has images but no folder of labels", severity="error")
    assert len(found.recordings) == 2
    with refused("dataset-invalid", "DISFA+", "Labels", "Images"):
        plus(tmp_path / "Images" / "SN003")


def test_a_video_is_told_apart_from_images(root: Path) -> None:
    assert isinstance(scan(root).recordings[0].media, Video)
