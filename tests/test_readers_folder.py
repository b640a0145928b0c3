"""Any folder of images and videos, with and without a table of labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from readers import build
from readers.found import of, told
from readers.media import write
from refusals import refused

from aubench.data.records import Reader, Scan, State, Video
from aubench_plugins.folder import FolderConfig
from aubench_plugins.folder.reader import FolderReader
from aubench_plugins.folder.table import PRESENT, read_table


def scan(root: Path, **options) -> Scan:
    return FolderReader(FolderConfig(**options)).scan(root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build.folder(tmp_path / "mine")


def test_folders_of_images_and_videos_are_recordings(root: Path) -> None:
    found = scan(root)
    assert isinstance(FolderReader(FolderConfig()), Reader)
    assert [(each.sequence, each.subject) for each in found.recordings] == [
        ("alice/clip.mp4", "alice"), ("alice/smile", "alice"), ("bob", "bob"),
    ]  # fmt: skip
    assert of(found, "alice/clip.mp4").frames.tolist() == [0, 1, 2, 3, 4]
    assert of(found, "alice/smile").frames.tolist() == [1, 2, 3, 4, 5], "numbers in the names"
    assert all((each.states == State.MISSING).all() for each in found.recordings)
    assert told(found, "no labels.csv", severity="note")


def test_images_without_numbers_of_their_own_are_counted(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c1.jpg"):
        build.save(tmp_path / "x" / name, 0)
    assert scan(tmp_path).recordings[0].frames.tolist() == [0, 1, 2]


def test_loose_images_are_people_or_a_sequence(tmp_path: Path) -> None:
    for name in ("ann_1.jpg", "ben_2.jpg"):
        build.save(tmp_path / name, 0)
    assert [each.subject for each in scan(tmp_path).recordings] == ["ann_1.jpg", "ben_2.jpg"]
    one = scan(tmp_path, loose="sequence").recordings
    assert [(each.sequence, each.subject, each.frames.tolist()) for each in one] == [(".", ".", [1, 2])]


def test_subjects_by_pattern(tmp_path: Path) -> None:
    for name in ("ann_1.jpg", "ann_2.jpg", "ben_2.jpg", "other.jpg"):
        build.save(tmp_path / name, 0)
    found = scan(tmp_path, subject_pattern=r"^([a-z]+)_")
    assert [each.subject for each in found.recordings] == ["ann", "ann", "ben", "other.jpg"]
    assert told(found, "other.jpg", "subject_pattern does not fit", severity="error")
    with refused("config-invalid", "folder.subject_pattern 'x'"):
        FolderReader(FolderConfig(subject_pattern="x"))
    with refused("config-invalid", "folder.subject_pattern '('"):
        FolderReader(FolderConfig(subject_pattern="("))


def test_labels_join_by_file_and_frame(root: Path) -> None:
    write(
        root / "labels.csv",
        "file,frame,au1,AU12_r,notes\nalice/clip.mp4,3,2.5,present,x\nalice/clip.mp4,0,0,nan,\n"
        "alice/smile/img_2.jpg,,5,1,\nalice\\smile,4,1,,\n./bob/003.png,,,+,\n",
    )
    found = scan(root, aus=("AU1", "AU12"))
    clip, smile, bob = (of(found, name) for name in ("alice/clip.mp4", "alice/smile", "bob"))
    assert not told(found, severity="error")
    assert clip.states.tolist()[3] == [State.VALUE, State.PRESENT]
    assert clip.values[3, 0] == 2.5
    assert clip.states.tolist()[0] == [State.VALUE, State.MISSING]
    assert (clip.states[[1, 2, 4]] == State.MISSING).all()
    assert smile.values[1].tolist() == [5, 1]
    assert smile.values[3, 0] == 1
    assert bob.states[2].tolist() == [State.MISSING, State.PRESENT]
    assert told(found, "columns notes are ignored", severity="note")


def test_the_first_frame_of_videos_may_count_as_1(root: Path) -> None:
    write(root / "labels.csv", "file;frame;AU12\nalice/clip.mp4;1;4\nalice/smile;1;3\n")
    found = scan(root, aus=("AU12",), first_frame=1)
    assert of(found, "alice/clip.mp4").values[0, 0] == 4
    assert of(found, "alice/smile").values[0, 0] == 3, "images are called what they are called"


def test_everything_wrong_with_a_table_is_told_at_once(root: Path) -> None:
    write(
        root / "labels.csv",
        "file,frame,AU12,AU99\nalice/clip.mp4,0,7,\nalice/clip.mp4,1\nalice/clip.mp4,9,1,\nalice/clip.mp4,,1,\n"
        "carol.mp4,0,1,\nalice/clip.mp4,x,1,\nalice/clip.mp4,2,1,\nalice/clip.mp4,2,1,\n,2,1,\n",
    )
    found = scan(root)
    errors = {p.line: p.message for p in told(found, "labels.csv", severity="error")}
    assert sorted(errors) == [2, 3, 4, 5, 6, 7, 9, 10]
    assert "'7' of AU12 is no intensity from 0 to 5" in errors[2]
    assert "2 cells" in errors[3]
    assert "has no frame 9 (5 frames)" in errors[4]
    assert "the line names none" in errors[5]
    assert "there is no file carol.mp4" in errors[6]
    assert "frame 'x' is no number" in errors[7]
    assert "repeats line 8" in errors[9]
    assert told(found, "columns AU99", severity="warning")


def test_subjects_in_the_table(root: Path) -> None:
    write(root / "labels.csv", "file,frame,subject,AU12\nalice/clip.mp4,0,carol,1\nbob,1,dan,1\nbob,2,eve,1\n")
    found = scan(root)
    assert of(found, "alice/clip.mp4").subject == "carol"
    assert told(found, "bob belongs to several subjects: dan, eve", severity="error")


def test_tables_elsewhere_and_tables_of_no_use(root: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "elsewhere.csv", "file,frame,AU12\nalice/clip.mp4,0,3\n")
    found = scan(root, labels=str(table), aus=("AU12",))
    assert of(found, "alice/clip.mp4").values[0, 0] == 3
    with refused("file-missing", "nothing.csv", "folder.labels"):
        scan(root, labels="nothing.csv")
    write(root / "labels.csv", "picture,AU12\nx,1\n")
    assert told(scan(root), "has no column 'file'", severity="error")


def test_cells(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "\ufefffile\tAU04\tau5\tAU30L\nx.jpg\t5\t-\tPresent\n\n")
    table = read_table(path)
    assert table.aus == ["AU04", "AU05", "AU30L"]
    assert table.rows[0].intensities == {"AU04": 5.0, "AU30L": PRESENT}
    assert not table.faults


def test_unreadable_videos_are_told_and_left_out(root: Path) -> None:
    (root / "bob" / "torn.mp4").write_bytes(b"not a video at all")
    (root / "bob" / "empty.avi").touch()
    found = scan(root)
    assert told(found, "torn.mp4", "left out", severity="error")
    assert told(found, "empty.avi", "is empty; left out", severity="error")
    assert len(found.recordings) == 3
    assert isinstance(of(found, "alice/clip.mp4").media, Video)
    assert np.array_equal(of(found, "bob").frames, np.arange(1, 6))


def test_wrong_roots_and_options(tmp_path: Path) -> None:
    with refused("dataset-invalid", tmp_path):
        scan(tmp_path)
    with refused("file-missing", "nowhere"):
        scan(tmp_path / "nowhere")
    with refused("name-unknown", "folder.aus", "'smile'"):
        FolderReader(FolderConfig(aus=("AU12", "smile")))
