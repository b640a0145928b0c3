"""Ending early when asked to: what was read before Ctrl-C or SIGTERM is kept."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """While it is entered, the first SIGINT or SIGTERM is noted; a second one ends the process at once.

    A signal that the process ignores (as ``nohup`` has it) stays ignored. Outside the main thread nothing changes.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        """The signal that came, if any."""
        self.heeded = False
        """Whether :meth:`asked` has told of it."""
        self._before: dict[signal.Signals, Any] = {}

    def asked(self) -> bool:
        """Whether to stop now."""
        self.heeded = self.heeded or self.signal is not None
        return self.heeded

    @property
    def code(self) -> int:
        """The exit code for the signal that came: 130 or 143."""
        return 128 + int(self.signal or 0)

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():
            for each in SIGNALS:
                if signal.getsignal(each) != signal.SIG_IGN:
                    self._before[each] = signal.signal(each, self._came)
        return self

    def _came(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.signal = signal.Signals(number)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each, before in self._before.items():
            signal.signal(each, before)
