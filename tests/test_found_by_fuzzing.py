"""What `tests/fuzz` found: one input for each, small enough to be read."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from readers import build
from refusals import refused
from run_folder import make_run

from aubench.arrays import save_array
from aubench.compare.importing import Options, read_source
from aubench.compare.runs import open_run
from aubench.compare.video_matching import Place
from aubench.data.making import Making
from aubench.data.openface import read_landmarks
from aubench.data.prepare import prepare
from aubench.data.ready import NOTE, read_note
from aubench.errors import code_of_errno
from aubench.predict import record
from aubench.predict.sources import _seconds
from aubench_plugins.bisenet.extractor import _view_of
from aubench_plugins.bp4d import Bp4dConfig
from aubench_plugins.bp4d.layout import read_occurrence
from aubench_plugins.bp4d.reader import Bp4dReader
from aubench_plugins.ckplus.parse import frame_key
from aubench_plugins.disfa import DisfaConfig
from aubench_plugins.disfa.reader import DisfaReader
from aubench_plugins.facewarehouse import FaceWarehouseConfig
from aubench_plugins.facewarehouse.reader import FaceWarehouseReader
from aubench_training.checkpoint import read_state
from aubench_training.runner.summary import REPORT, read_report, scores

DEEP = "[" * 100_000
TABLE = "Row,Inner Brow Raise,Smile,Jaw Drop\n1,10,100,0.5\n2,1,2,3\n"


def test_deeply_nested_json_is_no_record_and_no_report(tmp_path: Path) -> None:
    table = tmp_path / "clip.csv"
    table.write_text("frame\n1\n")
    record.beside(table).write_text(DEEP)
    assert record.processing_of(table) == ""
    (tmp_path / NOTE).write_text(DEEP)
    assert read_note(tmp_path) is None
    (tmp_path / REPORT).write_text(DEEP)
    with refused("file-damaged", REPORT):
        read_report(tmp_path)


@pytest.mark.parametrize("state", [DEEP, "[1]", '{"__items__": [1]}', '{"__items__": 3}', '{"__tensor__": "x"}'])
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, state: str) -> None:
    import torch

    from aubench import weights

    path = tmp_path / "step-00000001.safetensors"
    weights.save({"x": torch.ones(1)}, path, {"state": state} if state != '{"__tensor__": "x"}' else {"state": "1"})
    with refused("file-damaged", path.name):
        read_state(path)


@pytest.mark.parametrize("offset", [-1, -(10**18), 10**25, -(10**25)])
def test_an_offset_never_makes_negative_frames(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    with refused("option-invalid", offset):
        read_source(path, [Place("d", "s", "q")], Options(offset=offset))
    assert read_source(path, [Place("d", "s", "q")], Options(offset=3)).table["frame"].tolist() == [3, 4]


def test_the_number_in_a_name_may_be_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    path = tmp_path / f"{'9' * 200}.csv"
    path.write_text(TABLE.rpartition("2,1")[0])
    assert (read_source(path, [Place("d", "s", "q")]).table["frame"] >= 0).all()


def test_infinite_landmarks_of_openface_are_told(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    names = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    rows = [",".join(["1", *("1e400" if i == 5 else "3" for i in range(136))]), ",".join(["2", *["3"] * 136])]
    path.write_text("\n".join([",".join(["frame", *names]), *rows]) + "\n")
    points, problems = read_landmarks(path, np.arange(2))
    assert np.isnan(points[0]).all()
    assert np.isfinite(points[1]).all()
    assert [problem.line for problem in problems] == [2]


def test_a_video_is_not_shorter_than_nothing() -> None:
    stream = SimpleNamespace(duration=-36, time_base=0.04)
    assert _seconds(SimpleNamespace(duration=None, streams=[stream]), stream) is None


@pytest.mark.parametrize(
    "config", ["", "[]", "3", "null", DEEP, '{"view": 3}', '{"view": [0, 1]}', '{"view": [9, 1, 0, 1]}']
)
def test_somebody_elses_header_is_no_view(config: str) -> None:
    assert _view_of({"config": config}) is None
    assert _view_of({"config": '{"view": [0.1, 0.9, 0, 1]}'}) == (0.1, 0.9, 0.0, 1.0)


def test_an_array_on_a_full_disk_says_so(tmp_path: Path) -> None:
    """numpy.save raises an error without a number, so that nobody can tell a full disk from another fault."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    with pytest.raises(OSError, match="space") as caught:
        save_array(full, np.zeros(100_000))
    assert code_of_errno(caught.value.errno) == "disk-full"
    save_array(tmp_path / "a.npy", np.arange(3))
    assert np.load(tmp_path / "a.npy").tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "report", ["[]", "{}", '{"datasets": null}', '{"datasets": {"a": 1}, "rows": {}, "training": {}}']
)
def test_a_report_of_another_form_is_refused(tmp_path: Path, report: str) -> None:
    (tmp_path / REPORT).write_text(report)
    with refused("file-damaged", REPORT):
        scores(tmp_path)


@pytest.mark.parametrize("facts", ['{"tiny": null}', '{"tiny": [0]}', '{"tiny": {"frames_per_s": "x"}}'])
def test_facts_of_baselines_in_another_form_are_refused(tmp_path: Path, facts: str) -> None:
    folder = make_run(tmp_path / "run", 0.5)
    (folder / "baselines").mkdir()
    (folder / "baselines" / "about.json").write_text(facts)
    with refused("file-damaged", "about.json", "tiny"):
        open_run(folder).baseline_facts  # noqa: B018 - reading it is what is tried


def test_a_flipped_bit_in_prepared_labels_is_noticed(tmp_path: Path) -> None:
    root = build.disfa(tmp_path / "DISFA", ("SN001",), 3)
    store = prepare(DisfaReader(DisfaConfig()), root, tmp_path / "stores", Making(32, "auto", "jpeg"), workers=1)
    everything = np.array([0])
    assert store.values(everything).shape == (3, 12)
    for name in ("values", "states"):
        path = next(store.folder.rglob(f"{name}.aulabels.npy"))
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with refused("file-altered", path.name):
            getattr(store, name)(everything)
        path.write_bytes(whole)


@pytest.mark.parametrize("lines", ["-0,1\n8,2\n", "0,1\n8,2\n", "-5,1\n8,2\n"])
def test_bp4d_counts_its_frames_from_1(tmp_path: Path, lines: str) -> None:
    root = build.bp4d(tmp_path, ("F001",), ("T1",), frames=3)
    path = next(root.rglob("F001_T1_AU06.csv"))
    path.write_text(lines)
    scan = Bp4dReader(Bp4dConfig()).scan(root)
    assert [problem.line for problem in scan.problems if problem.path == path and problem.severity == "error"] == [1]
    assert scan.recordings[0].frames.min() >= 0
    table = next(root.rglob("F001_T1.csv"))
    table.write_text(table.read_text().replace("\n8,", "\n0,"))
    assert [fault[1] for fault in read_occurrence(table).faults] == ["frame 0: frames count from 1"]


def test_a_pose_and_a_frame_that_no_data_set_has_are_told(tmp_path: Path) -> None:
    root = build.facewarehouse(tmp_path / "FW", ("Tester_1",), 2)
    strange = root / "Tester_1" / "TrainingPose" / f"pose_{'9' * 30}.png"
    strange.write_bytes(next(strange.parent.glob("*.png")).read_bytes())
    scan = FaceWarehouseReader(FaceWarehouseConfig()).scan(root)
    assert [problem for problem in scan.problems if problem.path == strange]
    assert len(scan.recordings[0].frames) == 2
    assert frame_key("S005_001_00000000") is None
    assert frame_key("S005_001_00000011") == ("S005", "001", 11)
