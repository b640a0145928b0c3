"""The door in front of labels: locked means locked, by every way in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from aubench.contracts import Frames
from aubench.data import labels as door
from aubench.data.labels import LABEL_SUFFIX, LabelsLocked, is_locked, load_labels, locked, open_labels, protect
from aubench.errors import UserError


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
def test_worker_processes_are_locked_too(tiny: Tiny, fork: bool) -> None:
    code = f"import numpy; import aubench.data.labels; numpy.load({str(tiny.path)!r})"
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


def test_labels_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tiny.*3 frames"):
        open_labels(Tiny(tmp_path, VALUES[:2]), "train")
    with pytest.raises(UserError, match=r"5\.5"):
        open_labels(Tiny(tmp_path, VALUES + 0.5), "train")


def test_a_damaged_label_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / f"x{LABEL_SUFFIX}"
    path.write_bytes(b"not an array")
    with pytest.raises(UserError, match=r"x\.aulabels\.npy"):
        load_labels(path)
    with pytest.raises(UserError, match=r"gone"):
        load_labels(tmp_path / "gone.npy")
