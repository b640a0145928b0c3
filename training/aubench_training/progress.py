"""What a run tells while it goes: a progress bar, ``metrics.jsonl`` and TensorBoard events, from one call per step."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from aubench.progress import Advance, progress


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
        self._began = time.monotonic()
        self._shown = contextlib.ExitStack()
        self._advance = Advance(title, total, "steps", start)

    def __enter__(self) -> Progress:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "metrics.jsonl"
        _forget(self.path, self.title, after=self.start)
        self._file = self.path.open("a", encoding="utf-8")
        self._writer: Any = None
        if self._tensorboard:
            from torch.utils.tensorboard import SummaryWriter  # costs a second to import

            self._writer = SummaryWriter(str(self.folder / "tensorboard" / self.title), purge_step=self.start + 1)
        self._advance = self._shown.enter_context(progress(self.title, self.total, "steps", start=self.start))
        self._began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.close()
        if kind is None and self._advance.done > self.start and not sys.stderr.isatty():
            print(self._advance.line(), file=sys.stderr, flush=True)  # how it ended, for the log
        self._file.close()
        if self._writer is not None:
            self._writer.close()

    @property
    def speed(self) -> float:
        """Steps per second since the start (or the resumption) of this run."""
        return self._advance.speed

    def step(self, done: int, metrics: Mapping[str, float]) -> None:
        """Report that ``done`` steps are done, with their numbers; ``"loss"`` is the one shown."""
        self._advance(done, self.total, f"loss {metrics.get('loss', math.nan):.4f}")
        if done % self.log_every == 0 or done == self.total:
            self.log(done, metrics)

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
