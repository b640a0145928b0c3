"""A folder of one's own, without labels and with all that lies about in folders, from `aubench train` to a model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from refusals import assert_refused, refused
from small_video import write_video
from test_training import TINY
from tiny_parts import SIDE
from toy_data import portrait, shift_of

from aubench import discovery
from aubench.cli import main
from aubench.compare.runs import open_run
from aubench.contracts import Frames
from aubench.data import automatic, fivepoints
from aubench.data.fivepoints import FivePoints
from aubench.data.frame_store import FrameStore
from aubench.data.ready import NOTE, listing, read_note
from aubench.data.records import Images, Recording, empty_labels
from aubench.predict.align import Canvas
from aubench_plugins.folder import FolderConfig
from aubench_plugins.folder.reader import FolderReader
from aubench_training.datasets import with_recipe
from aubench_training.evaluate import labelled, some_frames
from aubench_training.runner.summary import scores

BROKEN = ("bad.mp4", "empty.mov", "holiday/wall.avi", "photos/cut.jpg", "photos/fake.png", "photos/wall.png")
"""What is of no use in :func:`mine`."""


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("AUBENCH_PLUGINS", "tiny_parts")
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    discovery.forget()
    yield
    discovery.forget()
    torch.set_num_threads(threads)


def save(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1])
    return path


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Two videos and two photos with a face, seven files of no use, one of another kind."""
    root = tmp_path / "mine"
    wall = np.full((200, 240, 3), 120, np.uint8)
    (root / "holiday" / "2021").mkdir(parents=True)
    write_video(root / "holiday" / "2021" / "beach.mp4", [portrait(shift_of(i)) for i in range(4)])
    write_video(root / "dog.avi", [portrait(shift_of(i), 1) for i in range(2)])
    write_video(root / "holiday" / "wall.avi", [wall] * 3)
    jpeg = save(root / "me.jpg", portrait()).read_bytes()
    save(root / "photos" / "a.png", portrait((3, 2), 2))
    save(root / "photos" / "wall.png", wall)
    (root / "photos" / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 3])
    (root / "photos" / "fake.png").write_text("no picture")
    (root / "bad.mp4").write_bytes(b"not a video at all")
    (root / "empty.mov").touch()
    (root / "phone.heic").write_bytes(b"of another kind")
    return root


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Few steps; the folder's crops are as small as the networks."""
    few = {
        "datasets": [{"name": "tiny"}, {"name": "folder", "config": {"size": SIDE}}],
        "sampled": {"count": 16, "held_out": 8},
        "loopback": {"steps": 2, "batch": 1, "sampled_batch": 8, "learning_rate": 0.001},
        "label_free": {"steps": 2, "batch": 4, "sampled_batch": 4, "learning_rate": 0.001},
        "baselines": ["tiny"],
    }
    path = tmp_path / "few.yaml"
    path.write_text(yaml.safe_dump({**TINY, **few}))
    return path


def train(capsys: pytest.CaptureFixture[str], recipe: Path, datasets: str, *more: object) -> tuple[int, str, str]:
    out = ["--out", "run"] if "--out" not in more else []
    code = main(["train", "--recipe", str(recipe), "--datasets", datasets, *out, *map(str, more)])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_folder_beside_a_labelled_data_set(
    mine: Path, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = f"folder={mine}"
    code, out, err = train(capsys, recipe, "tiny,folder", "--root", root)
    assert code == 0, err
    assert out.startswith("tiny: mean ICC(3,1)")
    lines = err.splitlines()
    for name in BROKEN:
        told = [line for line in lines if line.startswith(f"{mine / name}: ")]
        assert len(told) == 1, name
        assert told[0].endswith("; skipped")
    assert any(f"{mine / 'holiday' / 'wall.avi'}: no face found (3 frames)" in line for line in lines)
    summary = next(line for line in lines if line.startswith("folder: 2 videos"))
    assert "2 videos, 2 photos, 8 frames" in summary
    assert "6 files skipped" in summary
    assert "1 other files skipped (.heic)" in summary

    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert set(report["datasets"]) == {"tiny"}, "only what has labels is scored"
    assert report["training_frames"] == {"tiny": 32, "folder": 8}
    known = report["data_sets"]["folder"]
    assert (known["videos"], known["photos"], known["frames"], known["skipped_files"]) == (2, 2, 8, 6)
    assert known["split"]["name"] == "train"
    assert "test" not in known["split"]
    assert set(pd.read_csv(tmp_path / "run" / "predictions.csv")["dataset"]) == {"tiny"}

    # Once: what is there is taken, whatever is run.
    monkeypatch.setattr(automatic, "prepare", None)
    again = ("--root", root, "--out", "again", "--set", "frames=3", "--baselines", "none")
    code, _, err = train(capsys, recipe, "tiny,folder", *again)
    assert code == 0, err
    assert "8 frames of" in err
    assert "prepared before; 6 files skipped" in err
    assert json.loads((tmp_path / "again" / "report.json").read_text())["training_frames"] == {"tiny": 3, "folder": 3}


def test_a_folder_alone(mine: Path, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = train(capsys, recipe, "folder", "--root", f"folder={mine}")
    assert code == 0, err
    assert "nothing to evaluate on" in out
    run = tmp_path / "run"
    report = json.loads((run / "report.json").read_text())
    assert (report["datasets"], report["rows"]) == ({}, {})
    assert report["training"]["steps"] == 4
    page = (run / "report.md").read_text()
    assert "## Nothing to evaluate on" in page
    assert "videos: 2" in page
    assert not {"predictions.csv", "truth.csv", "baselines"} & {path.name for path in run.iterdir()}
    faces = cv2.imread(str(run / "figure.png"))
    assert faces.shape == (2 * SIDE, 4 * SIDE, 3), "a face of each of four people, and what is drawn of it"
    assert scores(run)["icc31"] is None
    assert scores(run)["in_domain_icc31"] is not None

    assert main(["predict", str(mine / "me.jpg"), "--out", "me.csv", "--run", "run"]) == 0
    read = pd.read_csv(tmp_path / "me.csv", skipinitialspace=True)
    assert read["success"].tolist() == [1]
    assert read["AU12_r"].between(0, 5).all()
    with refused("labels-missing", run):  # not: it is not finished
        open_run(run)


def test_a_folder_that_has_changed_is_looked_through_again(
    mine: Path, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def ready() -> FrameStore:
        automatic.make_ready([("folder", {"root": str(mine), "size": SIDE})], quiet())
        return discovery.build("dataset", "folder", {"root": str(mine), "size": SIDE}).store

    store = ready()
    made = {card.sequence: (store.folder / card.folder / "manifest.json").stat().st_mtime_ns
            for card in store.card.recordings}  # fmt: skip
    (mine / "me.jpg").rename(mine / "you.jpg")
    (mine / "bad.mp4").unlink()
    (mine / "more").mkdir()
    write_video(mine / "more" / "new.mp4", [portrait((1, 1))] * 2)
    other = ready()
    assert other.folder == store.folder
    assert {card.sequence for card in other.card.recordings} - set(made) == {"more/new.mp4", "you.jpg"}
    assert "me.jpg" not in {card.sequence for card in other.card.recordings}
    for card in other.card.recordings:
        if card.sequence in made:
            kept = (store.folder / card.folder / "manifest.json").stat().st_mtime_ns
            assert kept == made[card.sequence], f"{card.sequence} was made anew"
    note = read_note(other.folder)
    assert note is not None
    assert sorted(note.skipped) == [name for name in BROKEN if name != "bad.mp4"]
    # A store that has lost a part is mended, though the folder is as it was.
    (other.folder / other.card.recordings[0].folder / "manifest.json").unlink()
    assert len(ready().files) == len(other.card.recordings)


def quiet():
    from rich.console import Console

    return Console(quiet=True)


@pytest.mark.parametrize(
    ("make", "refusal", "skipped"),
    [
        (lambda root: root.mkdir(), "dataset-invalid", 0),
        (lambda root: None, "file-missing", 0),
        (lambda root: root.write_text("a file"), "file-missing", 0),
        (lambda root: (root.mkdir(), (root / "a.mp4").write_bytes(b"x")), "dataset-incomplete", 1),
        (lambda root: save(root / "wall.png", np.full((80, 80, 3), 90, np.uint8)), "dataset-incomplete", 1),
        (lambda root: save(root / "me.png", portrait()), "dataset-incomplete", 0),
    ],
)
def test_folders_of_no_use_are_told_in_a_line(
    make, refusal: str, skipped: int, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "root")
    code, _, err = train(capsys, recipe, "folder", "--root", f"folder={tmp_path / 'root'}")
    assert code == 2, err
    assert_refused(err, refusal, "folder")
    assert not (tmp_path / "run").exists()
    assert sum("; skipped" in line for line in err.splitlines()) == skipped, "the reason comes first"


def test_the_folder_must_be_said(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = train(capsys, recipe, "tiny,folder")
    assert code == 2
    assert_refused(err, "option-missing", "--root folder=DIR")


def test_with_labels_it_is_split_and_losses_count(
    mine: Path, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"holiday/2021/beach.mp4,{i},{i}" for i in range(4)] + [f"dog.avi,{i},1" for i in range(2)]
    (mine / "labels.csv").write_text("\n".join(["file,frame,AU12", *rows]) + "\n")
    root = ("--root", f"folder={mine}", "--split", "folder=random:0:0.5")
    code, _, err = train(capsys, recipe, "folder", *root)
    assert code == 2
    assert_refused(err, "dataset-incomplete", "--max-lost of `aubench data prepare`")
    for name in BROKEN:
        (mine / name).unlink()
    code, _, err = train(capsys, recipe, "folder", *root, "--baselines", "none")
    assert code == 0, err
    split = json.loads((tmp_path / "run" / "report.json").read_text())["data_sets"]["folder"]["split"]
    assert len(split["test"]) == len(split["train"]) == 2


def test_what_counts_as_a_change(tmp_path: Path) -> None:
    root = tmp_path / "root"
    save(root / "a" / "b.png", np.zeros((4, 4, 3), np.uint8))
    before, others = listing(root)
    assert others == {}
    (root / "a" / ".DS_Store").touch()
    (root / "notes.TXT").touch()
    (root / "a" / "up").symlink_to(root)
    assert listing(root) == (before, {".txt": 1})
    os.utime(root / "a" / "b.png", ns=(1, 1))
    assert listing(root)[0] != before
    scan = FolderReader(FolderConfig()).scan(root)  # a link back does not go round for ever
    assert [each.sequence for each in scan.recordings] == ["a"]


def test_no_face_is_followed_from_one_photo_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []

    class Following:
        def __init__(self, detector: object) -> None:
            searched.append(detector)

        def step(self, canvas: Canvas) -> list:
            return []

    monkeypatch.setattr("aubench.predict.track.Tracker", Following)
    monkeypatch.setattr(fivepoints, "detector", lambda: "detector")
    wall = np.full((200, 240, 3), 60, np.uint8)
    shots = [portrait(), portrait((2, 1)), wall, portrait(), portrait((1, 3))]
    paths = tuple(save(tmp_path / f"{i}.png", picture) for i, picture in enumerate(shots))
    five = FivePoints(Recording("x", "x", Images(paths), np.arange(5), *empty_labels(5, 0)), "auto")
    for row, picture in enumerate(shots):
        assert five.find(row, Canvas(picture)) == "no face found"
    assert len(searched) == 3, "a face that moves a little is followed; other scenes begin anew"


def test_a_recipe_keeps_its_own_options_of_a_data_set() -> None:
    parts = [{"name": "synth", "config": {}}, {"name": "folder", "config": {"loose": "sequence"}}]
    synth, folder = with_recipe(parts, "real-faces")
    assert synth["config"]["engine"] == "ict"
    assert folder == {"name": "folder", "config": {"size": synth["config"]["size"], "loose": "sequence"}}
    assert with_recipe([{"name": "synth", "config": {"engine": "bdfm"}}], "real-faces")[0]["config"]["engine"] == "bdfm"
    assert with_recipe(parts, "default") == parts


class Unlabelled:
    """Test frames, and a label of each AU that nobody gave."""

    name, aus, digest = "unlabelled", ("AU12",), "x"

    def __init__(self, given: bool) -> None:
        self.given = given

    def frames(self, split: str) -> Frames:
        subject = np.repeat([f"P{i}" for i in range(20)], 3)
        count = len(subject)
        return Frames(self.name, np.zeros((count, 4, 4, 3), np.uint8), subject, subject, np.arange(count))

    def read_labels(self, split: str) -> np.ndarray:
        labels = np.full((60, 1), np.nan)
        labels[7] = 1.0 if self.given else np.nan
        return labels


def test_test_frames_without_any_label_are_not_scored() -> None:
    assert len(labelled(Unlabelled(False))) == 0
    assert len(labelled(Unlabelled(True))) == 60
    few = some_frames(Unlabelled(False).frames("train"))
    assert len(few) == len(set(few.subject.tolist())) == 8
    assert (few.frame % 3 == 1).all(), "from the middle of each"


def test_the_note_names_all_that_was_skipped(mine: Path) -> None:
    automatic.make_ready([("folder", {"root": str(mine), "size": SIDE})], quiet())
    store = discovery.build("dataset", "folder", {"root": str(mine), "size": SIDE}).store
    known = json.loads((store.folder / NOTE).read_text())
    assert sorted(known["skipped"]) == sorted(BROKEN)
    assert known["others"] == {".heic": 1}
