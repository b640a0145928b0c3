"""Tables of predictions and of truth, in every dialect that is imported, and what lies beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from fuzzing import fuzzed, read_by
from hypothesis import strategies as st
from mutation import NASTY_CELLS, any_damage, changed, junk

from aubench.compare.formats import FORMATS
from aubench.compare.importing import Options, read_source
from aubench.compare.video_matching import Place, places_of, read_places
from aubench.data.openface import read_landmarks
from aubench.parameters import AU_NAMES
from aubench.predict import record
from aubench.results import au_columns, read_predictions, read_truth

PLACES = [Place("disfa", "SN001", "left"), Place("disfa", "SN002", "left"), Place("disfa", "SN002", "right")]
OPENFACE = (
    "frame, face_id, timestamp, confidence, success, gaze_0_x, p_rx, AU01_r, AU12_r, AU45_r, AU01_c\n"
    "1, 0, 0.0, 0.98, 1, 0.1, -3.2, 0.53, 1.20, 0.10, 1.00\n2, 0, 0.1, 0.00, 0, 0.0, 0.0, 0.00, 0.00, 0.00, 0.00\n"
    "3, 0, 0.2, 0.40, 1, 0.0, 0.0, 2.00, 2.00, 0.00, 0.00\n3, 1, 0.2, 0.90, 1, 0.0, 0.0, 3.00, 1.00, 0.00, 0.00\n"
)
_CELLS = [",".join(f"{(row + column) % 5}.25" for column in range(len(AU_NAMES))) for row in range(1, 5)]
OURS = (
    f"frame,face_id,timestamp,confidence,success,pose_yaw,pose_pitch,{','.join(f'{name}_r' for name in AU_NAMES)}\n"
    + "".join(f"{i},0,{i / 25:.3f},0.99,1,1.5,-2.5,{cells}\n" for i, cells in enumerate(_CELLS, 1))
    + f"5,-1,0.200,0.000,0,,,{',' * (len(AU_NAMES) - 1)}\n"
)
PREDICTIONS = (
    "dataset,subject,sequence,frame,AU01,AU04,AU30L,pose_yaw,pose_pitch,valid\n"
    "disfa,SN001,left,0,0.5,5,1,1.5,,1\ndisfa,SN001,left,1,,0,2.5,,,0\ndisfa,SN002,right,7,1e-3,0.1,3,0,0,true\n"
)
DIALECTS = {
    "openface": OPENFACE,
    "ours": OURS,
    "pyfeat": "frame,FaceRectX,FaceRectWidth,FaceRectHeight,FaceScore,AU01,AU12,input,approx_time\n"
    "0,1,10,10,0.9,0.25,0.5,/videos/SN001.mp4,00:00\n0,1,30,30,0.9,0.75,0.5,/videos/SN002_left.mp4,00:00\n"
    "5,,,,,,,/videos/SN002_right.mp4,00:00\n",
    "libreface": "frame_idx,frame_time_in_ms,pitch,au_1,au_2,au_1_intensity,au_12_intensity\n"
    "0,0,1,0,1,0.5,5.25\n1,0.05,1,0,1,-0.1,2\n",
    "facereader": "Video analysis detailed log\n\nFace Model:\tGeneral\nFrame rate:\t25\n\n"
    "Video Time\tAction Unit 01 - Inner Brow Raiser\tAction Unit 12 - Lip Corner Puller\n"
    "00:00:00.000\t0,25\t0,5\n00:00:00.040\tFIND_FAILED\tFIND_FAILED\n",
    "imotions": "#INFO\n#Respondent,x\nRow,Timestamp,FrameNo,AU1 Evidence,AU12 Evidence\n"
    "1,0,1,-1.5,2.25\n2,10,,,\n3,40,2,0.5,4\n",
    "affdex": "Row,FrameIndex,Inner Brow Raise,Smile,Jaw Drop,Brow Furrow\n1,0,10,100,0.5,0\n2,1,,,,\n3,2,0,1,2,99.9\n",
    "generic": "subject,sequence,frame,AU1,AU12,success\n"
    "SN001,left,0,0.5,5,1\nSN002,left,1,1.5,0,1\nSN002,right,1,2.5,0,0\n",
    "predictions": PREDICTIONS,
}
_LANDMARKS = "frame,confidence,success," + ",".join(f"{axis}_{i}" for axis in "xy" for i in range(68)) + "\n" + "".join(
    f"{frame},0.98,1," + ",".join(str(10 + i) for i in range(136)) + "\n" for frame in (1, 2, 3)
)  # fmt: skip
_BYTES = [text.encode() for text in DIALECTS.values()]
_BOMBS = [
    b"," * 300_000, b"AU01," * 60_000, b"frame," + b"AU01_r," * 20_000 + b"success\n", b'"' * 200_000,
    b'frame,AU01_r,success\n"' + b"x" * 300_000,
    OPENFACE.encode() + b"4, 0, 0.3, 0.9, 1, 0, 0, 1, 1, 1, 1\n" * 30_000, b"\xff\xfe" + OPENFACE.encode("utf-16-le"),
    b"\xff\xfe\0", b"\xfe\xff",
    PREDICTIONS.encode() + b"disfa,SN001,left,999999999999999999,1,1,1,,,1\n",
]  # fmt: skip
_NAMES = ("SN001.csv", "SN002_left.csv", "x.csv", "clip.tsv", "SN002_12.txt", "9" * 200 + ".csv")
_OPTIONS = st.builds(
    Options,
    format=st.one_of(st.none(), st.none(), st.sampled_from([form.name for form in FORMATS])),
    scale=st.sampled_from((None, None, "intensity", "probability", "evidence")),
    offset=st.sampled_from((None, None, None, 0, -1, 5, -(10**18), 10**18, 10**25)),
)


@fuzzed(
    st.tuples(
        st.one_of(any_damage(_BYTES), any_damage(_BYTES), junk()), st.sampled_from(_NAMES), _OPTIONS, st.booleans()
    ),
    examples=150,
)
def test_predictions(given: tuple[bytes, str, Options, bool], folder: Path) -> None:
    _read(*given, folder)


@fuzzed(st.tuples(st.sampled_from(_BOMBS), st.just("SN001.csv"), st.just(Options()), st.booleans()), examples=10)
def test_pathological_predictions(given: tuple[bytes, str, Options, bool], folder: Path) -> None:
    _read(*given, folder)


def _read(data: bytes, name: str, options: Options, one: bool, folder: Path) -> None:
    path = folder / name
    path.write_bytes(data)
    places = PLACES[:1] if one else PLACES

    def imported(where: Path) -> None:
        source = read_source(where, places, options)
        _plausible(source.table, {"intensity": 5.0, "probability": 1.0, "evidence": np.inf}[source.scale])

    record.processing_of(path)
    read_by(
        lambda: imported(path), lambda: imported(folder), lambda: _plausible(read_predictions(path)),
        lambda: _plausible(read_truth(path)),
        lambda: read_places(path, places),
    )  # fmt: skip


def _plausible(table: pd.DataFrame, most: float = 5.0) -> None:
    """No number that was not read as one: none infinite, none off the scale, no negative frame."""
    values = table[au_columns(table)].to_numpy(np.float64)
    assert not np.isinf(values).any()
    assert not (values > most).any(), np.nanmax(values)
    assert most == np.inf or not (values < 0).any(), np.nanmin(values)
    assert (table["frame"] >= 0).all(), table["frame"].min()
    assert not table.duplicated(["dataset", "subject", "sequence", "frame"]).any()
    assert places_of(table)


_PLACES_TABLE = b"file,subject,sequence,dataset\nx.csv,SN001,left,disfa\ny.csv,SN002,right,disfa\n"


@fuzzed(any_damage([_PLACES_TABLE]), examples=25)
def test_tables_of_places(data: bytes, folder: Path) -> None:
    path = folder / "places.csv"
    path.write_bytes(data)
    assert all(place in PLACES for place in read_places(path, PLACES).values())


@fuzzed(st.one_of(any_damage([_LANDMARKS.encode()]), junk()), examples=25)
def test_openface_landmarks(data: bytes, folder: Path) -> None:
    path = folder / "clip.csv"
    path.write_bytes(data)
    points, _ = read_landmarks(path, np.arange(3))
    assert points.shape == (3, 68, 2)
    assert not np.isinf(points).any()


_SIDECAR = {
    "aubench": "0.1.0",
    "processing": "raw",
    "source": "x.mp4",
    "model": "shipped",
    "smoothing": None,
    "neutral": {"frames": 3},
    "partial": False,
}
_CELL = st.sampled_from(NASTY_CELLS[:40])


@fuzzed(
    st.one_of(
        changed(_SIDECAR).map(lambda tree: json.dumps(tree).encode()),
        any_damage([json.dumps(_SIDECAR).encode()]),
        _CELL.map(lambda c: f'{{"processing": "{c}"}}'.encode()),
        st.sampled_from((b"[" * 5000, b"[]", b"null")),
    ),
    examples=25,
)
def test_records_beside_tables(data: bytes, folder: Path) -> None:
    path = folder / "SN001.csv"
    path.write_text(OURS, "utf-8")
    record.beside(path).write_bytes(data)
    record.processing_of(path)
    _plausible(read_source(path, PLACES[:1]).table)
