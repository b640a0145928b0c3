"""CK+ from a miniature folder in its layout, quirk by quirk."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from readers import build
from readers.found import told
from readers.media import number_of, write
from refusals import refused

from aubench.data.records import Reader, Scan, State
from aubench_plugins.ckplus import CkPlusConfig
from aubench_plugins.ckplus.parse import frame_key, read_facs
from aubench_plugins.ckplus.reader import AUS, CkPlusReader


def scan(root: Path, **options) -> Scan:
    return CkPlusReader(CkPlusConfig(**options)).scan(root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build.ckplus(tmp_path / "CK+")


FACS = Path("FACS/S005/001/S005_001_00000005_facs.txt")


def test_only_the_peak_is_coded_and_0_means_present(root: Path) -> None:
    found = scan(root)
    assert isinstance(CkPlusReader(CkPlusConfig()), Reader)
    assert [(each.subject, each.sequence) for each in found.recordings] == [("S005", "S005_001"), ("S010", "S010_002")]
    first = found.recordings[0]
    assert first.frames.tolist() == [0, 1, 2, 3, 4]
    assert [number_of(cv2.imread(str(path))) for path in first.media.paths] == [1, 2, 3, 4, 5]
    assert (first.states[:4] == State.MISSING).all()
    peak = dict(zip(AUS, zip(first.states[4].tolist(), first.values[4].tolist(), strict=True), strict=True))
    assert peak[1] == (State.VALUE, 5)
    assert peak[4] == (State.VALUE, 2)
    assert peak[17] == (State.VALUE, 3)
    assert peak[12][0] == State.PRESENT, "intensity 0 is 'present, intensity not given'"
    assert np.isnan(peak[12][1])
    assert peak[2] == (State.VALUE, 0), "an AU that is not listed is absent at the peak"
    assert not told(found, severity="error")


def test_the_neutral_first_frame_is_a_convention_on_request(root: Path) -> None:
    first = scan(root, neutral_first=True).recordings[0]
    assert (first.values[0] == 0).all()
    assert (first.states[1:4] == State.MISSING).all()


@pytest.mark.parametrize(
    ("is_", "becomes"),
    [
        ("FACS", "FACS_labels/FACS"),
        ("Emotion", "Emotion_labels/Emotion"),
        ("cohn-kanade-images", "extended-cohn-kanade-images/cohn-kanade-images"),
        ("FACS", "facs"),
    ],
)
def test_folders_in_all_spellings(root: Path, is_: str, becomes: str) -> None:
    (root / is_).rename(root / "x")
    (root / becomes).parent.mkdir(exist_ok=True)
    (root / "x").rename(root / becomes)
    found = scan(root)
    assert [each.facts for each in found.recordings] == [{"emotion": "disgust"}, {}]
    assert not told(found, severity="error")


def test_empty_emotion_folders_and_litter_are_tolerated(root: Path) -> None:
    (root / "cohn-kanade-images" / "S005" / "001" / ".DS_Store").touch()
    (root / "cohn-kanade-images" / "S005" / "001" / "._S005_001_00000001.png").touch()
    (root / "FACS" / ".DS_Store").touch()
    found = scan(root)
    assert {p.severity for p in found.problems} == {"warning"}
    assert told(found, "2 sequences of 2 subjects; CK+ has 593 of 123")
    assert len(found.problems) == 1


def test_landmarks_are_joined_by_the_number_in_their_name(root: Path) -> None:
    folder = root / "Landmarks" / "S005" / "001"
    (folder / "S005_001_00000002_landmarks.txt").unlink()
    build.cut_line(folder / "S005_001_00000003_landmarks.txt", 7, "1.0")
    path = folder / "S005_001_00000004_landmarks.txt"
    path.write_text("\n".join(path.read_text("utf-8").splitlines()[:60]), "utf-8")
    found = scan(root)
    assert told(found, "no landmarks of frame 2", severity="warning")
    points, problems = found.recordings[0].landmarks.read()
    assert points.shape == (5, 68, 2)
    assert [bool(np.isnan(row).any()) for row in points] == [False, True, True, True, False]
    assert points[4, 0, 1] - points[0, 0, 1] == pytest.approx(4, abs=1e-3)
    assert [p.path.name[9:17] for p in problems] == ["00000003", "00000004"]
    assert "line 7: '1.0' is not x and y" in str(problems[0])
    assert "holds 60 points, not 68" in str(problems[1])


def test_torn_facs_lines_leave_the_unlisted_unknown(root: Path) -> None:
    build.cut_line(root / FACS, 2, "   4.00000")
    build.cut_line(root / FACS, 4, "   1.7000000e+01   9.0000000e+00")
    found = scan(root)
    assert [p.line for p in told(found, FACS.name, severity="error")] == [2, 4]
    peak = dict(zip(AUS, found.recordings[0].states[4].tolist(), strict=True))
    assert peak[1] == State.VALUE
    assert peak[12] == State.PRESENT
    assert peak[2] == State.MISSING, "the torn line could have been about it"


def test_typos_of_the_readme(root: Path) -> None:
    """It writes 1.2e+00 where AU12 is meant, and S0005 for S005."""
    build.cut_line(root / FACS, 1, "   1.20000000e+00   3.0000000e+00")
    found = scan(root)
    assert told(found, FACS.name, "1.20000000e+00 is no AU number", severity="error")
    assert frame_key("S0005_001_00000011_facs") == ("S005", "001", 11)


def test_codes_without_their_image_or_before_the_last(root: Path) -> None:
    images = root / "cohn-kanade-images"
    (images / "S005" / "001" / "S005_001_00000005.png").unlink()
    build.save(images / "S010" / "002" / "S010_002_00000006.png", 6)
    found = scan(root)
    assert told(found, "codes frame 5, which has no image", severity="error")
    assert (found.recordings[0].states == State.MISSING).all()
    assert told(found, "codes frame 5; the last image is 6", severity="warning")
    assert found.recordings[1].values[4, 0] == 5


def test_codes_beyond_the_table_are_counted(root: Path) -> None:
    path = root / FACS
    path.write_text(path.read_text("utf-8") + "   6.1000000e+01   0.0000000e+00\n", "utf-8")
    assert told(scan(root), "AU61, coded in 1 sequences, is not kept", severity="note")


def test_half_unpacked(root: Path) -> None:
    shutil.rmtree(root / "cohn-kanade-images" / "S005")
    (root / "FACS" / "S010" / "002" / "S010_002_00000005_facs.txt").unlink()
    (root / "cohn-kanade-images" / "S010" / "002" / "S010_002_00000003.png").unlink()
    (root / "Emotion_labels.zip").touch()
    found = scan(root)
    assert told(found, "sequence S005_001 has no images", severity="error")
    assert told(found, "no FACS file", severity="warning")
    assert told(found, "no image of frame 3", severity="warning")
    assert told(found, "still packed: Emotion_labels.zip", severity="warning")
    assert found.recordings[0].frames.tolist() == [0, 1, 3, 4]


def test_strange_names_and_places(root: Path) -> None:
    folder = root / "cohn-kanade-images" / "S005" / "001"
    shutil.copy(folder / "S005_001_00000001.png", folder / "S010_001_00000001.png")
    shutil.copy(folder / "S005_001_00000001.png", folder / "S005_001_1.png")
    shutil.copy(folder / "S005_001_00000001.png", folder / "copy.png")
    found = scan(root)
    assert told(found, "S010_001_00000001.png", "is in the folder of S005/001", severity="error")
    assert told(found, "frame 1 occurs twice", severity="error")
    assert told(found, "copy.png", "not used", severity="warning")


def test_bad_emotions_are_told(root: Path) -> None:
    path = root / "Emotion" / "S005" / "001" / "S005_001_00000005_emotion.txt"
    path.write_text("   9.0000000e+00\n", "utf-8")
    found = scan(root)
    assert told(found, "'9.0000000e+00' is no emotion from 0 to 7", severity="warning")


def test_facs_of_a_face_at_rest_is_empty(tmp_path: Path) -> None:
    found = read_facs(write(tmp_path / "x_facs.txt", "\n"))
    assert found.codes == {}
    assert found.faults == []


def test_wrong_roots(tmp_path: Path) -> None:
    with refused("dataset-invalid", "CK+", "cohn-kanade-images", "FACS"):
        scan(tmp_path)
