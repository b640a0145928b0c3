"""Folders made once: private while unfinished, published whole, continued after a death, right without locks."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import SoftFileLock
from refusals import refused
from toy_data import ToyReader, write_take

from aubench import locks, mapped, materialise
from aubench.data.making import Making
from aubench.data.prepare import prepare
from aubench.errors import UserError
from aubench.locks import Busy, lock, owner
from aubench.mapped import new_array
from aubench.materialise import _machine


def make(folder: Path, content: str = "whole", **options) -> str:
    """Make a folder with one file, and return the file's content."""

    def find() -> str | None:
        return (folder / "file").read_text() if (folder / "file").is_file() else None

    def build(partial: Path) -> None:
        (partial / "file").write_text(content)

    return materialise.materialise(folder, find, build, **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_is_made_once_with_the_rights_of_an_ordinary_folder(tmp_path: Path) -> None:
    (tmp_path / "ordinary").mkdir()
    assert make(tmp_path / "a") == "whole"
    assert make(tmp_path / "a", "another") == "whole"
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "ordinary").stat().st_mode
    assert names(tmp_path) == ["a", "ordinary"]


def test_what_is_there_but_not_whole_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "other").write_text("damaged")
    assert make(tmp_path / "a") == "whole"
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["file"]


def test_a_failure_leaves_nothing_or_what_can_be_continued(tmp_path: Path) -> None:
    def fails(partial: Path) -> None:
        (partial / "half").write_text("")
        raise KeyboardInterrupt

    for resumable, left in ((None, 0), (lambda partial: (partial / "half").exists(), 1)):
        with pytest.raises(KeyboardInterrupt):
            materialise.materialise(tmp_path / "a", lambda: None, fails, resumable=resumable)
        assert len(list(tmp_path.glob(".a.*.partial"))) == left
    make(tmp_path / "a", resumable=lambda partial: (partial / "half").exists())
    assert names(tmp_path / "a") == ["file", "half"]
    assert names(tmp_path) == ["a"]


def test_what_a_dead_process_left_is_taken_over_and_a_living_ones_is_not(tmp_path: Path) -> None:
    dead = tmp_path / f".a.{_machine()}-{dead_process()}-0a.partial"
    living = tmp_path / f".a.{_machine()}-{os.getppid()}-0b.partial"
    foreign = tmp_path / ".a.00000000-1-0c.partial"
    for folder in (dead, living, foreign):
        folder.mkdir()
        (folder / "begun").write_text("")
    os.utime(foreign, (1, 1))
    make(tmp_path / "a", resumable=lambda partial: (partial / "begun").exists())
    assert names(tmp_path / "a") == ["begun", "file"]
    assert names(tmp_path) == sorted([living.name, "a"])


def test_a_folder_of_another_machine_is_left_while_it_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(materialise, "STALE_S", 1.5)
    foreign = tmp_path / ".a.00000000-1-0c.partial"
    foreign.mkdir()
    over = threading.Event()

    def renew() -> None:
        while not over.wait(0.1):
            os.utime(foreign)

    thread = threading.Thread(target=renew)
    thread.start()
    make(tmp_path / "a", resumable=lambda partial: True)
    over.set()
    thread.join()
    assert foreign.is_dir()
    assert str(foreign) in capsys.readouterr().err
    make(tmp_path / "b", resumable=lambda partial: True)
    assert foreign.is_dir(), "unfinished folders of another name are left where some can be continued"
    make(tmp_path / "a2")
    time.sleep(1.6)
    make(tmp_path / "a3")
    assert not foreign.exists(), "no longer renewed"


def test_the_first_of_two_without_locks_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    folder = tmp_path / "a"

    def build(partial: Path) -> None:
        (partial / "file").write_text("second")
        assert make(folder, "first") == "first"  # meanwhile

    find = lambda: (folder / "file").read_text() if folder.exists() else None  # noqa: E731
    assert materialise.materialise(folder, find, build, lock_file=tmp_path / "x.lock") == "first"
    assert names(tmp_path) == ["a"]


def test_two_prepares_without_working_locks_end_with_a_whole_store(tmp_path: Path) -> None:
    for name in ("A_1", "B_1", "C_1"):
        write_take(tmp_path / "toy", name, 5)
    code = (
        "import fcntl; fcntl.flock = lambda *_: None\n"
        "import time; from pathlib import Path; import aubench.data.making as m; from toy_data import ToyReader\n"
        "from aubench.data.prepare import prepare\n"
        "plain = m.crop; m.crop = lambda *a: (time.sleep(0.05), plain(*a))[1]\n"
        f"prepare(ToyReader('good'), Path({str(tmp_path / 'toy')!r}), Path({str(tmp_path / 'stores')!r}), "
        "m.Making(64, 'landmarks'), workers=1)\n"
    )
    path = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path}
    both = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    store = prepare(ToyReader("good"), tmp_path / "toy", tmp_path / "stores", Making(64, "landmarks"), workers=1)
    assert store.verify() == []
    assert not list(store.folder.glob(".*.partial"))


# --- locks ------------------------------------------------------------------------------------------------------------


def test_a_lock_is_held_by_one_process_which_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    code = (
        "import sys; from pathlib import Path; from aubench.locks import lock\n"
        f"with lock(Path({str(path)!r})): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        with pytest.raises(Busy), lock(path, wait=False):
            pass
        assert owner(path).startswith(f"process {other.pid} on ")
        other.kill()
    with lock(path, wait=False):
        pass


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_without_locks_of_the_system_a_lock_file_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuses(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuses)
    monkeypatch.setattr(locks, "RENEWED_EVERY_S", 0.05)
    held = tmp_path / "a.lock.held"
    with lock(tmp_path / "a.lock"):
        os.utime(held, (1, 1))
        time.sleep(0.3)
        assert held.stat().st_mtime > 1
        with pytest.raises(Busy), lock(tmp_path / "a.lock", wait=False):
            pass
    assert not held.exists()
    assert make(tmp_path / "b") == "whole"


def test_a_lock_file_that_another_machine_left_is_named_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left = SoftFileLock(tmp_path / "a.lock.held")
    left.acquire()
    kept = (tmp_path / "a.lock.held").read_bytes()
    left.release()
    monkeypatch.setattr(locks, "system_locks", lambda folder: False)
    monkeypatch.setattr(locks, "STALE_S", 1.0)
    monkeypatch.setattr(locks, "_TOLD_FIRST_S", 0.2)
    (tmp_path / "a.lock.held").write_bytes(kept.replace(os.uname().nodename.encode(), b"another-node"))
    with refused("run-busy", tmp_path / "a.lock.held", "another-node"), lock(tmp_path / "a.lock"):
        pass
    assert str(tmp_path / "a.lock.held") in capsys.readouterr().err


# --- space ------------------------------------------------------------------------------------------------------------


def test_the_space_of_an_array_is_reserved(tmp_path: Path) -> None:
    array = new_array(tmp_path / "a.npy", np.uint8, (1 << 20,))
    assert (tmp_path / "a.npy").stat().st_blocks * 512 >= 1 << 20, "not a sparse file"
    array[:] = 3
    assert np.load(tmp_path / "a.npy").sum() == 3 << 20
    assert new_array(tmp_path / "b.npy", np.float16, (0, 4)).shape == (0, 4)


def test_a_full_disk_is_told_with_the_true_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(mapped.shutil, "disk_usage", lambda _: _Usage(1_500_000))
    with refused("disk-full", tmp_path, "2.0 MB", "1.5 MB"):
        new_array(tmp_path / "a.npy", np.uint8, (2_000_000,))
    assert not (tmp_path / "a.npy").exists()


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free


def test_a_file_system_that_reserves_nothing_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    assert new_array(tmp_path / "a.npy", np.uint8, (4,)).shape == (4,)


def test_what_is_not_found_after_it_was_built_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        materialise.materialise(tmp_path / "a", lambda: None, lambda partial: None)
    assert caught.value.code == "file-damaged"
