"""How far a long prediction is: a bar on a terminal, a line per tenth elsewhere, on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

PATIENCE_S = 5.0
"""What ends sooner needs no progress."""


class Progress:
    """Called with the number of frames done, of ``total``."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total = title, total
        self._since = time.monotonic()
        self._told = -1

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int) -> None:
        seconds = time.monotonic() - self._since
        if seconds < PATIENCE_S or not done:
            return
        terminal = sys.stderr.isatty()
        tenth = 10 * done // self.total
        if not terminal and tenth == self._told:
            return
        self._told = tenth
        left = seconds / done * (self.total - done)
        line = f"{self.title}: {done} of {self.total} frames, {seconds / done:.2f} s each, {left:.0f} s left"
        print(f"\r{line}\033[K" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._told >= 0 and sys.stderr.isatty():
            print(file=sys.stderr)
