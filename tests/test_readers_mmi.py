"""MMI from a miniature folder in its layout, quirk by quirk."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from readers import build
from readers.build import unit
from readers.found import told
from readers.media import number_of, write
from refusals import refused

from aubench.data.records import Images, Reader, Recording, Scan, State
from aubench.data.video import read_frames
from aubench_plugins.mmi import MmiConfig
from aubench_plugins.mmi.parse import phases, read_coding
from aubench_plugins.mmi.reader import AUS, MmiReader

CODING = "\n".join(
    [
        unit("12", (1, 0), (4, 1), (6, 2), (9, 3), (11, 0)),
        unit("L2", (1, 0), (3, 2), (5, 0)),
        unit("2R", (1, 0), (7, 2), (8, 0)),
    ]
)


def scan(root: Path, **options) -> Scan:
    return MmiReader(MmiConfig(**options)).scan(root)


def states(recording: Recording, au: int) -> str:
    """One letter a frame: p(resent), a(bsent), . (nothing known)."""
    column = AUS.index(au)
    assert (recording.values[recording.states[:, column] == State.VALUE, column] == 0).all(), "there are no intensities"
    return "".join({State.VALUE: "a", State.MISSING: ".", State.PRESENT: "p"}[s] for s in recording.states[:, column])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    build.mmi(tmp_path, "1", "S001-001", coding=CODING)
    build.mmi(tmp_path, "12", "S002-004")
    return tmp_path


def test_phases_are_presence_not_intensity(root: Path) -> None:
    found = scan(root)
    assert isinstance(MmiReader(MmiConfig()), Reader)
    assert [(each.sequence, each.subject) for each in found.recordings] == [("1", "S001"), ("12", "S002")]
    first = found.recordings[0]
    assert states(first, 12) == "aaapppppppaa", "onset, apex and offset from frame 4 of the file on, neutral from 11"
    assert states(first, 25) == "............", "AUs that are not mentioned are not known"
    assert first.facts["emotion"] == "happy"
    assert first.facts["fps"] == 24
    assert not told(found, severity="error")


def test_numbers_with_letters_are_one_side_of_the_face(root: Path) -> None:
    assert states(scan(root).recordings[0], 2) == "aappaapaaaaa", "present where it is on either side"


def test_markers_may_be_counted_from_0_and_the_unlisted_called_absent(root: Path) -> None:
    first = scan(root, first_marker=0, unlisted="absent").recordings[0]
    assert states(first, 12) == ".aaapppppppa", "nothing is said of frame 0"
    assert states(first, 25) == "aaaaaaaaaaaa"


def test_markers_beyond_the_video_are_told_and_the_others_kept(tmp_path: Path) -> None:
    build.mmi(tmp_path, "1", "S001-001", coding=unit("12", (1, 0), (4, 1), (40, 0)))
    found = scan(tmp_path)
    assert told(found, "AU12 has markers at frame 40 of 12", severity="error")
    assert states(found.recordings[0], 12) == "aaappppppppp"


def test_sideways_videos_are_turned_clockwise(root: Path) -> None:
    found = scan(root)
    assert [each.media.turns for each in found.recordings] == [0, 1], "frontal, no AU coding: by the rule it lies"
    assert told(found, "rotated by 90 degrees", "the videos of sessions 12.", severity="warning")
    assert [each.media.turns for each in scan(root, sideways="never").recordings] == [0, 0]
    assert [each.media.turns for each in scan(root, upright=(12,), turned=("1",)).recordings] == [1, 0]


def test_a_video_that_stands_already_is_not_turned(tmp_path: Path) -> None:
    folder = build.mmi(tmp_path, "12", "S002-004")
    build.video(folder / "S002-004.avi", list(range(12)), size=(72, 96))
    assert scan(tmp_path).recordings[0].media.turns == 0


def test_frames_are_those_of_the_file(root: Path) -> None:
    first = scan(root).recordings[0]
    assert first.frames.tolist() == list(range(12))
    assert [number_of(image) for _, image in read_frames(first.media.path, [0, 5, 11])] == [0, 5, 11]


def test_other_views_are_left_out(tmp_path: Path) -> None:
    build.mmi(tmp_path, "1", "S001-001", view="1")
    build.mmi(tmp_path, "2", "S001-002", view="2")
    found = scan(tmp_path)
    assert not found.recordings
    assert told(found, "shows view 1; left out", severity="note")
    assert told(found, "frontal and a profile view at once", severity="note")
    assert [each.sequence for each in scan(tmp_path, dual=True).recordings] == ["2"]


def test_an_avi_that_cannot_be_opened_gives_way_to_its_mp4(root: Path) -> None:
    folder = root / "Sessions" / "1"
    shutil.copy(folder / "S001-001.avi", folder / "x")
    build.video(folder / "S001-001.mp4", list(range(12)))
    (folder / "S001-001.avi").write_bytes(b"RIFF\0\0\0\0AVI LIST, torn")
    found = scan(root)
    assert told(found, "S001-001.avi", "S001-001.mp4 is tried instead", severity="warning")
    assert found.recordings[0].media.path.suffix == ".mp4"
    assert states(found.recordings[0], 12) == "aaapppppppaa"
    (folder / "S001-001.mp4").unlink()
    found = scan(root)
    assert told(found, "S001-001.avi", "not a whole video", severity="error")
    assert [each.sequence for each in found.recordings] == ["12"]


def test_torn_xml_is_told_with_its_line_and_what_stands_before_it_is_kept(root: Path) -> None:
    path = root / "Sessions" / "1" / "S001-001-oao_aucs.xml"
    text = path.read_text("utf-8")
    path.write_text(text[: text.index('<ActionUnit Number="2R">') + 10], "utf-8")
    found = scan(root)
    error = told(found, "S001-001-oao_aucs.xml", severity="error")[0]
    assert error.line == 5
    assert states(found.recordings[0], 12) == "aaapppppppaa"


def test_odd_markers_and_numbers_are_told_with_their_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x-oao_aucs.xml",
        '<?xml version="1.0"?>\n<ActionUnitCoding>\n<ActionUnit Number="smile">\n<Marker Frame="1" Type="0"/>\n'
        '</ActionUnit>\n<ActionUnit Number="1">\n<Marker Frame="5" Type="0"/>\n<Marker Frame="3" Type="1"/>\n'
        '<Marker Frame="x" Type="1"/>\n'
        '<Marker Frame="6" Type="7"/>\n<Marker Frame="8" Type="1"/>\n</ActionUnit>\n</ActionUnitCoding>\n',
    )
    found = read_coding(path)
    assert found.markers == {(1, ""): [(5, 0), (8, 1)]}
    assert [line for line, _ in found.faults] == [3, 8, 9, 10]


def test_stretches_last_until_the_next_marker() -> None:
    assert list(phases([(0, 0), (3, 1), (3, 2), (9, 0)], 6)) == [(0, 3, 0), (3, 6, 2)]
    assert list(phases([(4, 1)], 6)) == [(4, 6, 1)]


def test_sessions_in_pages_and_one_id_twice(tmp_path: Path) -> None:
    build.mmi(tmp_path / "page1", "1", "S001-001")
    build.mmi(tmp_path / "page2", "2", "S001-002")
    build.mmi(tmp_path / "page2", "1", "S009-001")
    found = scan(tmp_path)
    assert [each.sequence for each in found.recordings] == ["1", "2"]
    assert told(found, "session 1 occurs twice", severity="error")
    assert [each.sequence for each in scan(tmp_path / "page1" / "Sessions").recordings] == ["1"]


def test_a_session_of_a_picture_is_unlabelled(tmp_path: Path) -> None:
    folder = build.mmi(tmp_path, "1", "S001-001")
    (folder / "S001-001.avi").unlink()
    build.save(folder / "S001-001.jpg", 3)
    found = scan(tmp_path).recordings[0]
    assert isinstance(found.media, Images)
    assert (found.states == State.MISSING).all()


def test_half_unpacked_and_unnamed(root: Path) -> None:
    (root / "Sessions" / "1" / "S001-001.avi").unlink()
    folder = root / "Sessions" / "12"
    (folder / "S002-004.avi").rename(folder / "clip.avi")
    (folder / "session.xml").unlink()
    (root / "Sessions.zip").touch()
    found = scan(root)
    assert told(found, "contains neither a video nor an image", severity="error")
    assert told(found, "session.xml", "does not exist", severity="warning")
    assert told(found, "clip.avi", "identifies the person", severity="warning")
    assert told(found, "Sessions.zip", "is not unpacked", severity="warning")
    assert found.recordings[0].subject == "session-12"
    assert np.array_equal(found.recordings[0].frames, np.arange(12))


def test_wrong_roots(tmp_path: Path) -> None:
    with refused("dataset-invalid", "MMI", "Sessions"):
        scan(tmp_path)
