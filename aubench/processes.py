"""Processes that aubench starts: none outlives the one that started it, and none imports from the working directory.

A worker has a thread that waits for the end of a pipe which its parent holds open: the pipe ends with the parent,
however that ended, ``kill -9`` included. ``SIGTERM`` ends a command as Ctrl-C does: what is unfinished is removed or
can be continued.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, ParamSpec, Self, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
DEAF_S = 1.5
"""How long a signal may wait for the main thread."""
_FAREWELL_S = 2.0
"""How long :meth:`Workers.deaths` waits for the exit code of each worker."""
_AGAIN_S = 1.0
"""A second SIGTERM within so many seconds is the same one: ``timeout`` sends it to a process and to its group."""


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Terminated(KeyboardInterrupt):
    """The process was sent SIGTERM: treated as Ctrl-C is."""


@contextmanager
def termination_as_interrupt() -> Iterator[Callable[[], bool]]:
    """Within it SIGTERM raises :class:`Terminated` in the main thread, as Ctrl-C raises ``KeyboardInterrupt``; yields
    whether it has come. Where the main thread computes outside Python and so does not hear either signal within
    :data:`DEAF_S`, the process leaves at once, as after ``kill -9``."""
    heard: list[tuple[int, float]] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        again = any(number == other and now - then < _AGAIN_S for other, then in heard[-1:])
        heard.append((number, now))
        if number == signal.SIGTERM and not again:
            raise Terminated
        if number == signal.SIGINT:
            raise KeyboardInterrupt

    ours: dict[int, Any] = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    # Somebody else's handlers stay, and what is ignored, as in the background of a shell, stays ignored.
    ours = {number: usual for number, usual in ours.items() if signal.getsignal(number) is usual}
    if threading.current_thread() is not threading.main_thread() or not ours:
        yield lambda: False
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for number in ours:
        signal.signal(number, handle)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # the system's own handler writes to it
    over = threading.Event()
    threading.Thread(target=_leave_if_unheard, args=(reader, handle, heard, over), daemon=True).start()
    try:
        yield lambda: any(number == signal.SIGTERM for number, _ in heard)
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.close(writer)
        for number, usual in ours.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, usual)


def _leave_if_unheard(
    reader: int, handle: Callable[..., None], heard: list[tuple[int, float]], over: threading.Event
) -> None:
    try:
        while number := os.read(reader, 1):
            known = len(heard)
            if over.wait(DEAF_S):
                return
            if signal.getsignal(number[0]) is handle and not heard and known == 0:
                os._exit(128 + number[0])
    finally:
        os.close(reader)


# --- processes of Python's own ----------------------------------------------------------------------------------------


def python(*arguments: str) -> list[str]:
    """The command line of a new Python process that does not import from the working directory."""
    return [sys.executable, "-P", *arguments]


def leave_with_parent(handle: int = 0, *, group: bool = False) -> None:
    """End this process, and its ``group`` if asked, when the pipe ``handle`` (by default standard input) ends. The
    parent holds its other end and writes nothing more to it."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(handle, 1):
                pass
        _leave(group)

    threading.Thread(target=watch, daemon=True).start()


def _leave(group: bool) -> None:
    if group and hasattr(os, "killpg"):
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


@contextmanager
def children_environment(*, one_thread: bool = False) -> Iterator[None]:
    """What processes that are started inside find in their environment: no imports from the working directory and, with
    ``one_thread``, one thread each to compute with."""
    wanted = {"PYTHONSAFEPATH": "1", **(dict.fromkeys(_THREADS, "1") if one_thread else {})}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# --- pools ------------------------------------------------------------------------------------------------------------


class Workers:
    """A pool of worker processes, for the duration of a ``with`` block; at its end by an exception they are killed.

    The processes are started afresh (``spawn``) as tasks come, and call ``start(*arguments)`` first.

    Args:
        count: At most how many processes.
        start: Called in each before its first task.
        arguments: Its arguments, which can be pickled (a shared counter can not: see ``shared``).
        shared: An object of ``multiprocessing`` that ``start`` is given first.
        one_thread: Each computes with one thread: the processes are the parallelism.
    """

    def __init__(
        self,
        count: int,
        start: Callable[..., object] | None = None,
        arguments: tuple[Any, ...] = (),
        *,
        shared: object = None,
        one_thread: bool = True,
    ) -> None:
        self._one_thread = one_thread
        self._processes: set[BaseProcess] = set()
        self._others = set(multiprocessing.active_children())
        # What a worker is to do travels as bytes: it watches its parent before it imports what they name.
        order = pickle.dumps((start, arguments))
        context = multiprocessing.get_context("spawn")
        with children_environment(one_thread=one_thread):
            self._pool = ProcessPoolExecutor(count, context, _begin, (order, shared))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._look()
            for process in self._processes:
                process.kill()
            for process in self._processes:
                process.join()
        self._pool.shutdown(wait=True)

    def submit(self, task: Callable[P, T], /, *arguments: P.args, **options: P.kwargs) -> Future[T]:
        """Have a worker call ``task``. The result raises ``BrokenProcessPool`` if a worker's process ends early."""
        with children_environment(one_thread=self._one_thread):
            future = self._pool.submit(task, *arguments, **options)
        self._look()
        return future

    def deaths(self) -> dict[int, str]:
        """The processes that ended early, by their number, and how each ended, in words."""
        codes = {process.pid or 0: _exit_code(process, _FAREWELL_S) for process in self._processes}
        # The pool ends the others by SIGTERM when one of them is lost.
        return {pid: how_it_ended(code) for pid, code in codes.items() if code not in (None, 0, -signal.SIGTERM)}

    def _look(self) -> None:
        self._processes |= set(multiprocessing.active_children()) - self._others


def _exit_code(process: BaseProcess, within_s: float) -> int | None:
    """The exit code of a process that is ending; None if it still runs after ``within_s``.

    A thread of the pool waits for the same process. The one of the two that comes second is told by the system that
    there is no such child, and sees the code only once the first has stored it: so asking once is not enough.
    """
    process.join(within_s)
    deadline = time.monotonic() + within_s
    while process.exitcode is None and time.monotonic() < deadline:
        time.sleep(0.005)
    return process.exitcode


def how_it_ended(code: int | None) -> str:
    """The exit code of a process in words."""
    if code is None or code >= 0:
        return f"ended with code {code}"
    try:
        name = f" ({signal.Signals(-code).name})"
    except ValueError:
        name = ""
    return f"was killed by signal {-code}{name}"


def _begin(order: bytes, shared: object) -> None:
    """The first thing in a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends its workers
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_after, args=(parent,), daemon=True).start()
    start, arguments = pickle.loads(order)
    if start is not None:
        start(*(() if shared is None else (shared,)), *arguments)


def _leave_after(parent: BaseProcess) -> None:
    parent.join()
    _leave(group=False)
