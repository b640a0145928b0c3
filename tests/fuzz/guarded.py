"""A forked child that reads one input after another, so that a crash, a hang or a full memory costs one child only.

The child has a limit on its address space. The parent waits for each answer; a child that computes, or waits, for too
long is killed and a new one is forked for the next input.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aubench.cli import _MENDABLE
from aubench.errors import UNCODED, UserError

CPU_LIMIT_S = 10.0
"""So much processor time one input may cost."""
WALL_LIMIT_S = 60.0
"""So long one input may take in all: more than the limit above, because a machine may be busy with other work."""
ROOM = 4 << 30
"""Bytes of address space that a child may take beyond what its parent had."""
MARKER = "PAYLOAD_RAN"
"""The file that a hostile input would leave in its folder if something ran it."""


@dataclass(frozen=True)
class Answer:
    """What came of an input.

    ``kind``: ok, refused, uncoded (a UserError without a code), failed (another exception), wrong (a broken assertion
    about what was read), hang, death, payload. ``text``: why, in one line; ``place``: our innermost line of code.
    """

    kind: str
    text: str = ""
    place: str = ""
    seconds: float = 0.0

    @property
    def bad(self) -> bool:
        return self.kind not in ("ok", "refused")


class Child:
    """``functions`` by name are what inputs are read with: each is given the input and an empty folder. ``setup`` is
    called once in every child."""

    def __init__(self, functions: dict[str, Callable[[Any, Path], object]], setup: Callable[[], None]) -> None:
        self.functions, self.setup = functions, setup
        self.folder = Path(tempfile.mkdtemp(prefix="aubench-fuzz-"))
        self.count = 0
        self._process: Any = None
        self._pipe: Any = None

    def read(self, name: str, given: Any) -> Answer:
        """What comes of one input."""
        if self._process is None:
            self._start()
        self.count += 1
        folder = self.folder / str(self.count)
        began, used = time.monotonic(), self._cpu()
        self._pipe.send((name, given, str(folder)))
        answer = self._wait(began, used)
        if (folder / MARKER).exists():
            answer = Answer("payload", "code in the input ran", name)
        shutil.rmtree(folder, ignore_errors=True)
        return Answer(answer.kind, answer.text, answer.place, time.monotonic() - began)

    def close(self) -> None:
        self._stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self), daemon=True)
        self._process.start()
        theirs.close()

    def _wait(self, began: float, used: float) -> Answer:
        while not self._pipe.poll(1.0):
            if not self._process.is_alive():
                return self._died()
            cpu, wall = self._cpu() - used, time.monotonic() - began
            if cpu > CPU_LIMIT_S or wall > WALL_LIMIT_S:
                os.kill(self._process.pid, signal.SIGABRT)  # faulthandler writes where it was
                time.sleep(0.2)
                place = self._place()
                self._stop()
                return Answer("hang", f"after {CPU_LIMIT_S:g} s of processor time or {WALL_LIMIT_S:g} s in all", place)
        try:
            answer, spent = self._pipe.recv()
        except EOFError:
            return self._died()
        if spent:
            self._stop()
        return answer  # type: ignore[no-any-return]

    def _died(self) -> Answer:
        self._process.join()
        code, place = self._process.exitcode, self._place()
        self._stop()
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Answer("death", name, place)

    def _place(self) -> str:
        """The innermost frame of our own code that faulthandler wrote."""
        with contextlib.suppress(OSError):
            lines = (self.folder / "log").read_text(errors="replace").splitlines()
            current = next((i for i, line in enumerate(lines) if line.startswith("Current thread")), 0)
            ours = [line.split('"')[1:] for line in lines[current:] if "/aubench" in line and '"' in line]
            if ours:
                return f"{Path(ours[0][0]).name}{ours[0][1].replace(', line ', ':')}"
        return "unknown place"

    def _cpu(self) -> float:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return 0.0

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None


def _serve(pipe: Any, child: Child) -> None:
    child.setup()
    handle = os.open(child.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    faulthandler.enable(handle)
    before = _address_space()
    limit = before + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            name, given, folder = pipe.recv()
        except EOFError:
            return
        os.ftruncate(handle, 0)
        os.mkdir(folder)
        os.chdir(folder)
        answer = judge(child.functions[name], given, Path(folder))
        # What one input leaves in caches and arenas must not be what the next one lacks: then a new child goes on.
        pipe.send((answer, _address_space() > before + ROOM // 4))


def _address_space() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def judge(function: Callable[[Any, Path], object], given: Any, folder: Path) -> Answer:
    """Read an input and say whether what came of it is allowed."""
    try:
        function(given, folder)
    except UserError as error:
        if error.code == UNCODED:
            return Answer("uncoded", _line(error), _place_of(error))
        return Answer("refused", error.code)
    except AssertionError as error:
        return Answer("wrong", _line(error), _place_of(error, ours=False))
    except OSError as error:
        if error.errno in _MENDABLE:
            return Answer("refused", "system")
        return Answer("failed", f"{type(error).__name__}: {_line(error)}", _place_of(error))
    except BaseException as error:
        return Answer("failed", f"{type(error).__name__}: {_line(error)}", _place_of(error))
    return Answer("ok")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _place_of(error: BaseException, ours: bool = True) -> str:
    """The innermost line of the package's own code, or of all code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/aubench" in frame.filename and "/tests/" not in frame.filename]
    frame = (own or frames)[-1] if ours else frames[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
