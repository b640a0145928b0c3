"""No process outlives the one that started it, none imports from the working directory, and a death is told."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from fake_face import CARD
from left_running import Family
from refusals import refused
from toy_data import ToyReader, write_take

from aubench.cli import main
from aubench.data.making import Making
from aubench.data.prepare import prepare
from aubench.processes import Terminated, Workers, how_it_ended, termination_as_interrupt
from aubench_training.samples import engine_samples

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes by /proc")

PREPARE = """
import functools, sys, time
from pathlib import Path

def slowly(*arguments, plain):
    time.sleep(2.0)
    return plain(*arguments)

def begin(counter):  # in each worker: frames that take their time
    from aubench.data import making, prepare
    making.crop = functools.partial(slowly, plain=making.crop)
    prepare._counter = counter

def run(_):  # in the place of a command
    from toy_data import ToyReader
    from aubench.data import prepare
    from aubench.data.making import Making
    prepare._start_worker = begin
    try:
        prepare.prepare(ToyReader("good"), Path("toy"), Path("stores"), Making(64, "landmarks"), workers=2)
    except KeyboardInterrupt:
        return 130
    return 0

if __name__ == "__main__":
    from aubench import cli
    cli._run = run
    sys.exit(cli.main())
"""


@pytest.fixture
def preparing(tmp_path: Path) -> Family:
    """`data prepare` at work with two workers, each on a recording."""
    for name in ("A_1", "B_1"):
        write_take(tmp_path / "toy", name, 12)
    (tmp_path / "go.py").write_text(PREPARE)
    family = Family([sys.executable, str(tmp_path / "go.py")], cwd=tmp_path)
    family.wait_for(lambda: len(list((tmp_path / "stores").glob("*/.*.partial/crops.bin"))) == 2)
    assert len(family.running()) >= 4, "the command, two workers and the resource tracker"
    return family


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_killed_prepare_leaves_nobody_behind(preparing: Family, tmp_path: Path, number, code) -> None:
    assert preparing.end(number)[0] == code
    left = list((tmp_path / "stores").glob("*/.*.partial"))
    assert (left == []) == (number is not signal.SIGKILL), "unfinished folders go, where there is time for it"
    store = prepare(ToyReader("good"), tmp_path / "toy", tmp_path / "stores", Making(64, "landmarks"), workers=1)
    assert store.verify() == []
    assert not list((tmp_path / "stores").glob("*/.*.partial"))


def test_sigterm_is_like_ctrl_c_and_gives_143(monkeypatch: pytest.MonkeyPatch) -> None:
    def long(arguments):
        with pytest.raises(Terminated):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)  # as `timeout` does: once to the process, once to its group
        return 130

    assert issubclass(Terminated, KeyboardInterrupt)
    monkeypatch.setattr("aubench.cli._run", long)
    assert main([]) == 143
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


DEAF = """
import ctypes, sys
from aubench import cli

def run(_):  # in the place of a command: waits outside Python, and goes on waiting after a signal
    mutex = ctypes.create_string_buffer(64)
    print("begun", flush=True)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(mutex)

if __name__ == "__main__":
    cli._run = run
    sys.exit(cli.main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_computes_outside_python_leaves_too(number: signal.Signals) -> None:
    family = Family([sys.executable, "-c", DEAF])
    assert family.process.stdout.readline() == "begun\n"
    time.sleep(0.5)
    assert family.end(number)[0] == 128 + number


def test_a_handler_of_somebody_elses_is_left_alone() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with termination_as_interrupt() as terminated:
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        assert not terminated()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_workers_are_ended_when_the_block_is_left_by_an_exception() -> None:
    began = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt), Workers(1) as pool:
        pool.submit(os.getpid).result()
        pool.submit(time.sleep, 600)
        raise KeyboardInterrupt
    assert time.monotonic() - began < 300


def test_a_death_is_told_with_its_signal() -> None:
    with contextlib.suppress(BrokenProcessPool), Workers(1) as pool:
        pid = pool.submit(os.getpid).result()
        with pytest.raises(BrokenProcessPool):
            pool.submit(os.kill, pid, signal.SIGSEGV).result()
        assert pool.deaths() == {pid: "was killed by signal 11 (SIGSEGV)"}
    assert how_it_ended(3) == "ended with code 3"


def test_a_death_is_told_when_another_thread_has_collected_the_exit_code() -> None:
    """The thread that waits second sees no code until the first one has stored it."""

    class Collected:
        pid, codes = 7, [None, None, None, -9]

        def join(self, timeout: float) -> None:
            pass

        @property
        def exitcode(self) -> int | None:
            return self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]

    pool = Workers(1)
    pool._processes = {Collected()}
    assert pool.deaths() == {7: "was killed by signal 9 (SIGKILL)"}


class Deadly(ToyReader):
    """Its landmarks of one recording end the process that reads them."""

    def scan(self, root: Path):
        scan = super().scan(root)
        for recording in scan.recordings:
            if recording.sequence == "B_1":
                object.__setattr__(recording.landmarks, "read", die)
        return scan


def die():
    os.kill(os.getpid(), signal.SIGSEGV)


def test_a_worker_that_dies_names_the_recording_in_hand(tmp_path: Path) -> None:
    for name in ("A_1", "B_1", "C_1"):
        write_take(tmp_path / "toy", name, 3)
    with refused("worker-died", tmp_path / "toy" / "B_1.avi", "B_1", "SIGSEGV") as caught:
        prepare(Deadly("good"), tmp_path / "toy", tmp_path / "stores", Making(64, "landmarks"), workers=2)
    assert "run again" not in str(caught.value)


def test_a_drawing_worker_that_dies_is_told(tmp_path: Path) -> None:
    with refused("worker-died", "SIGKILL"):
        engine_samples(CARD, {"size": 16, "kill": True}, 200, 0, cache_dir=tmp_path, workers=2)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A working directory with modules of the names of ours, each of which leaves a mark when it is imported."""
    folder = tmp_path / "trap"
    folder.mkdir()
    for name in ("signal", "torch", "numpy", "aubench_plugins"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r} + '\\n')\n")
    return folder


def in_trap(trap: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code as an installed command does, whose own folder and not the working directory is on the path."""
    path = os.pathsep.join(
        [str(Path(__file__).parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    )
    (trap.parent / "command.py").write_text(f"if __name__ == '__main__':\n    {code}\n")
    return subprocess.run(
        [sys.executable, str(trap.parent / "command.py")], cwd=trap, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )  # fmt: skip


def test_workers_do_not_import_from_the_working_directory(trap: Path, tmp_path: Path) -> None:
    for name in ("A_1", "B_1"):
        write_take(tmp_path / "toy", name, 4)
    code = (
        "import toy_data; from pathlib import Path; from aubench.data.prepare import prepare; "
        "from aubench.data.making import Making; prepare(toy_data.ToyReader('good'), "
        f"Path({str(tmp_path / 'toy')!r}), Path({str(tmp_path / 'stores')!r}), Making(64, 'landmarks'), workers=2)"
    )
    done = in_trap(trap, code)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "imported").exists()


def test_doctor_does_not_import_from_the_working_directory(trap: Path, tmp_path: Path) -> None:
    done = in_trap(trap, "from aubench.doctor.machine import ask_torch; print(ask_torch().communicate()[0])")
    assert '"torch"' in done.stdout, done.stderr
    assert not (tmp_path / "imported").exists()


def test_synth_does_not_import_from_the_working_directory(trap: Path, tmp_path: Path) -> None:
    code = (
        "from aubench.discovery import build; build('dataset', 'synth', dict(subjects=3, sequences=1, "
        "frames_per_sequence=30, size=16, engine='fake', workers=2)).digest"
    )
    done = in_trap(trap, code, AUBENCH_CACHE=str(tmp_path / "cache"), AUBENCH_PLUGINS="fake_plugin")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "imported").exists()
