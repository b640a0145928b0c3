"""Every data set from its original folder to a comparison: check, prepare, a few steps of training, compare."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from readers import build
from readers.media import STEP, picture
from refusals import refused
from small_video import write_video

from aubench import discovery
from aubench.data.check import check
from aubench.data.dataset import PreparedDataset
from aubench.data.labels import open_labels
from aubench.data.making import Making
from aubench.data.prepare import prepare
from aubench.data.records import State, Video
from aubench_plugins.baselines import RidgeConfig
from aubench_training.config import check as check_config
from aubench_training.trainer import train

SIZE = 16


def _disfa(root: Path) -> Path:
    return build.disfa(root, ("SN001", "SN003"), frames=8, cameras=("left",))


def _disfaplus(root: Path) -> Path:
    root = build.disfaplus(root)
    for folder in root.glob("Images/*/*"):
        build.sidecar(folder.with_name(f"{folder.name}.csv"), 6)
    return root


def _bp4d(root: Path) -> Path:
    root = build.bp4d(root, ("F001", "F002"), ("T1",))
    build.bp4d_points(root, "F001", "T1", range(6, 14), structure=True)
    build.sidecar(root / "Sequences(2D+3D)" / "F002" / "T1.csv", 8)
    return root


def _ckplus(root: Path) -> Path:
    return build.ckplus(root)


def _mmi(root: Path) -> Path:
    for session, name in (("1", "S001-001"), ("2", "S002-001")):
        folder = build.mmi(root, session, name, coding=build.unit("12", (1, 0), (4, 1), (6, 2), (9, 3), (11, 0)))
        build.sidecar(folder / f"{name}.csv", 12)
    return root


def _facewarehouse(root: Path) -> Path:
    root = build.facewarehouse(root)
    for home in root.iterdir():
        build.sidecar(home / "TrainingPose.csv", 4)
    return root


def _folder(root: Path) -> Path:
    root = build.folder(root)
    build.sidecar(root / "alice" / "clip.csv", 5)
    build.sidecar(root / "alice" / "smile.csv", 5)
    build.sidecar(root / "bob.csv", 5)
    (root / "labels.csv").write_text("file,frame,AU12\nbob,1,2.5\nbob,2,3\nbob,3,0\nalice/smile,1,1\n", "utf-8")
    return root


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "disfa": _disfa, "disfaplus": _disfaplus, "bp4d": _bp4d, "ckplus": _ckplus, "mmi": _mmi,
    "facewarehouse": _facewarehouse, "folder": _folder,
}  # fmt: skip
SPLITS = {"ckplus": "random:0:0.5", "folder": "random:1:0.5"}
ROWS = {"disfa": 16, "disfaplus": 24, "bp4d": 12, "ckplus": 10, "mmi": 24, "facewarehouse": 8, "folder": 15}

SCORED = ("disfa", "disfaplus", "bp4d", "ckplus", "mmi", "folder")
"""The miniatures of which some test frame has the intensity of some AU."""
TINY = {
    "recipe": "tiny",
    **{kind: {"name": "tiny"} for kind in ("extractor", "regressor", "renderer", "engine", "recogniser")},
    "additions": {},
    "loopback": {"steps": 0, "batch": 4, "sampled_batch": 8, "learning_rate": 0.001},
    "checkpoint_every": 10,
    "precision": "fp32",
    "device": "cpu",
    "baselines": [],
}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The original folders, prepared in a cache of this module's own."""
    top = tmp_path_factory.mktemp("original")
    found = {name: make(top / name) for name, make in BUILDERS.items()}
    for name, root in found.items():
        dataset = _build(name)
        checked = check(dataset.reader, root)
        assert not [str(problem) for problem in checked.problems if problem.severity == "error"]
        prepare(dataset.reader, root, top / "stores", Making(SIZE, "auto", "raw"), workers=1, scan=checked)
    return found | {"": top / "stores"}


def _build(name: str, **config: object) -> PreparedDataset:
    made = discovery.build("dataset", name, config)
    assert isinstance(made, PreparedDataset)
    return made


def _options(name: str, roots: dict[str, Path]) -> dict[str, object]:
    split = {"split": SPLITS[name]} if name in SPLITS else {}
    return {"size": SIZE, "store": str(roots[""]), "root": str(roots[name]), **split}


def numbers(images: np.ndarray) -> list[int]:
    """The numbers that aligned crops show before their faces."""
    corners = np.asarray(images)[:, :2, :2].astype(float).mean(axis=(1, 2, 3))
    return [round((corner - 20) / STEP) for corner in corners]


@pytest.mark.parametrize("name", BUILDERS)
def test_every_frame_is_there_with_a_source_of_its_points(name: str, roots: dict[str, Path]) -> None:
    dataset = _build(name, **_options(name, roots))
    report = dataset.report()
    assert report["frames"] == ROWS[name]
    assert report["lost_frames"] == 0
    assert "detector" not in report["points_from"], "landmarks or a CSV are at hand"
    assert len(dataset.frames("train")) + len(dataset.frames("test")) == ROWS[name]


def test_labels_stay_with_their_frames_through_the_store(roots: dict[str, Path]) -> None:
    disfa = _build("disfa", **_options("disfa", roots))
    frames, labels = disfa.frames("test"), open_labels(disfa, "test")
    assert set(frames.subject.tolist()) == {"SN003"}
    assert numbers(frames.images) == [frame + 3 for frame in frames.frame.tolist()]
    assert labels.tolist() == [[build.intensity(frame, au) for au in build.DISFA_AUS] for frame in range(8)]

    bp4d = _build("bp4d", **_options("bp4d", roots))
    for split, subject in (("train", "F001"), ("test", "F002")):
        frames, labels = bp4d.frames(split), open_labels(bp4d, split)
        assert set(frames.subject.tolist()) == {subject}
        assert numbers(frames.images) == [frame + 1 for frame in frames.frame.tolist()] == list(range(8, 14))
        assert labels.tolist() == [[build.intensity(frame, au) for au in build.BP4D_AUS] for frame in range(7, 13)]


def test_present_without_intensity_stays_what_it_is(roots: dict[str, Path]) -> None:
    for name, au, count in (("ckplus", "AU12", 1), ("mmi", "AU12", 14)):
        dataset = _build(name, **_options(name, roots))
        split = "test" if name == "ckplus" else "train"
        column = dataset.aus.index(au)
        states, labels = dataset.read_states(split)[:, column], open_labels(dataset, split)[:, column]
        assert (states == State.PRESENT).sum() == count
        assert np.isnan(labels[states == State.PRESENT]).all(), "no intensity is made up"


@pytest.fixture
def _tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("AUBENCH_PLUGINS", "tiny_parts")
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(RidgeConfig.model_fields["samples"], "default", 20)
    RidgeConfig.model_rebuild(force=True)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")])))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    discovery.forget()
    yield
    monkeypatch.undo()
    RidgeConfig.model_rebuild(force=True)
    discovery.forget()
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize("name", BUILDERS)
def test_evaluate_with_baselines(name: str, roots: dict[str, Path], tmp_path: Path, capsys) -> None:
    """One step on each data set by itself, then scores beside constants, ridge (AUs that no engine draws are coded in
    CK+ and MMI) and a supervised baseline."""
    half = {"split": "random:0:0.5"} if name == "mmi" else {}  # by default everybody trains
    config = check_config(
        {
            **TINY,
            "datasets": [{"name": name, "config": _options(name, roots) | half}],
            "losses": {"pr": 0.1},
            "sampled": {"count": 20, "held_out": 10},
            "label_free": {"steps": 1, "batch": 4, "sampled_batch": 4, "learning_rate": 0.001},
            "baselines": ["zero", "mean", "ridge", "supervised-features"],
        }
    )
    folder, _ = train(config, tmp_path / "run", tensorboard=False)
    report = json.loads((folder / "report.json").read_text("utf-8"))
    page = (folder / "report.md").read_text("utf-8")
    if name not in SCORED:
        assert report["datasets"] == {}
        assert "Nothing to evaluate on" in page
        return
    rows = report["rows"]
    assert {"zero (baseline)", "mean (baseline)", "ridge", "supervised-features"} <= set(rows)
    assert not any(rows[row].get("failed") for row in ("zero (baseline)", "mean (baseline)", "ridge"))
    aus = rows["ridge"]["datasets"][name]["aus"]
    assert set(aus) == set(report["datasets"][name]["aus"]), "every AU with labels has its line"
    if name == "ckplus":
        assert "AU11" in capsys.readouterr().err, "what is never predicted is said"
        failed = rows["supervised-features"]["failed"][name]
        assert failed in page


@pytest.mark.usefixtures("_tiny")
def test_train_on_all_of_them_and_compare(roots: dict[str, Path], tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from aubench.cli import app

    config = check_config(
        {
            **TINY,
            "datasets": [{"name": name, "config": _options(name, roots)} for name in BUILDERS],
            "losses": {"ct": 1.0, "id": 0.1, "lp": 0.1, "pr": 0.1, "adv": 0.1},
            "sampled": {"count": 20, "held_out": 10},
            "label_free": {"steps": 6, "batch": 8, "sampled_batch": 8, "learning_rate": 0.001},
        }
    )
    folder, _ = train(config, tmp_path / "run", tensorboard=False)
    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert report["training"]["steps"] == 6
    assert {"disfa", "bp4d", "disfaplus"} <= set(report["datasets"])
    assert set(report["data"]) == set(BUILDERS), "all of them were trained on"

    arguments = ["compare", "--datasets", "disfa,bp4d", "--runs", str(folder), "--draws", "100"]
    answer = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "compared")])
    assert answer.exit_code == 0, answer.output
    compared = json.loads((tmp_path / "compared" / "comparison.json").read_text("utf-8"))
    assert set(compared["datasets"]) == {"disfa", "bp4d"}


def test_a_video_with_fewer_frames_than_labels(tmp_path: Path) -> None:
    root = build.disfa(tmp_path / "DISFA", ("SN001", "SN003"), frames=8, cameras=("left",))
    build.video(root / "Videos_LeftCamera" / "LeftVideoSN003_comp.avi", list(range(5)))
    reader = _build("disfa").reader
    told = [str(p) for p in check(reader, root).problems if p.severity == "error"]
    assert len(told) == 1
    assert "LeftVideoSN003_comp.avi" in told[0]
    assert "has 5 frames, but 3 more are labelled" in told[0]
    with refused("dataset-incomplete", "3 of 8", "SN003"):
        prepare(reader, root, tmp_path / "stores", Making(SIZE, "auto", "raw"), workers=1)
    store = prepare(reader, root, tmp_path / "stores", Making(SIZE, "auto", "raw"), workers=1, max_lost=1.0)
    assert [(card.subject, card.rows) for card in store.card.recordings] == [("SN001", 8), ("SN003", 5)]
    assert store.values([1]).tolist() == [[build.intensity(frame, au) for au in build.DISFA_AUS] for frame in range(5)]


def test_images_that_are_gone_or_torn_count_as_lost(tmp_path: Path) -> None:
    root = build.bp4d(tmp_path / "BP4D", ("F001",), ("T1",))
    build.bp4d_points(root, "F001", "T1", range(6, 14), structure=True)
    folder = root / "Sequences(2D+3D)" / "F001" / "T1"
    (folder / "0009.jpg").unlink()
    (folder / "0010.jpg").write_bytes((folder / "0010.jpg").read_bytes()[:400])
    (folder / "0011.jpg").write_bytes(b"")
    reader = _build("bp4d").reader
    told = [str(problem) for problem in check(reader, root).problems if problem.severity == "error"]
    assert [any(name in line for line in told) for name in ("0009.jpg", "0010.jpg", "0011.jpg")] == [True] * 3
    with refused("dataset-incomplete", "3 of 6", "F001_T1"):
        prepare(reader, root, tmp_path / "stores", Making(SIZE, "auto", "raw"), workers=1)
    store = prepare(reader, root, tmp_path / "stores", Making(SIZE, "auto", "raw"), workers=1, max_lost=1.0)
    assert store.values([0]).tolist() == [[build.intensity(n - 1, au) for au in build.BP4D_AUS] for n in (8, 12, 13)]


def test_sideways_videos_stand_upright_in_the_store(tmp_path: Path) -> None:
    folder = build.mmi(tmp_path, "7", "S001-001", frames=2)
    standing = picture(3, size=(72, 96))
    write_video(folder / "S001-001.avi", [np.ascontiguousarray(np.rot90(standing))] * 2)
    build.sidecar(folder / "S001-001.csv", 2, size=(72, 96))
    reader = _build("mmi").reader
    assert isinstance(scan := reader.scan(tmp_path).recordings[0].media, Video)
    assert scan.turns == 1
    store = prepare(reader, tmp_path, tmp_path / "stores", Making(64, "openface", "raw"), workers=1)
    crop = np.asarray(store.stack([0]))[0].astype(int)
    lips, chin = crop[round(0.73 * 64), 32], crop[round(0.73 * 64) + 8, 32]
    assert lips[0] - lips[1] > 70, "lips are where the template has them"
    assert chin[0] - chin[1] < 70
