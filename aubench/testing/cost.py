"""How long a call takes, and how much memory the process holds at its highest while it runs."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Cost:
    """``seconds``: the median call; ``peak_mib``: the highest resident memory of the process, during these calls where
    the system can tell (Linux), else of the process so far; None where it cannot be asked."""

    seconds: float
    peak_mib: float | None


def measure(call: Callable[[], object], repeats: int = 5) -> Cost:
    """Call once to warm up, then ``repeats`` times."""
    call()
    forget_peak()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return Cost(statistics.median(times), peak_mib())


def forget_peak() -> None:
    """Let :func:`peak_mib` count from here, where the system allows."""
    try:
        _RESET.write_text("5")
    except OSError:
        return


def peak_mib() -> float | None:
    """Highest resident memory of this process in MiB."""
    try:
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    except (OSError, StopIteration, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    per_mib = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mib
