"""Tables of other tools: each format's columns, frames and scale, and the traps in them, refused or counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from refusals import refused

from aubench.compare.importing import Imported, Options, read_source
from aubench.compare.video_matching import Place, find_place, places_of, read_places

PLACES = [Place("disfa", subject, "left") for subject in ("SN001", "SN002", "SN010")]
ONE = PLACES[:1]
OPENFACE = (
    "frame, face_id, timestamp, confidence, success, gaze_0_x, p_rx, p_ry, AU01_r, AU12_r, AU45_r, AU01_c, AU28_c\n"
)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def values(source: Imported, au: str) -> list[float | None]:
    return [None if np.isnan(v) else round(float(v), 4) for v in source.table[au]]


def test_openface(tmp_path: Path) -> None:
    rows = ["1, 0, 0.0, 0.98, 1, 0.1, -3.2, 0.4, 0.53, 1.20, 0.10, 1.00, 0.00",
            "2, 0, 0.1, 0.00, 0, 0.0, 0.0, 0.0, 0.00, 0.00, 0.00, 0.00, 0.00",
            "3, 0, 0.2, 0.40, 1, 0.0, 0.0, 0.0, 2.00, 2.00, 0.00, 0.00, 0.00",
            "3, 1, 0.2, 0.90, 1, 0.0, 0.0, 0.0, 3.00, 1.00, 0.00, 0.00, 0.00"]  # fmt: skip
    path = write(tmp_path / "LeftVideoSN002_comp.csv", OPENFACE + "\n".join(rows) + "\n")
    source = read_source(path, PLACES)
    assert (source.form.name, source.scale) == ("openface", "intensity")
    assert source.table["frame"].tolist() == [0, 1, 2], "OpenFace counts from 1"
    assert set(source.table["subject"]) == {"SN002"}
    assert [c for c in source.table if c.startswith("AU")] == ["AU01", "AU12", "AU45"], "no p_rx, no presence"
    assert values(source, "AU01") == [0.53, None, 3.0], "a failed row is no zero, and the surer of two faces is kept"
    assert source.table["valid"].tolist() == [True, False, True]
    assert any(note.startswith("1 rows of further faces") for note in source.notes)
    assert any(note.startswith("1 rows without a face") for note in source.notes)
    moved = read_source(path, PLACES, Options(offset=4))
    assert moved.table["frame"].tolist() == [5, 6, 7]


def test_pyfeat(tmp_path: Path) -> None:
    text = (
        "frame,FaceRectX,FaceRectWidth,FaceRectHeight,FaceScore,AU01,AU12,input,approx_time\n"
        "0,1,10,10,0.9,0.25,0.5,/videos/SN001.mp4,00:00\n"
        "0,1,30,30,0.9,0.75,0.5,/videos/SN001.mp4,00:00\n"
        "0,1,9,9,0.9,0.10,1.0,/videos/SN010.mp4,00:00\n"
        "5,,,,,,,/videos/SN010.mp4,00:00\n"
        "5,1,9,9,0.9,0.10,1.0,/videos/SN099.mp4,00:00\n"
    )
    source = read_source(write(tmp_path / "fex.csv", text), PLACES)
    assert (source.form.name, source.scale) == ("pyfeat", "probability")
    assert list(zip(source.table["subject"], source.table["frame"], strict=True)) == [
        ("SN001", 0), ("SN010", 0), ("SN010", 5),
    ]  # fmt: skip
    assert values(source, "AU01") == [0.75, 0.1, None], "the larger face; no reading without a face"


def test_libreface(tmp_path: Path) -> None:
    header = "frame_idx,frame_time_in_ms,pitch,au_1,au_2,au_1_intensity,au_12_intensity\n"
    text = header + "0,0,1,0,1,0.5,5.25\n1,0.05,1,0,1,-0.1,2\n"
    source = read_source(write(tmp_path / "any.csv", text), ONE)
    assert (source.form.name, source.scale) == ("libreface", "intensity")
    assert values(source, "AU01") == [0.5, 0.0]
    assert values(source, "AU12") == [5.0, 2.0]
    assert "2 values clipped to 0..5" in source.notes


def test_facereader(tmp_path: Path) -> None:
    text = (
        "Video analysis detailed log\n\nFace Model:\tGeneral\n"
        "Video Time\tNeutral\tAction Unit 01 - Inner Brow Raiser\tAction Unit 18 - Lip Puckerer\t"
        "Action Unit 12 - Lip Corner Puller - Left\n"
        "00:00:00.000\t0,9\t0,125\t0,5\t1\n00:00:00.040\tFIND_FAILED\tFIND_FAILED\tFIND_FAILED\tFIND_FAILED\n"
    )
    path = tmp_path / "log.txt"
    path.write_text(text, "utf-16")
    source = read_source(path, ONE)
    assert (source.form.name, source.scale) == ("facereader", "probability")
    assert values(source, "AU01") == [0.125, None]
    assert source.table["frame"].tolist() == [0, 1]
    assert "AU12" not in source.table, "one side is not the action unit"


def test_imotions(tmp_path: Path) -> None:
    header = "#Version : 6\n#Study\nFrameNo\tTimestamp\tAU1 Evidence\tAU12 Evidence\n"
    facet = header + "0\t0\t-1.5\t2\n\t5\t\t\n1\t33\t0.5\t-7\n"
    source = read_source(write(tmp_path / "facet.txt", facet), ONE)
    assert (source.form.name, source.scale) == ("imotions", "evidence")
    assert values(source, "AU12") == [2.0, -7.0]
    assert "1 rows of other sensors left out" in source.notes
    affdex = "FrameNo,Brow Furrow,Cheek Raise,innerBrowRaise,Smile\n0,50,0,25,100\n"
    source = read_source(write(tmp_path / "affdex.csv", affdex), ONE)
    assert (source.form.name, source.scale, values(source, "AU04")) == ("affdex", "probability", [0.5])


def test_generic_with_our_keys(tmp_path: Path) -> None:
    text = "dataset,Subject,sequence,frame,AU1,au_12,valid\ndisfa,SN001,left,7,2.5,0,1\ndisfa,SN001,left,8,1,1,0\n"
    source = read_source(write(tmp_path / "own.csv", text), PLACES)
    assert (source.form.name, source.table["frame"].tolist()) == ("generic", [7, 8])
    assert values(source, "AU12") == [0.0, None]
    semicolons = text.replace(",", ";").replace("2.5", "2,5")
    assert values(read_source(write(tmp_path / "locale.csv", semicolons), PLACES), "AU01") == [2.5, None]


def test_a_folder_of_one_tool(tmp_path: Path) -> None:
    for name in ("SN001.csv", "video_SN010_left.csv", "SN077.csv"):
        write(tmp_path / "of" / name, OPENFACE + "1,0,0,1,1,0,0,0,0.5,1.5,0,0,0\n")
    source = read_source(tmp_path / "of", PLACES)
    assert source.table["subject"].tolist() == ["SN001", "SN010"]
    assert any("1 files of no subject" in note and "SN077" in note for note in source.notes)
    write(tmp_path / "of" / "z_SN002.csv", "frame_idx,au_1_intensity\n0,1\n")
    with refused("table-invalid", "z_SN002.csv", "libreface", "openface"):
        read_source(tmp_path / "of", PLACES)


@pytest.mark.parametrize(
    ("text", "code", "values"),
    [
        ("", "file-empty", []),
        ("a,b\n1,2\n", "table-invalid", ["'a,b'"]),
        (OPENFACE, "table-invalid", []),
        (OPENFACE + "1,0,0,1,1,0,0,0,soon,1.5,0,0,0\n", "table-invalid", ["line 2: AU01_r", "'soon'"]),
        (OPENFACE + "1,0,0,1,1,0,0,0,inf,1.5,0,0,0\n", "table-invalid", ["line 2: AU01_r", "'inf'"]),
        (OPENFACE + "1,0,0,1,1,0,0,0,53,1.5,0,0,0\n", "table-invalid", ["line 2: AU01_r", "'53'", "0..5"]),
        (OPENFACE + "1,0,0,1,1,0,0,0,-1,1.5,0,0,0\n", "table-invalid", ["line 2: AU01_r", "'-1'", "0..5"]),
        (OPENFACE + "0,0,0,1,1,0,0,0,1,1.5,0,0,0\n", "table-invalid", ["line 2: frame", "'0'", "--frame-offset"]),
        (OPENFACE + "1.5,0,0,1,1,0,0,0,1,1.5,0,0,0\n", "table-invalid", ["line 2: frame", "'1.5'"]),
        (OPENFACE + "1,0,0,1,1,0,0,0,1\n", "table-invalid", ["line 2", "9", "13"]),
        ("frame,success,AU01_r,AU01_r\n1,1,0,0\n", "table-invalid", ["'AU01_r'"]),
        ("frame,AU01\n0,0.5\n1,0.9\n", "option-missing", ["--scale NAME=probability", "--scale NAME=intensity"]),
        ("frame,AU01\n0,0.5\n0,2\n", "table-invalid", ["line 3"]),
        ("frame,AU01,FaceScore\n0,1.5,1\n", "table-invalid", ["line 2: AU01", "'1.5'", "--scale NAME=intensity"]),
    ],
)
def test_what_cannot_be_mended_is_refused_with_its_line(
    tmp_path: Path, text: str, code: str, values: list[str]
) -> None:
    path = write(tmp_path / "SN001.csv", text)
    with refused(code, path, *values) as caught:
        read_source(path, ONE)
    assert "\n" not in str(caught.value)


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with refused("file-missing", "nothing.csv"):
        read_source(tmp_path / "nothing.csv", ONE)
    with refused("file-empty", tmp_path, ".csv"):
        read_source(tmp_path, ONE)
    stranger = write(tmp_path / "someone.csv", OPENFACE + "1,0,0,1,1,0,0,0,0.5,1.5,0,0,0\n")
    with refused("table-mismatch", "someone.csv", "--places FILE"):
        read_source(stranger, PLACES)
    with refused("option-invalid", "'openfase'", "openface"):
        read_source(stranger, ONE, Options(format="openfase"))


def test_videos_are_found_by_their_names() -> None:
    several = [Place("synth", s, q) for s in ("S1", "S10") for q in ("1", "2")]
    assert find_place("out/S10_2.csv", several) == ("synth", "S10", "2")
    assert find_place("S1/2.mp4", several) == ("synth", "S1", "2")
    assert find_place("S7_1.csv", several) is None
    with refused("name-ambiguous", "S1.csv", "--places FILE"):
        find_place("S1.csv", several)
    assert find_place("C:\\videos\\LeftVideoSN010_comp.avi", PLACES) == PLACES[2]


def test_videos_are_found_by_a_table(tmp_path: Path) -> None:
    known = read_places(write(tmp_path / "p.csv", "file,subject,sequence\na.mp4,SN002,left\n"), PLACES)
    assert find_place("x/a.csv", PLACES, known) == PLACES[1]
    assert find_place("x/b.csv", PLACES, known) is None
    with refused("table-mismatch", "q.csv, line 2", "SN003/left"):
        read_places(write(tmp_path / "q.csv", "file,subject,sequence\na.mp4,SN003,left\n"), PLACES)


def test_places_of_a_truth() -> None:
    truth = pd.DataFrame({"dataset": "d", "subject": ["a", "a", "b"], "sequence": "s", "frame": [0, 1, 0]})
    assert places_of(truth) == [Place("d", "a", "s"), Place("d", "b", "s")]
