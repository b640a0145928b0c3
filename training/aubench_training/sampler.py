"""Which frames a step sees: functions of seed and step, so that a resumed run needs no memory of where it was."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from aubench.contracts import Frames


def spread(count: int, most: int | None) -> npt.NDArray[np.int64]:
    """At most ``most`` of ``count`` rows, evenly spread."""
    if most is None or count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.int64)


def thin(frames: Frames, most: int | None) -> Frames:
    """At most so many frames, evenly spread."""
    rows = spread(len(frames), most)
    if len(rows) == len(frames):
        return frames
    return Frames(frames.dataset, frames.images[rows], frames.subject[rows], frames.sequence[rows], frames.frame[rows])


def batch_rows(seed: int, stream: int, step: int, batch: int, count: int) -> npt.NDArray[np.int64]:
    """Rows of batch ``step``: every row once per pass, in an order of its own in each pass."""
    first = step * batch
    places = np.arange(first, first + batch)
    return np.concatenate([
        order(seed, stream, int(epoch), count)[places[places // count == epoch] % count]
        for epoch in np.unique(places // count)
    ])  # fmt: skip


@functools.lru_cache(maxsize=8)
def order(seed: int, stream: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng([seed, stream, epoch]).permutation(count)
