"""How far a long prediction is: a bar on a terminal, a line per tenth elsewhere, on stderr."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import Self

PATIENCE_S = 5.0
"""What ends sooner needs no progress."""


class Progress:
    """Called with the number of frames done, of ``total``; parts of a frame count."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total = title, total
        self._since = time.monotonic()
        self._told, self._said = -1, -math.inf

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: float) -> None:
        now = time.monotonic()
        seconds = now - self._since
        terminal = sys.stderr.isatty()
        tenth = int(10 * done / self.total)
        if seconds < PATIENCE_S or not done or (now - self._said < 0.5 if terminal else tenth == self._told):
            return
        self._told, self._said = tenth, now
        each = seconds / done
        left = each * (self.total - done)
        line = f"{self.title}: {done:.0f} of {self.total} frames, {each:.2f} s each, {left:.0f} s left"
        print(f"\r{line}\033[K" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._told >= 0 and sys.stderr.isatty():
            print(file=sys.stderr)
