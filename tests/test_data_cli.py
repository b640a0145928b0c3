"""`aubench data` and what training does with prepared data, through the command line, on the tests' own data set."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from refusals import assert_refused, refused
from test_training import TINY
from toy_data import write_take

from aubench import discovery
from aubench.cli import main
from aubench.cli.data.options import placed
from aubench.report.schema import Report


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")])))
    monkeypatch.setenv("AUBENCH_PLUGINS", "tiny_parts,toy_data")
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    discovery.forget()
    yield
    discovery.forget()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("A_1", "B_1", "C_1"):
        write_take(tmp_path / "root", name, 8, images=name == "C_1")
    return tmp_path / "root"


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_check_lists_all_problems_at_once_and_writes_nothing(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = told(capsys, "data", "check", "toy", root)
    assert code == 0
    assert "3 subjects, 3 recordings, 24 frames, 24 of them coded; 3 recordings with landmarks" in out
    (root / "A_1.txt").write_text((root / "A_1.txt").read_text() + "9,0,0\n10,0,0\n11;0\n")
    (root / "B_1.avi").write_bytes(b"")
    (root / "C_1" / "002.png").write_bytes((root / "C_1" / "002.png").read_bytes()[:-20])
    (root / "C_1" / "003.png").unlink()
    (root / "C_1" / "004.png").write_bytes(b"text")
    np.save(root / "C_1.npy", np.load(root / "C_1.npy")[:5])
    (root / "B_1.npy").write_bytes(b"torn")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    code, out, _ = told(capsys, "data", "check", "toy", root)
    assert code == 2
    for words in (
        "A_1.txt, line 11: torn line",
        "A_1.avi: has 8 frames, but 2 more are labelled, the last is frame 10",
        "B_1.avi: is empty",
        "002.png: is cut off",
        "003.png: is missing",
        "004.png: is no readable image",
        "warning: " + str(root / "C_1") + ": C_1: 3 of 8 frames have no landmarks",
        "B_1.npy",
        "7 errors, ",
    ):
        assert words in out, words
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    code, out, _ = told(capsys, "data", "check", "toy", root, "--json", "--no-landmarks")
    assert len(json.loads(out)["problems"]) == 6


def test_a_wrong_root_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = told(capsys, "data", "check", "toy", tmp_path / "nowhere")
    assert code == 2
    assert_refused(err, "file-missing", "nowhere")
    code, _, err = told(capsys, "data", "check", "toy", tmp_path)
    assert code == 2
    assert_refused(err, "dataset-invalid", "*.txt")
    code, _, err = told(capsys, "data", "prepare", "toy")
    assert code == 2
    assert_refused(err, "option-missing", "--root toy=DIR")
    code, _, err = told(capsys, "data", "prepare", "toy", "--root", "disfa=/x")
    assert code == 2
    assert_refused(err, "option-invalid", "--root disfa=/x")
    code, _, err = told(capsys, "data", "prepare", "tiny", "--root", f"tiny={tmp_path}")
    assert code == 2
    assert_refused(err, "plugin-unsupported", "'tiny'")
    code, _, err = told(capsys, "data", "verify")
    assert code == 2
    assert_refused(err, "dataset-not-prepared", "aubench data prepare")


def test_prepare_verify_list_show(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, "data", "prepare", "toy", "--root", root, "--size", 64, "--workers", 1)
    assert code == 0
    assert "toy: 24 frames of 3 subjects at 64 px" in out
    assert told(capsys, "data", "verify", "toy")[1].endswith("whole\n")
    assert "24 frames" in told(capsys, "data", "list")[1]
    code, out, _ = told(
        capsys, "data", "show", "toy", "--size", 64, "--out", "s.png", "--count", 7, "--columns", 4, "--side", 96
    )
    assert code == 0
    sheet = cv2.imread("s.png")
    assert sheet.shape == (2 * (96 + 26 + 6) + 6, 4 * 102 + 6, 3)
    code, _, err = told(capsys, "data", "show", "toy", "--size", 64, "--sequence", "X")
    assert code == 2
    assert_refused(err, "name-unknown", "--sequence X")
    blobs = next(tmp_path.glob("cache/datasets/*/B_1/crops.bin"))
    data = bytearray(blobs.read_bytes())
    data[100] ^= 1
    blobs.write_bytes(bytes(data))
    code, out, _ = told(capsys, "data", "verify")
    assert code == 2
    assert "frame 0 is corrupt" in out


def test_splits_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, "data", "splits", "disfa")
    assert code == 0
    assert "folds3-part2" in out
    assert "loso:SUBJECT" in out


def _recipe(tmp_path: Path) -> Path:
    phase = {"batch": 8, "sampled_batch": 16}
    short = {
        **TINY,
        "sampled": {"count": 64, "held_out": 16, "noise": 0.1},
        "loopback": {"steps": 2, "learning_rate": 0.003, **phase},
        "label_free": {"steps": 2, "learning_rate": 0.0003, **phase},
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(short))
    return path


def test_train_on_prepared_data_and_compare(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = [
        "train",
        "--recipe",
        _recipe(tmp_path),
        "--set",
        "datasets=[{name: toy, config: {size: 16, split: 'loso:B'}}]",
    ]
    code, _, err = told(capsys, *train, "--out", tmp_path / "runs" / "a")
    assert code == 2
    assert_refused(err, "dataset-not-prepared", "aubench data prepare toy")
    assert not (tmp_path / "runs" / "a").exists()
    assert main(["data", "prepare", "toy", "--root", str(root), "--size", "16", "--workers", "1"]) == 0
    code, _, err = told(capsys, *train, "--out", tmp_path / "runs" / "a")
    assert code == 0, err
    report = json.loads((tmp_path / "runs" / "a" / "report.json").read_text())
    split = report["data_sets"]["toy"]["split"]
    assert (split["train"], split["test"], len(split["sha256"])) == (["A", "C"], ["B"], 64)
    assert "leakage" not in report
    page = (tmp_path / "runs" / "a" / "report.md").read_text()
    assert split["sha256"] in page
    assert "loso:B" in page
    code, out, err = told(capsys, "compare", "--datasets", "toy", "--runs", tmp_path / "runs", "--out", tmp_path / "c")
    assert code == 0, err
    assert "toy" in out
    assert f"split loso:B ({split['sha256'][:12]})" in (tmp_path / "c" / "comparison.md").read_text()


def test_people_in_train_and_test_are_refused_unless_forced_and_then_marked(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("toy", "toyplus"):
        assert main(["data", "prepare", name, "--root", str(root), "--size", "16", "--workers", "1"]) == 0
    both = (
        "datasets=[{name: toy, config: {size: 16, split: train%s}}, {name: toyplus, config: {size: 16, split: test}}]"
    )
    train = ["train", "--recipe", _recipe(tmp_path), "--out", tmp_path / "run", "--set"]
    code, _, err = told(capsys, *train, both % "")
    assert code == 2
    assert_refused(err, "split-invalid", "toy:A", "toyplus", "--allow-leakage")
    code, out, err = told(capsys, *train, both % ", allow_leakage: true")
    assert code == 0, err
    assert "LEAKAGE: 3 people" in out
    page = (tmp_path / "run" / "report.md").read_text()
    assert "[!CAUTION]" in page
    assert "color:red" in page
    assert "toy:B: train of toy, test of toyplus" in page
    assert set(json.loads((tmp_path / "run" / "report.json").read_text())["datasets"]) == {"toyplus"}
    code, _, err = told(capsys, "compare", "--datasets", "toyplus", "--runs", tmp_path / "run", "--out", tmp_path / "c")
    assert code == 0, err
    assert "LEAKAGE: 3 of its test people" in (tmp_path / "c" / "comparison.md").read_text()


def test_where_nobody_tests_training_does_not_begin(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "prepare", "toy", "--root", str(root), "--size", "16", "--workers", "1"]) == 0
    only = "datasets=[{name: toy, config: {size: 16, split: train}}]"
    code, _, err = told(capsys, "train", "--recipe", _recipe(tmp_path), "--out", tmp_path / "run", "--set", only)
    assert code == 2
    assert_refused(err, "split-invalid", "toy", "--split")


def test_options_of_train_reach_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    report = Report()
    monkeypatch.setattr("aubench_training.trainer.train", lambda c, *a, **k: (seen.append(c), (tmp_path, report))[1])
    told_to = ["--datasets", "toy", "--root", "toy=/data/toy", "--split", "toy=loso:B", "--allow-leakage"]
    assert main(["train", "--recipe", str(_recipe(tmp_path)), *told_to]) == 0
    assert seen[0].datasets[0].name == "toy"
    assert seen[0].datasets[0].config == {"root": "/data/toy", "split": "loso:B", "allow_leakage": True}
    assert main(["train", "--recipe", str(_recipe(tmp_path)), "--root", "toy=/data/toy"]) == 2


def test_roots_and_splits_belong_to_data_sets_read_from_folders(root: Path) -> None:
    parts = [{"name": "toy", "config": {"size": 16}}, {"name": "tiny", "config": {}}]
    made = placed(["toy", "tiny"], parts, [f"toy={root}"], ["toy=loso:A"], store=Path("s"), allow_leakage=True)
    assert made == [
        {
            "name": "toy",
            "config": {"size": 16, "root": str(root), "split": "loso:A", "store": "s", "allow_leakage": True},
        },
        {"name": "tiny", "config": {}},
    ]
    with refused("plugin-unsupported", "tiny"):
        placed(["toy", "tiny"], parts, None, ["tiny=x"], store=None, allow_leakage=False)
