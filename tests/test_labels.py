"""The door in front of labels: locked means locked, by every way in."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from refusals import refused

from aubench.contracts import Frames
from aubench.data import labels as door
from aubench.data.labels import LABEL_SUFFIX, LabelsLocked, is_locked, load_labels, locked, open_labels, protect


class Tiny:
    """A data set of three frames whose labels lie in one file."""

    name = "tiny"
    aus = ("AU01", "AU12")
    digest = "0"

    def __init__(self, folder: Path, values: np.ndarray) -> None:
        self.path = folder / f"intensities{LABEL_SUFFIX}"
        np.save(self.path, values)

    def frames(self, split: str) -> Frames:
        n = 3
        text = np.array(["a"] * n)
        return Frames("tiny", np.zeros((n, 4, 4, 3), np.uint8), text, text, np.arange(n))

    def read_labels(self, split: str) -> np.ndarray:
        return load_labels(self.path)


VALUES = np.array([[0.0, 5.0], [np.nan, 1.5], [0.0, 0.0]])


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return Tiny(tmp_path, VALUES)


def test_an_open_door_gives_the_labels(tiny: Tiny) -> None:
    assert not is_locked()
    np.testing.assert_array_equal(open_labels(tiny, "train"), VALUES)


def test_a_locked_door_refuses_every_way_in(tiny: Tiny) -> None:
    with locked():
        for way in (
            lambda: open_labels(tiny, "train"),
            lambda: tiny.read_labels("train"),
            lambda: np.load(tiny.path),
            lambda: np.load(tiny.path, mmap_mode="r"),
            lambda: np.fromfile(tiny.path, np.uint8),
            lambda: tiny.path.read_bytes(),
            lambda: os.open(tiny.path, os.O_RDONLY),
            lambda: open(str(tiny.path).encode(), "rb"),  # noqa: SIM115
            lambda: open(tiny.path, "r+b"),  # noqa: SIM115
        ):
            with pytest.raises(LabelsLocked):
                way()
        assert len(tiny.frames("train")) == 3
    assert open_labels(tiny, "train").shape == (3, 2)


def test_a_store_can_be_written_under_a_locked_door(tmp_path: Path) -> None:
    path = tmp_path / f"new{LABEL_SUFFIX}"
    with locked():
        np.save(path, VALUES)
    np.testing.assert_array_equal(load_labels(path), VALUES)


def test_locks_nest_and_survive_an_exception(tiny: Tiny) -> None:
    with locked():
        with pytest.raises(ZeroDivisionError), locked():
            raise ZeroDivisionError
        with pytest.raises(LabelsLocked):
            open_labels(tiny, "test")
    assert not is_locked()
    assert "AUBENCH_LABELS_LOCKED" not in os.environ


def test_other_threads_are_locked_too(tiny: Tiny) -> None:
    caught: list[BaseException] = []

    def read() -> None:
        try:
            open_labels(tiny, "train")
        except BaseException as error:
            caught.append(error)

    early = threading.Event()
    thread = threading.Thread(target=lambda: (early.wait(5), read()))
    thread.start()  # started before the lock, reads inside it
    with locked():
        early.set()
        thread.join()
    assert isinstance(caught[0], LabelsLocked)


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.mark.parametrize("fork", [pytest.param(True, marks=needs_fork), False])
def test_worker_processes_are_locked_too(tiny: Tiny, fork: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os, numpy, aubench.data.labels; numpy.load(os.environ['TINY'])"
    monkeypatch.setenv("TINY", str(tiny.path))
    with locked():
        if fork:
            child = os.fork()
            if child == 0:
                try:
                    np.load(tiny.path)
                except LabelsLocked:
                    os._exit(7)
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        else:
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            assert done.returncode == 1
            assert "LabelsLocked" in done.stderr
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_protected_folder_is_behind_the_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_folders", set())
    folder = tmp_path / "ActionUnit_Labels"
    folder.mkdir()
    (folder / "SN001_au1.txt").write_text("1,0\n")
    protect(folder)
    monkeypatch.chdir(tmp_path)
    assert Path("ActionUnit_Labels/SN001_au1.txt").read_text() == "1,0\n"
    with locked(), pytest.raises(LabelsLocked):
        Path("ActionUnit_Labels/SN001_au1.txt").read_text()


@pytest.fixture
def original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A label file in a protected folder, with names of its own."""
    monkeypatch.setattr(door, "_folders", set())
    folder = tmp_path / "data" / "Labels"
    folder.mkdir(parents=True)
    (folder / "au1.txt").write_text("1,0\n")
    protect(folder)
    return folder / "au1.txt"


def _without_the_variable() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "AUBENCH_LABELS_LOCKED"}


WAYS = {
    "rename": lambda label, free: os.rename(label, free),
    "replace": lambda label, free: os.replace(label, free),
    "rename of its folder": lambda label, free: os.rename(label.parent, free),
    "move": lambda label, free: shutil.move(label, free),
    "hard link": lambda label, free: os.link(label, free),
    "symbolic link": lambda label, free: os.symlink(label, free),
    "symbolic link, relative": lambda label, free: os.symlink(os.path.relpath(label, free.parent), free),
    "copy": lambda label, free: shutil.copyfile(label, free),
    "cat": lambda label, free: subprocess.run(["cat", label], check=True, stdout=subprocess.DEVNULL),
    "cat, relative": lambda label, free: subprocess.run(["cat", label.name], cwd=label.parent, check=True),
    "shell": lambda label, free: subprocess.run(f"cp < {label} {free}", shell=True, check=True),
    "system": lambda label, free: os.system(f"cp {label} {free}"),
    "spawn": lambda label, free: os.posix_spawn("/bin/cat", ["cat", str(label)], os.environ),
    "a child without the lock": lambda label, free: subprocess.run(["true"], env=_without_the_variable(), check=True),
    "ctypes": lambda label, free: ctypes.CDLL(None).open(os.fsencode(label), 0),
}


@pytest.mark.skipif(os.name != "posix", reason="POSIX names")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("which", ["store", "original"])
def test_no_other_name_and_no_other_program_reaches_labels(
    tiny: Tiny, original: Path, tmp_path: Path, way: str, which: str
) -> None:
    label = {"store": tiny.path, "original": original}[which]
    if which == "store" and way == "rename of its folder":
        pytest.skip("only folders given to protect() are known")
    before = label.read_bytes()
    with locked(), pytest.raises(LabelsLocked):
        WAYS[way](label, tmp_path / "free")
    assert label.read_bytes() == before
    assert not (tmp_path / "free").exists()


def test_names_from_before_the_lock_lead_nowhere(tiny: Tiny, original: Path, tmp_path: Path) -> None:
    links = []
    for number, label in enumerate((tiny.path, original)):
        links.append(tmp_path / f"link{number}")
        links[-1].symlink_to(label)
    links.append(tmp_path / "hard")
    os.link(original, links[-1])
    (tmp_path / "folder").symlink_to(original.parent)
    links.append(tmp_path / "folder" / "au1.txt")
    with locked():
        for link in links:
            with pytest.raises(LabelsLocked):
                link.read_bytes()
    with original.open("rb") as handle, locked():
        for read in (
            lambda: open(f"/proc/self/fd/{handle.fileno()}", "rb"),  # noqa: SIM115
            lambda: mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ),
        ):
            with pytest.raises(LabelsLocked):
                read()


def test_what_training_does_besides_is_left_alone(tiny: Tiny, original: Path, tmp_path: Path) -> None:
    with locked():
        (tmp_path / "a").write_text("x")
        os.rename(tmp_path / "a", tmp_path / "b")
        os.link(tmp_path / "b", tmp_path / "c")
        (tmp_path / "d").symlink_to(tmp_path / "b")
        assert (tmp_path / "c").read_text() == (tmp_path / "d").read_text() == "x"
        shutil.copyfile(tmp_path / "b", tmp_path / "e")
        assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout == b"1\n"
        assert os.system("true") == 0
        assert ctypes.CDLL(None).getpid() == os.getpid()
        np.save(tmp_path / f"x.tmp{LABEL_SUFFIX}", VALUES)
        os.rename(tmp_path / f"x.tmp{LABEL_SUFFIX}", tmp_path / f"x{LABEL_SUFFIX}")  # stores are built so
    np.testing.assert_array_equal(load_labels(tmp_path / f"x{LABEL_SUFFIX}"), VALUES)


def test_a_file_alone_can_be_protected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_folders", set())
    for name in ("labels.csv", "other.csv"):
        (tmp_path / name).write_text("x")
    protect(tmp_path / "labels.csv")
    with locked():
        assert (tmp_path / "other.csv").read_text() == "x"
        with pytest.raises(LabelsLocked):
            (tmp_path / "labels.csv").read_text()


def test_labels_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with refused("dataset-invalid", "tiny", "3 frames"):
        open_labels(Tiny(tmp_path, VALUES[:2]), "train")
    with refused("dataset-invalid", "5.5"):
        open_labels(Tiny(tmp_path, VALUES + 0.5), "train")


def test_a_damaged_label_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / f"x{LABEL_SUFFIX}"
    path.write_bytes(b"not an array")
    with refused("file-damaged", "x.aulabels.npy"):
        load_labels(path)
    with refused("file-missing", "gone"):
        load_labels(tmp_path / "gone.npy")
