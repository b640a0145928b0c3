"""Readings low-passed over time: a centred Gaussian within each uninterrupted stretch of a face.

Centred, because onsets and peaks are what is measured: a causal filter (One Euro, exponential) would move them to later
times. Gaussian, because its weights are all positive: a value never leaves the range of its neighbours, whereas a
Savitzky-Golay filter overshoots beside a fast movement, below zero too. At time t, over the readings at t_j of the same
stretch,

    y(t) = Σ w_j x_j / Σ w_j,   w_j = exp(−(t − t_j)² / 2σ²) for |t − t_j| ≤ 3σ,   σ = seconds / (2 √(2 ln 2)):

``seconds`` is the width of the kernel at half its height. Weights go by the times of the frames, so that uneven rates
do not matter. A stretch ends where a picture lacks the face, and at a cut; nothing is read across such a gap, and
nothing is put into it. Beside an end of a stretch the kernel is one-sided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.errors import UserError
from aubench.parameters import AU, POSE
from aubench.predict.readings import Readings

REACH = 3.0
"""In σ: how far the kernel goes."""
LONGEST = 60.0


def parse(text: str) -> float | None:
    """Seconds that ``--smooth`` asks for, ``None`` for "off"."""
    if text.lower() == "off":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    if not 0 < seconds <= LONGEST:
        hint = "; to low-pass the five points as before, use --steady" if text == "light" else ""
        raise UserError(
            f"--smooth {text}: give seconds, above 0 and up to {LONGEST:g}, such as 0.5, or off{hint}",
            code="option-invalid",
        )
    return seconds


def smoothed(readings: Readings, seconds: float) -> Readings:
    """``readings`` with AUs and pose low-passed. Raises :class:`UserError` for pictures, which have no times."""
    if np.isnan(readings.time).any():
        raise UserError("--smooth: images have no times to smooth over; use --smooth off", code="source-unsupported")
    sigma = seconds / (2 * np.sqrt(2 * np.log(2)))
    parameters = readings.parameters.copy()
    columns = np.r_[POSE, AU]
    for rows in stretches(readings):
        parameters[np.ix_(rows, columns)] = _gaussian(
            readings.time[rows], readings.parameters[np.ix_(rows, columns)].astype(np.float64), sigma
        )
    return replace(readings, parameters=parameters)


def described(seconds: float) -> dict[str, Any]:
    """For the record of a table: which filter ran over AUs and pose, before anything else was done to them."""
    return {"kernel": "centred Gaussian within each uninterrupted stretch", "seconds_at_half_height": seconds}


def stretches(readings: Readings) -> Iterator[npt.NDArray[np.intp]]:
    """The rows of each uninterrupted run of pictures, of one scene, that one face is in."""
    scene = np.searchsorted(np.array(readings.cuts, np.int64), readings.frame, side="right")
    for face in np.unique(readings.face[readings.success]):
        rows = np.flatnonzero(readings.face == face)
        ends = (np.diff(readings.frame[rows]) != 1) | (np.diff(scene[rows]) != 0)
        yield from np.split(rows, np.flatnonzero(ends) + 1)


def _gaussian(time: npt.NDArray[np.float64], values: npt.NDArray[np.float64], sigma: float) -> npt.NDArray[np.float64]:
    """Values (n, k) at ``time`` (n,), ascending, low-passed."""
    low = np.searchsorted(time, time - REACH * sigma, side="left")
    high = np.searchsorted(time, time + REACH * sigma, side="right")
    out = np.empty_like(values)
    for i, (first, past) in enumerate(zip(low, high, strict=True)):
        weights = np.exp(-0.5 * ((time[first:past] - time[i]) / sigma) ** 2)
        out[i] = weights @ values[first:past] / weights.sum()
    return out
