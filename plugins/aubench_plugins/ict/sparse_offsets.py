"""Sparse rows of displacements: most shapes move a part of the head only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numba as nb
import numpy as np

from aubench.drawing.arrays import Floats, Ints

_TINY = 2e-4
"""Displacements below this, in centimetres, are dropped."""


@dataclass(frozen=True, eq=False)
class Rows:
    """``start`` (r + 1,), ``ids`` (k,), ``moves`` (k, 3): row n moves the vertices ``ids[start[n]:start[n + 1]]``."""

    start: Ints
    ids: Ints
    moves: Floats

    @classmethod
    def of(cls, deltas: Iterable[Floats]) -> Rows:
        """From dense displacements (n, 3), one after another."""
        start, ids, moves = [0], [], []
        for delta in deltas:
            size = np.abs(delta).T
            mine = np.flatnonzero(np.maximum(np.maximum(size[0], size[1]), size[2]) > _TINY)
            ids.append(mine.astype(np.int32))
            moves.append(delta[mine].astype(np.float32))
            start.append(start[-1] + len(mine))
        return cls(np.array(start, np.int64), np.concatenate(ids), np.concatenate(moves))

    def add(self, numbers: Floats, out: Floats) -> None:
        """Add row n times ``numbers[n]`` to ``out`` (n, 3) float32, in place."""
        _add(np.ascontiguousarray(numbers, np.float32), self.start, self.ids, self.moves, out)


@nb.njit(cache=True, nogil=True)
def _add(numbers: Floats, start: Ints, ids: Ints, moves: Floats, out: Floats) -> None:
    for row in range(len(numbers)):
        a = numbers[row]
        if a == 0.0:
            continue
        for k in range(start[row], start[row + 1]):
            v = ids[k]
            out[v, 0] += a * moves[k, 0]
            out[v, 1] += a * moves[k, 1]
            out[v, 2] += a * moves[k, 2]
