"""What a run tells while it goes: a progress bar, ``metrics.jsonl`` and TensorBoard events, from one call per step."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

SECONDS_BETWEEN_LINES = 15.0
"""How often a run whose output is a file or a pipe prints a line instead of moving a bar."""


class Progress:
    """Reports ``total`` steps of a run into ``folder``.

    >>> with Progress(folder, total=100, title="training") as progress:   # doctest: +SKIP
    ...     progress.step(1, {"loss": 0.5})

    Every ``log_every``-th step goes to ``metrics.jsonl`` (``{"step", "phase", "wall_s", ...}``) and to TensorBoard.
    ``start`` is the step that a resumed run begins after: what was logged later than that is dropped.
    """

    def __init__(
        self, folder: Path, *, total: int, title: str, start: int = 0, log_every: int = 10, tensorboard: bool = True
    ) -> None:
        self.folder, self.total, self.title, self.start = Path(folder), total, title, start
        self.log_every, self._tensorboard = log_every, tensorboard
        self.console = Console(stderr=True)
        self._began = self._last_line = time.monotonic()
        self._done = start
        self._shown: Mapping[str, float] = {}

    def __enter__(self) -> Progress:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "metrics.jsonl"
        _forget(self.path, self.title, after=self.start)
        self._file = self.path.open("a", encoding="utf-8")
        self._writer: Any = None
        if self._tensorboard:
            from torch.utils.tensorboard import SummaryWriter  # costs a second to import

            self._writer = SummaryWriter(str(self.folder / "tensorboard" / self.title), purge_step=self.start + 1)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            _Speed(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task(self.title, total=self.total, completed=self.start, loss="-", speed=0.0)
        self._bar.start()
        self._began = self._last_line = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if kind is None and not self.console.is_terminal and self._done > self.start:
            self._line()
        self._file.close()
        if self._writer is not None:
            self._writer.close()

    @property
    def speed(self) -> float:
        """Steps per second since the start (or the resumption) of this run."""
        seconds = time.monotonic() - self._began
        return (self._done - self.start) / seconds if seconds > 0 else 0.0

    def step(self, done: int, metrics: Mapping[str, float]) -> None:
        """Report that ``done`` steps are done, with their numbers; ``"loss"`` is the one shown."""
        self._done, self._shown = done, metrics
        loss = metrics.get("loss", math.nan)
        self._bar.update(self._task, completed=done, loss=f"{loss:.4f}", speed=self.speed)
        if done % self.log_every == 0 or done == self.total:
            self.log(done, metrics)
        if not self.console.is_terminal and time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES:
            self._line()

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write numbers to ``metrics.jsonl`` and TensorBoard, without moving the bar."""
        row: dict[str, object] = {"step": step, "phase": self.title}
        row |= {"wall_s": round(time.monotonic() - self._began, 2)}
        # JSON has no NaN: null says that a number was not finite.
        row |= {name: (round(float(value), 6) if math.isfinite(value) else None) for name, value in metrics.items()}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        if self._writer is not None:
            for name, value in metrics.items():
                self._writer.add_scalar(name, value, step)

    def _line(self) -> None:
        self._last_line = time.monotonic()
        left = (self.total - self._done) / self.speed if self.speed else math.inf
        loss = self._shown.get("loss", math.nan)
        self.console.print(
            f"{self.title}: {self._done}/{self.total}, loss {loss:.4f}, {self.speed:.2f} steps/s, "
            + (f"{left:.0f} s left" if math.isfinite(left) else "time left unknown"),
            highlight=False,
        )


class _Speed(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Any:
        from rich.text import Text

        return Text(f"{task.fields['speed']:.1f} steps/s")


def _forget(path: Path, phase: str, *, after: int) -> None:
    """Drop the rows of ``phase`` that a killed run wrote after its last checkpoint, and a line cut short."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if row.get("phase") != phase or row.get("step", 0) <= after:
            kept.append(line)
    temporary = path.with_suffix(".partial")
    temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    temporary.replace(path)
