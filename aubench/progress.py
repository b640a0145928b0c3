"""How far a long stage is and how long it will still take: a bar on a terminal, a plain line now and then elsewhere.

Output goes to stderr. A log file (``nohup``, Slurm) gets a line every :data:`SECONDS_BETWEEN_LINES` seconds, also while
nothing new is reported: a thread of its own prints them, so that a log never looks as if the process hung.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

SECONDS_BETWEEN_LINES = 15.0
"""How often a line is printed where stderr is a file or a pipe. A stage that ends sooner prints none."""
_SLOW = 1.0
"""Below this many units a second, the time for one of them is told in place of the rate."""

_stages: list[Advance] = []
"""The stages that last now, each within the one before it; in a log the innermost one tells."""
_bars: list[Progress] = []
"""The bar that is on the terminal now, if any: a stage within a stage becomes a further line of it."""


class Advance:
    """Called with how much is done, of :attr:`total`, in the units of the stage.

    ``total`` and ``note`` (a few words to show, such as the loss) may change while the stage lasts. Calls may come from
    any thread.
    """

    def __init__(self, title: str, total: float | None, unit: str, start: float) -> None:
        self.title, self.total, self.unit, self.start, self.done = title, total, unit, start, start
        self.note = ""
        self._began = time.monotonic()

    def __call__(self, done: float, total: float | None = None, note: str | None = None) -> None:
        """``done`` units are done, counted from the start of the whole (not of this process)."""
        self.done = done
        self.total = self.total if total is None else total
        self.note = self.note if note is None else note

    @property
    def seconds(self) -> float:
        """How long the stage has lasted."""
        return time.monotonic() - self._began

    @property
    def speed(self) -> float:
        """Units per second since the stage began, without what was done before."""
        return (self.done - self.start) / max(self.seconds, 1e-9)

    @property
    def left_s(self) -> float | None:
        """Seconds that are left at this speed; ``None`` where that cannot be told."""
        if self.total is None or self.speed <= 0:
            return None
        return max(0.0, self.total - self.done) / self.speed

    def rate(self) -> str:
        """The speed in words, ``""`` while nothing is known."""
        if self.speed <= 0:
            return ""
        if self.unit == "bytes":
            return f"{self.speed / 1e6:.1f} MB/s"
        one = self.unit.removesuffix("s") or "step"
        return f"{self.speed:.3g} {self.unit}/s" if self.speed >= _SLOW else f"{1 / self.speed:.3g} s a {one}"

    def amount(self) -> str:
        """How much is done, of how much: ``120 of 472 frames``."""
        if self.total is None and self.done == self.start:
            return ""
        if self.unit == "bytes":
            whole = "" if self.total is None else f" of {self.total / 1e6:.1f}"
            return f"{self.done / 1e6:.1f}{whole} MB"
        whole = "" if self.total is None else f" of {self.total:.0f}"
        return f"{self.done:.0f}{whole} {self.unit}".rstrip()

    def line(self) -> str:
        """All of it in one line for a log."""
        left = self.left_s
        if left is not None:
            remaining = f"about {in_words(left)} left"
        else:
            remaining = f"{in_words(self.seconds)} so far" + (", time left unknown" if self.total is not None else "")
        return f"{self.title}: " + ", ".join(
            part for part in (self.amount(), self.note, self.rate(), remaining) if part
        )


@contextmanager
def progress(title: str, total: float | None = None, unit: str = "", *, start: float = 0) -> Iterator[Advance]:
    """Show how far a stage is while the block lasts.

    Args:
        title: What is being done, as in ``"preparing frames"``.
        total: How many units there are; ``None`` where nobody knows: then the time that has passed is shown.
        unit: What is counted, in the plural (``"frames"``); ``"bytes"`` are shown as MB.
        start: How many units were done before, by a run that is continued.

    Yields:
        An :class:`Advance`, to be called with the number of units done.

    Example:
        >>> with progress("reading", 3, "files") as advance:
        ...     for n in range(3):
        ...         advance(n + 1)
    """
    advance = Advance(title, total, unit, start)
    console = Console(stderr=True)
    with _bar(advance, console) if console.is_terminal else _lines(advance, console):
        yield advance


def in_words(seconds: float) -> str:
    """A duration for people: ``75`` as ``75 s``, ``12000`` as ``3.3 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextmanager
def _lines(advance: Advance, console: Console) -> Iterator[None]:
    over = threading.Event()

    def tell() -> None:
        while not over.wait(SECONDS_BETWEEN_LINES):
            if _stages[-1:] != [advance]:
                continue
            with contextlib.suppress(OSError, ValueError):  # nobody reads stderr any more, or it is closed
                console.print(advance.line(), markup=False, highlight=False, soft_wrap=True)

    thread = threading.Thread(target=tell, daemon=True)
    _stages.append(advance)
    thread.start()
    try:
        yield
    finally:
        _stages.remove(advance)
        over.set()
        thread.join()


@contextmanager
def _bar(advance: Advance, console: Console) -> Iterator[None]:
    outer = _bars[-1] if _bars else None
    shown = outer or Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), _Amount(), TimeElapsedColumn(),
        TimeRemainingColumn(), console=console, transient=True,
    )  # fmt: skip
    over = threading.Event()
    task = shown.add_task(advance.title, total=advance.total, visible=False, advance=advance)
    shown.update(task, completed=advance.start)

    def follow() -> None:
        while not over.wait(0.2):  # what ends at once shows nothing
            shown.update(task, completed=advance.done, total=advance.total, visible=True)

    thread = threading.Thread(target=follow, daemon=True)
    if outer is None:
        _bars.append(shown)
        shown.start()
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        shown.remove_task(task)
        if outer is None:
            shown.stop()
            _bars.remove(shown)


class _Amount(ProgressColumn):
    """What is done, the note and the rate."""

    def render(self, task: Task) -> Text:
        advance: Advance = task.fields["advance"]
        return Text(", ".join(part for part in (advance.amount(), advance.note, advance.rate()) if part))
