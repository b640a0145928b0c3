"""What readers of original folders share besides paths: collecting problems, and joining labels to frames by number."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aubench.data.layout import Fault, spans
from aubench.data.records import Problem, Severity, State, empty_labels


class Problems:
    """The problems of one scan, in the order in which they were met."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, severity: Severity, path: Path, message: str, line: int | None = None, recording: str = "") -> None:
        self.found.append(Problem(severity, path, message, line, recording))

    def error(self, path: Path, message: str, line: int | None = None, recording: str = "") -> None:
        self.add("error", path, message, line, recording)

    def warning(self, path: Path, message: str, line: int | None = None, recording: str = "") -> None:
        self.add("warning", path, message, line, recording)

    def note(self, path: Path, message: str, line: int | None = None, recording: str = "") -> None:
        self.add("note", path, message, line, recording)

    def faults(self, path: Path, faults: Iterable[Fault], recording: str = "", severity: Severity = "error") -> None:
        """What a parser found wrong in one file."""
        for line, message in faults:
            self.add(severity, path, message, line, recording)

    def paths(self, faults: Iterable[tuple[Path, str]], recording: str = "", severity: Severity = "error") -> None:
        """Files that are wrong as such."""
        for path, message in faults:
            self.add(severity, path, message, None, recording)

    def done(self) -> tuple[Problem, ...]:
        return tuple(self.found)


def joined(
    frames: npt.NDArray[np.int64], columns: Sequence[Mapping[int, int]], missing: Collection[int] = ()
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """``values`` and ``states`` (n, a) of ``frames``, ascending, from one mapping of frame number to code for each AU.

    Frames that a mapping lacks are MISSING, and so are those with a code in ``missing``; codes of frames that are not
    asked for are left out.
    """
    values, states = empty_labels(len(frames), len(columns))
    for column, codes in enumerate(columns):
        known = {frame: code for frame, code in codes.items() if code not in missing}
        numbers = np.fromiter(known, np.int64, len(known))
        rows = np.searchsorted(frames, numbers)
        there = rows < len(frames)
        there[there] = frames[rows[there]] == numbers[there]
        values[rows[there], column] = np.fromiter(known.values(), np.float32, len(known))[there]
        states[rows[there], column] = State.VALUE
    return values, states


def gaps(numbers: Collection[int]) -> str:
    """The numbers that are lacking between the first and the last, as ranges; empty where there are none."""
    # From neighbour to neighbour: one wrong line may name a frame that lies millions behind the others.
    there = sorted(set(numbers))
    return spans((left + 1, right - 1) for left, right in pairwise(there) if right > left + 1)


def au_name(number: int) -> str:
    """``AU04``."""
    return f"AU{number:02d}"
