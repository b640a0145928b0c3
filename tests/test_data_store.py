"""Preparing: from an original folder to a store that is whole, found again, verified and read at random."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import toy_data
from refusals import refused
from toy_data import ToyReader, landmarks_of, portrait, shift_of, write_take

from aubench import discovery
from aubench.cli import main
from aubench.contracts import Dataset
from aubench.data import making as makings
from aubench.data.crops import BLOBS, INDEX, CropFile
from aubench.data.frame_store import CARD, FrameStore
from aubench.data.labels import LabelsLocked, locked, open_labels
from aubench.data.landmarks import IBUG68
from aubench.data.making import Making, finished, folder_name
from aubench.data.prepare import prepare
from aubench.data.records import State
from aubench.predict.align import Canvas, crop

MAKING = Making(size=64, align="landmarks")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three people, one of them in single images, 12 frames each."""
    for name in ("A_1", "B_1"):
        write_take(tmp_path / "root", name, 12)
    write_take(tmp_path / "root", "C_1", 12, images=True)
    return tmp_path / "root"


@pytest.fixture
def store(root: Path, tmp_path: Path) -> FrameStore:
    return prepare(ToyReader("good"), root, tmp_path / "stores", MAKING, workers=1)


def dataset(tmp_path: Path, **options: object):
    options = {"store": str(tmp_path / "stores"), "size": 64, "align": "landmarks", **options}
    return toy_data.make(toy_data.ToyConfig(**options))


def test_crops_are_the_aligned_frames(store: FrameStore) -> None:
    numbers = {card.sequence: i for i, card in enumerate(store.card.recordings)}
    for sequence, most in (("C_1", 2.0), ("A_1", 8.0)):  # lossless source; mpeg4 source
        stack = store.stack(np.array([numbers[sequence]]))
        tint = sum(sequence.encode()) % 3
        for row in (0, 5, 11):
            five = IBUG68.five(landmarks_of(row)[None])[0].astype(float)
            expected, _ = crop(Canvas(portrait(shift_of(row), tint)), five, 64)
            assert np.abs(stack[row].astype(int) - expected.astype(int)).mean() < most


def test_a_stack_is_read_like_an_array(store: FrameStore) -> None:
    stack = store.stack(np.arange(3))
    everything = np.asarray(stack)
    assert everything.shape == stack.shape == (36, 64, 64, 3)
    assert len(stack) == 36
    dice = np.random.default_rng(0).permutation(36)
    assert np.array_equal(np.asarray(stack[dice]), everything[dice])
    assert np.array_equal(np.asarray(stack[dice[:3]]), everything[dice[:3]])
    assert np.array_equal(stack[-1], everything[-1])
    assert np.array_equal(stack[np.int64(7)], everything[7])
    assert np.array_equal(np.asarray(stack[4:20:3][1:]), everything[4:20:3][1:])
    assert np.array_equal(np.asarray(stack[everything[:, 0, 0, 0] > 90]), everything[everything[:, 0, 0, 0] > 90])
    assert np.array_equal(stack[2:6, :, :, 0], everything[2:6, :, :, 0])
    assert stack[3:5].astype(np.float32).dtype == np.float32
    assert np.asarray(stack[:0]).shape == (0, 64, 64, 3)
    with pytest.raises(IndexError):
        stack[36]
    with pytest.raises(AttributeError):
        stack.nonsense  # noqa: B018


def test_it_is_a_dataset_with_labels_behind_the_door(store: FrameStore, tmp_path: Path) -> None:
    made = dataset(tmp_path, split="loso:B")
    assert isinstance(made, Dataset)
    train, test = made.frames("train"), made.frames("test")
    assert sorted(set(train.subject)) == ["A", "C"]
    assert set(test.subject) == {"B"}
    assert np.array_equal(test.frame, np.arange(12))
    labels = open_labels(made, "test")
    assert np.array_equal(labels, [[i % 6, (i // 3) % 6] for i in range(12)])
    with locked():
        again = dataset(tmp_path, split="loso:B")
        assert np.asarray(again.frames("train").images[:2]).shape == (2, 64, 64, 3)
        assert again.digest == made.digest
        with pytest.raises(LabelsLocked):
            open_labels(again, "train")
        with pytest.raises(LabelsLocked):
            np.load(store.folder / "A_1" / "labels" / "values.aulabels.npy")
    assert dataset(tmp_path, split="loso:A").digest != made.digest
    assert made.landmarks("test").shape == (12, 68, 2)


def test_three_states_and_frame_number_joins(tmp_path: Path) -> None:
    write_take(tmp_path / "root", "A_1", 12, labels=["9,5,9", "4,p,0", "12,1,2"])
    prepare(ToyReader("good"), tmp_path / "root", tmp_path / "stores", MAKING, workers=1)
    made = dataset(tmp_path, split="test")
    assert made.frames("test").frame.tolist() == [3, 8, 11]
    np.testing.assert_array_equal(open_labels(made, "test"), [[np.nan, 0], [5, np.nan], [1, 2]])
    states = made.read_states("test")
    assert states.tolist() == [[State.PRESENT, State.VALUE], [State.VALUE, State.MISSING], [0, 0]]
    shown = np.asarray(made.frames("test").images)
    five = IBUG68.five(landmarks_of(8)[None])[0].astype(float)
    expected, _ = crop(Canvas(portrait(shift_of(8), sum(b"A_1") % 3)), five, 64)
    assert np.abs(shown[1].astype(int) - expected.astype(int)).mean() < 8


def test_raw_codec_keeps_every_pixel(root: Path, tmp_path: Path) -> None:
    store = prepare(ToyReader("good"), root, tmp_path / "stores", Making(64, "landmarks", "raw"), workers=1)
    five = IBUG68.five(landmarks_of(3)[None])[0].astype(float)
    expected, _ = crop(Canvas(portrait(shift_of(3), sum(b"C_1") % 3)), five, 64)
    assert np.array_equal(store.stack(np.array([2]))[3], expected)
    assert store.verify() == []


# --- losses -----------------------------------------------------------------------------------------------------------


def test_more_than_a_hundredth_lost_is_refused_unless_told(root: Path, tmp_path: Path) -> None:
    (root / "C_1" / "004.png").write_bytes(b"no image")
    with refused("dataset-incomplete", "sequence C_1", "1 of 12", "--max-lost"):
        prepare(ToyReader("good"), root, tmp_path / "stores", MAKING, workers=1)
    assert not list((tmp_path / "stores").glob(f"*/{CARD}"))
    store = prepare(ToyReader("good"), root, tmp_path / "stores", MAKING, workers=1, max_lost=0.1)
    assert store.card.rows == 35
    assert store.card.recordings[2].lost == {"not an image, in spite of its name": 1}
    assert (store.folder / "C_1" / "lost.csv").read_text().splitlines()[1].startswith('3,"not an image')
    made = dataset(tmp_path, split="loso:C")
    assert made.frames("test").frame.tolist() == [0, 1, 2, *range(4, 12)]
    assert open_labels(made, "test")[3].tolist() == [4, 1]  # the label of frame 4, not of row 3


def test_labels_beyond_the_end_of_a_video_are_lost(tmp_path: Path) -> None:
    write_take(tmp_path / "root", "A_1", 10, labels=[f"{i + 1},0,0" for i in range(13)])
    with refused("dataset-incomplete", "3 of 13", "10 frames"):
        prepare(ToyReader("good"), tmp_path / "root", tmp_path / "stores", MAKING, workers=1)
    store = prepare(ToyReader("good"), tmp_path / "root", tmp_path / "stores", MAKING, workers=1, max_lost=0.5)
    assert store.card.rows == 10


def test_a_missing_video_is_named(tmp_path: Path) -> None:
    write_take(tmp_path / "root", "A_1", 4)
    (tmp_path / "root" / "A_1.avi").unlink()
    with refused("dataset-incomplete", "4 of 4", "sequence A_1"):
        prepare(ToyReader("good"), tmp_path / "root", tmp_path / "stores", MAKING, workers=1)


def test_two_recordings_with_one_name_are_refused(tmp_path: Path) -> None:
    write_take(tmp_path / "root", "A_1", 3)
    write_take(tmp_path / "root", "a_1", 3)
    with refused("dataset-invalid", "_1", "aubench data check"):
        prepare(ToyReader("good"), tmp_path / "root", tmp_path / "stores", MAKING, workers=1)


def test_a_full_disk_is_told(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("aubench.data.making.os.fsync", full)
    with refused("disk-full", "--store"):
        prepare(ToyReader("good"), root, tmp_path / "stores", MAKING, workers=1)
    monkeypatch.undo()
    assert prepare(ToyReader("good"), root, tmp_path / "stores", MAKING, workers=1).verify() == []


# --- again, killed, twice at once, damaged ----------------------------------------------------------------------------


def test_only_what_changed_is_made_again(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = prepare(ToyReader("good"), root, tmp_path / "stores", MAKING, workers=1)
    made: list[str] = []
    plain = makings.make
    monkeypatch.setattr("aubench.data.prepare.make", lambda r, *a, **k: (made.append(r.sequence), plain(r, *a, **k))[1])
    again = prepare(ToyReader("good"), root, tmp_path / "stores", MAKING, workers=1)
    assert (made, again.card.digest) == ([], store.card.digest)
    labels = root / "B_1.txt"
    labels.write_text(labels.read_text().replace("1,0,0", "1,5,0", 1))
    changed = prepare(ToyReader("good"), root, tmp_path / "stores", MAKING, workers=1)
    assert made == ["B_1"]
    assert changed.card.digest != store.card.digest
    with refused("file-damaged", "B_1", CARD):
        store.files  # noqa: B018 - the old card, the new recording
    prepare(ToyReader("good"), root, tmp_path / "stores", MAKING, workers=1, redo=True)
    assert made == ["B_1", "A_1", "B_1", "C_1"]


def _command(root: Path, parent: Path, *more: str) -> tuple[list[str], dict[str, str]]:
    here = Path(__file__).parent
    code = (
        "import sys; from pathlib import Path; from toy_data import ToyReader\n"
        "from aubench.data.prepare import prepare; from aubench.data.making import Making\n"
        "import aubench.data.making as m, time\n"
        "plain = m.crop\n"
        f"slow = {'slow' in more}\n"
        "m.crop = lambda *a: (time.sleep(0.03 if slow else 0.003), plain(*a))[1]\n"
        f"prepare(ToyReader('good'), Path({str(root)!r}), Path({str(parent)!r}), Making(64, 'landmarks'), workers=1)\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(here), os.environ.get("PYTHONPATH", "")])),
    }
    return [sys.executable, "-c", code], environment


def test_goes_on_after_kill_nine(root: Path, tmp_path: Path) -> None:
    command, environment = _command(root, tmp_path / "stores", "slow")
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 300
        while not (partial := list((tmp_path / "stores").glob("*/*.partial"))) or not list(
            (tmp_path / "stores").glob("*/A_1/manifest.json")
        ):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert partial
    assert not list((tmp_path / "stores").glob(f"*/{CARD}"))
    whole = next((tmp_path / "stores").glob("*/A_1"))
    before = (whole / BLOBS).stat().st_mtime_ns
    store = prepare(ToyReader("good"), root, tmp_path / "stores", MAKING, workers=1)
    assert (whole / BLOBS).stat().st_mtime_ns == before
    assert store.verify() == []
    assert not list(store.folder.glob("*.partial"))
    fresh = prepare(ToyReader("good"), root, tmp_path / "others", MAKING, workers=1)
    assert fresh.card.digest == store.card.digest


def test_two_processes_share_the_work(root: Path, tmp_path: Path) -> None:
    command, environment = _command(root, tmp_path / "stores")
    running = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait(timeout=300) for process in running] == [0, 0]
    store = prepare(ToyReader("good"), root, tmp_path / "stores", MAKING, workers=1)
    assert store.verify() == []
    assert store.card.rows == 36


def test_worker_processes_make_the_same(root: Path, store: FrameStore, tmp_path: Path) -> None:
    other = prepare(ToyReader("good"), root, tmp_path / "others", MAKING, workers=2)
    assert other.card.digest == store.card.digest


def test_verify_names_the_corrupt_frame_and_reading_it_says_what_to_do(store: FrameStore) -> None:
    assert store.verify() == []
    folder = store.folder / "B_1"
    entry = CropFile(folder, "jpeg", 64).index[7]
    data = bytearray((folder / BLOBS).read_bytes())
    data[int(entry["offset"]) + int(entry["bytes"]) // 2] ^= 0xFF
    (folder / BLOBS).write_bytes(bytes(data))
    faults = store.verify()
    assert len(faults) == 1
    assert "frame 7 is corrupt" in faults[0]
    assert "B_1" in faults[0]
    stack = FrameStore(store.folder).stack(np.array([1]))
    assert stack[6].shape == (64, 64, 3)
    with refused("file-damaged", "frame 7", "aubench data prepare"):
        np.asarray(stack)


@pytest.mark.parametrize("name", [INDEX, "labels/values.aulabels.npy"])
def test_verify_finds_other_damage(store: FrameStore, name: str) -> None:
    path = store.folder / "A_1" / name
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    assert any(Path(name).name in fault for fault in store.verify())
    path.unlink()
    assert any("A_1" in fault for fault in store.verify())
    assert finished(path.parent if name == INDEX else path.parent.parent) is None


def test_a_cut_blob_file_is_found_when_opened(store: FrameStore) -> None:
    path = store.folder / "A_1" / BLOBS
    path.write_bytes(path.read_bytes()[:-10])
    with refused("file-damaged", BLOBS):
        FrameStore(store.folder).files  # noqa: B018


# --- finding a store --------------------------------------------------------------------------------------------------


def test_what_to_run_is_said_where_nothing_fits(store: FrameStore, tmp_path: Path) -> None:
    with refused("dataset-not-prepared", "32 px", "aubench data prepare toy --root toy=DIR", "64 px"):
        dataset(tmp_path, size=32).digest  # noqa: B018
    with refused("dataset-not-prepared", "toy"):
        dataset(tmp_path, mood="bad").digest  # noqa: B018
    with refused("dataset-not-prepared", "toy"):
        dataset(tmp_path, root="/nowhere").digest  # noqa: B018
    assert dataset(tmp_path, root=store.card.root).digest


def test_what_is_said_to_run_prepares_what_was_asked_for(root: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("AUBENCH_PLUGINS", "toy_data")
    discovery.forget()
    asked = dataset(tmp_path, size=32, mood="so, so", root=str(root))
    with refused("dataset-not-prepared", "32 px", root) as caught:
        asked.digest  # noqa: B018
    command = str(caught.value).partition("run: ")[2].partition(" (prepared is")[0]
    assert main([*shlex.split(command)[1:], "--workers", "1"]) == 0
    assert asked.digest
    discovery.forget()


def test_two_roots_must_be_told_apart(root: Path, store: FrameStore, tmp_path: Path) -> None:
    write_take(tmp_path / "other", "Z_1", 4)
    prepare(ToyReader("good"), tmp_path / "other", tmp_path / "stores", MAKING, workers=1)
    with refused("name-ambiguous", "'toy'", "--root toy=DIR", "--set toy.root=DIR"):
        dataset(tmp_path).digest  # noqa: B018
    assert set(dataset(tmp_path, root=str(tmp_path / "other"), split="test").frames("test").subject) == {"Z"}


def test_card_of_another_version_or_torn_is_refused(store: FrameStore) -> None:
    path = store.folder / CARD
    card = json.loads(path.read_text())
    path.write_text(json.dumps({**card, "version": 0}))
    with refused("dataset-not-prepared", CARD):
        FrameStore(store.folder)
    path.write_text(path.read_text()[:-20])
    with refused("file-damaged", CARD):
        FrameStore(store.folder)


def test_names_of_folders() -> None:
    assert folder_name("F001_T1") == "F001_T1"
    assert folder_name("a/b") == "a%2Fb"
    assert folder_name("..") == "%2E%2E"
