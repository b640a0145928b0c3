"""Jobs at work: one process each, so many at once, on the devices there are; what ends badly ends alone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aubench.locks import Busy, lock
from aubench.processes import available_cores, how_it_ended, python

from . import worker
from .card import Card
from .estimate import Speeds, phases
from .jobs import Job, has_begun

LOG = "log.txt"
_BOOT = (
    "import sys, json; job = json.loads(sys.stdin.readline()); sys.path[:] = job['path']; "
    "from aubench_training.runner.worker import work; sys.exit(work(job))"
)
"""A fresh interpreter with this one's import path: a plugin that is found here is found there."""
_GLANCE_S, _ASK_AGAIN_S = 0.2, 2.0


@dataclass(frozen=True)
class Slot:
    """A place for one process. ``environment`` keeps it to its device and its share of the cores."""

    device: str
    environment: dict[str, str]
    threads: int = 0


def slots(jobs: int | None, device: str) -> list[Slot]:
    """``jobs`` places (by default one for each GPU, or one), spread over the GPUs where these are asked for."""
    gpus = _gpus(device)
    count = jobs or max(1, len(gpus))
    shared: dict[str, str] = {}
    threads = 0
    if count > 1:
        # Two processes of one thread do more than one process of two, and far more than two of two on two cores.
        threads = max(1, available_cores() // count)
        shared = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    found = []
    for number in range(count):
        own = {"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} if gpus else {}
        name = f"cuda:{gpus[number % len(gpus)]}" if gpus else device
        found.append(Slot(name, {**shared, **own}, threads))
    return found


def _gpus(device: str) -> list[str]:
    """GPUs by the name that ``CUDA_VISIBLE_DEVICES`` has for them; none where another device, or a certain one, is
    asked for."""
    if device not in ("auto", "cuda"):
        return []
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return visible[:count] if visible else [str(number) for number in range(count)]


@dataclass
class _Running:
    job: Job
    slot: Slot
    process: subprocess.Popen[bytes]
    began: float
    kills: int
    halve: bool


@dataclass
class Pool:
    """Does ``jobs`` in their order, each as soon as a slot and the first phase that it needs are there.

    ``tell`` is called with a job whenever its state has changed, ``tick`` several times a second. ``command(job)`` goes
    into the job's report. With ``keep_going`` a failure stops nothing else; without, nothing new is begun after one.
    """

    jobs: Sequence[Job]
    slots: Sequence[Slot]
    speeds: Speeds
    tell: Callable[[Job], None]
    tick: Callable[[], None]
    command: Callable[[Job], list[str]]
    keep_going: bool = True
    _free: list[Slot] = field(default_factory=list)
    _running: list[_Running] = field(default_factory=list)
    _asked: dict[Job, float] = field(default_factory=dict)
    _again: set[Job] = field(default_factory=set)

    def run(self) -> None:
        """Return when all jobs are over. Whatever ends this ends the processes too."""
        self._free = list(self.slots)
        try:
            while not all(job.over for job in self.jobs):
                for running in list(self._running):
                    self._look_after(running)
                for job in self.jobs:
                    if job.state == "elsewhere":
                        job.step, job.left = self._progress(job)
                self._begin_what_can()
                self.tick()
                if self._running or any(job.state == "elsewhere" for job in self.jobs):
                    time.sleep(_GLANCE_S)
        finally:
            for running in self._running:
                _kill(running.process)
                running.process.wait()
                running.job.state, running.job.reason = "not run", "interrupted"

    # --- beginning ----------------------------------------------------------------------------------------------------

    def _begin_what_can(self) -> None:
        stopped = not self.keep_going and any(job.state == "failed" for job in self.jobs)
        for job in self.jobs:
            if job.over or job.state == "running":
                continue
            if stopped:
                self._end(job, "not run", "after a failure (--fail-fast)")
            elif self._must_wait(job):
                continue
            elif self._free and time.monotonic() >= self._asked.get(job, 0.0):
                self._begin(job)

    def _must_wait(self, job: Job) -> bool:
        """Whether the first phase that it needs is not done yet; if that failed, so does the job."""
        first = job.first
        if first is None or first not in self.jobs or first.state in ("done", "was done") or has_begun(job):
            return False
        if first.over:
            job.fault = first.fault
            self._end(job, "failed" if first.state == "failed" else "not run", f"{first.name}: {first.reason}")
        elif job.state != "waiting":
            job.state = "waiting"
            self.tell(job)
        return True

    def _begin(self, job: Job) -> None:
        job.lock().parent.mkdir(parents=True, exist_ok=True)
        try:
            with lock(job.lock(), wait=False):
                pass  # nobody else is at work on it; the process that is begun here takes the lock again
        except Busy:
            self._leave_to_other(job)
            return
        card = Card.read(job.folder)
        if card is not None and card.hash == job.hash and card.state == "done":
            self._end(job, "done")  # by another runner, in the meantime
            return
        slot = self._free.pop(0)
        halve = job in self._again
        order = {
            "path": sys.path, "kind": job.kind, "name": job.name, "folder": str(job.folder), "lock": str(job.lock()),
            "hash": job.hash, "identity": job.identity, "config": json.dumps(job.config.model_dump(mode="json")),
            "first": str(job.first.folder) if job.first is not None else None, "threads": slot.threads,
            "halve": halve, "command": self.command(job),
        }  # fmt: skip
        job.folder.mkdir(parents=True, exist_ok=True)
        kills = _kills_for_memory()
        with (job.folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                python("-c", _BOOT),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, **slot.environment},
                start_new_session=True,  # Ctrl-C is for the runner, which then ends the whole group
            )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone already: its end says why
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
        self._running.append(_Running(job, slot, process, time.monotonic(), kills, halve))
        job.state, job.reason, job.device, job.step, job.left = "running", "", slot.device, 0, None
        self.tell(job)

    def _leave_to_other(self, job: Job) -> None:
        self._asked[job] = time.monotonic() + _ASK_AGAIN_S
        if job.state != "elsewhere":
            job.state = "elsewhere"
            self.tell(job)

    # --- ending -------------------------------------------------------------------------------------------------------

    def _look_after(self, running: _Running) -> None:
        job = running.job
        job.seconds = time.monotonic() - running.began
        code = running.process.poll()
        if code is None:
            job.step, job.left = self._progress(job)
            return
        self._running.remove(running)
        self._free.append(running.slot)
        assert running.process.stdin is not None
        running.process.stdin.close()
        if code < 0:
            _kill(running.process)  # the processes that it leaves behind
        card = Card.read(job.folder)
        if card is not None and card.hash == job.hash:
            job.halved, job.retried = card.halved, card.retried
        if code == worker.DONE:
            self._end(job, "done")
            return
        if code == worker.ELSEWHERE:
            self._leave_to_other(job)
            return
        if code < 0:
            job.fault, job.reason = "killed", how_it_ended(code).removeprefix("was ")
            if -code == signal.SIGKILL and _kills_for_memory() > running.kills:
                job.fault, job.reason = "memory", "killed by the system, which had no memory left"
        elif card is not None and card.state == "failed" and card.fault is not None:
            job.fault, job.reason = card.fault, card.reason
        else:
            job.fault, job.reason = "internal", f"ended with code {code}; see {job.folder / LOG}"
        tried = job.retried or running.halve
        if job.fault == "memory" and not tried:
            job.state, job.reason = "queued", f"{job.reason}; again at half the batch"
            self._again.add(job)
            self.tell(job)
            return
        if job.fault == "memory":
            job.reason += "; at half the batch too"
        self._end(job, "failed", job.reason)

    def _end(self, job: Job, state: Any, reason: str = "") -> None:
        job.state, job.left = state, None
        if state == "done":
            job.fault = None
        job.reason = reason
        self.tell(job)

    def _progress(self, job: Job) -> tuple[int, float | None]:
        """The last step that the run wrote down, and the seconds that are left by its own speed, or by former ones."""
        rows = _tail(job.folder / "metrics.jsonl")
        if not rows:
            return job.step, None
        step = int(rows[-1]["step"])
        config = worker.halve(job.config, job.halved) if job.halved else job.config
        left = 0.0
        for phase, start, stop in phases(config):
            here = [row for row in rows if start < row["step"] <= stop and "loss" in row]
            each, _ = self.speeds.s_per_step(config, phase)
            if len(here) > 1 and here[-1]["step"] > here[0]["step"] and here[-1]["wall_s"] > here[0]["wall_s"]:
                each = (here[-1]["wall_s"] - here[0]["wall_s"]) / (here[-1]["step"] - here[0]["step"])
            left += max(0, stop - max(start, step)) * each
        return step, left


def _tail(path: Path, size: int = 1 << 14) -> list[dict[str, Any]]:
    """The last rows of a ``metrics.jsonl`` that are whole."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - size))
            lines = file.read().splitlines()
    except OSError:
        return []
    rows = []
    for line in lines:
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            if isinstance(row, dict) and "step" in row and "wall_s" in row:
                rows.append(row)
    return rows


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _kills_for_memory() -> int:
    """How many processes the system has killed so far for want of memory; 0 where it does not say."""
    try:
        text = Path("/proc/vmstat").read_text("ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)
