"""Rows while they are read, in arrays that grow by blocks: an object for each of 100,000 frames would take a hundred
times the room, and keep the memory of the networks' work from being given back."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from aubench.parameters import AU, SIZE
from aubench.predict.readings import NOBODY, Readings

MEASURED = AU.stop
"""How many of the parameters are pose and AUs; these come first."""
_BLOCK = 4096


class Gathered:
    """Rows as they come: first the faces found, their parameters once their batch has been read.

    ``full`` keeps all 269 parameters of a face (1.2 kB a row); otherwise pose and AUs only (0.25 kB). ``entries``: how
    many numbers of a face are kept for comparing it with its person's neutral, see :mod:`aubench.person`.
    """

    def __init__(self, *, full: bool = True, entries: int = 0) -> None:
        self.width, self.entries = SIZE if full else MEASURED, entries
        self.cuts: list[int] = []
        """The numbers of the pictures with which another scene begins."""
        self.problems: dict[int, str] = {}
        """Why the picture of this number could not be read."""
        self._row = np.dtype(
            [
                ("frame", np.int64), ("time", np.float64), ("face", np.int64), ("score", np.float64),
                ("points", np.float64, (5, 2)), ("box", np.float64, (4,)), ("parameters", np.float32, (self.width,)),
                ("entry", np.float32, (self.entries,)),
            ]
        )  # fmt: skip
        self._blocks: list[npt.NDArray[np.void]] = []
        self._names: dict[int, str] = {}
        self._count = 0
        self._unread: deque[int] = deque()

    @property
    def complete(self) -> int:
        """How many rows are whole, up to the first face whose parameters have not come yet."""
        return self._unread[0] if self._unread else self._count

    def nobody(self, frame: int, time: float | None, name: str | None, problem: str = "") -> None:
        """A picture without a face; with a ``problem`` one that could not be read."""
        if problem:
            self.problems[frame] = problem
        self._add(frame, time, NOBODY, 0.0, np.full((5, 2), np.nan), np.full(4, np.nan), name)

    def face(
        self,
        frame: int,
        time: float | None,
        number: int,
        score: float,
        points: npt.NDArray[np.float64],
        box: npt.NDArray[np.float64],
        name: str | None,
    ) -> None:
        """A face, whose parameters will come with :meth:`read`, in the same order."""
        self._unread.append(self._count)
        self._add(frame, time, number, score, points, box, name)

    def _add(
        self,
        frame: int,
        time: float | None,
        number: int,
        score: float,
        points: npt.NDArray[np.float64],
        box: npt.NDArray[np.float64],
        name: str | None,
    ) -> None:
        block, place = divmod(self._count, _BLOCK)
        if block == len(self._blocks):
            self._blocks.append(np.empty(_BLOCK, self._row))
        nothing = np.full(self.width, np.nan, np.float32)
        no_entry = np.full(self.entries, np.nan, np.float32)
        when = np.nan if time is None else time
        self._blocks[block][place] = (frame, when, number, score, points, box, nothing, no_entry)
        if name:
            self._names[self._count] = name
        self._count += 1

    def read(self, parameters: npt.NDArray[np.float32]) -> None:
        """Parameters (b, 269), and behind them the entries, if any, of the next ``b`` faces."""
        for row in parameters:
            block, place = divmod(self._unread.popleft(), _BLOCK)
            self._blocks[block]["parameters"][place] = row[: self.width]
            self._blocks[block]["entry"][place] = row[SIZE : SIZE + self.entries]

    def readings(self, first: int = 0) -> Readings:
        """The rows that are complete, from row ``first`` on."""
        last = self.complete
        parts = [
            block[max(first - start, 0) : last - start]
            for start, block in zip(range(0, last, _BLOCK), self._blocks, strict=False)
            if start + _BLOCK > first
        ]
        rows = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, self._row), *parts])
        frames = rows["frame"]
        low, high = (int(frames[0]), int(frames[-1])) if len(rows) else (0, -1)
        return Readings(
            frames.copy(),
            rows["time"].copy(),
            rows["face"].copy(),
            rows["score"].copy(),
            rows["points"].copy(),
            rows["box"].copy(),
            rows["parameters"].copy(),
            [self._names.get(row, "") for row in range(first, last)],
            cuts=tuple(cut for cut in self.cuts if low <= cut <= high),
            problems={frame: why for frame, why in self.problems.items() if low <= frame <= high},
            entries=rows["entry"].copy() if self.entries else None,
        )
