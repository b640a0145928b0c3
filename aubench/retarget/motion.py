"""What a face did over time, as a rig wants it: AU weights and head angles at every picture of the source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aubench.parameters import INTENSITY_SCALE
from aubench.predict.readings import Readings
from aubench.retarget import arkit
from aubench.types import Array


@dataclass(frozen=True)
class Motion:
    """``n`` pictures: ``seconds`` (n,) from the first, rising; ``weights`` (n, 23) in 0..1, 1 for an AU of intensity 5;
    ``angles`` (n, 3) radians: yaw (positive to the picture's right), pitch (positive lowers the chin), roll (positive
    clockwise in the picture)."""

    seconds: Array
    weights: Array
    angles: Array

    def quaternions(self) -> Array:
        """The head's turns (n, 4) as x, y, z, w for axes x to the picture's right, y up, z to the viewer: first pitch
        about x, then yaw about y, then roll about -z."""
        yaw, pitch, roll = (self.angles * (0.5, 0.5, -0.5)).T
        cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
        return np.stack(
            [cr * cy * sp - sr * sy * cp, cr * sy * cp + sr * cy * sp, sr * cy * cp - cr * sy * sp,
             cr * cy * cp + sr * sy * sp], axis=1
        )  # fmt: skip


def motion(readings: Readings, face: int, rate: float) -> Motion:
    """What ``face`` does, one row for each picture. Pictures without it hold the last one that shows it, those before
    it the first; ``rate``: pictures a second, where the source has no times of its own.

    Raises ``ValueError`` when no picture shows the face."""
    frames, first = np.unique(readings.frame, return_index=True)
    seconds = readings.time[first]
    if not np.isfinite(seconds).all() or (np.diff(seconds) <= 0).any():
        seconds = (frames - 1) / rate
    rows = np.flatnonzero(readings.face == face)
    if not len(rows):
        raise ValueError(f"no picture shows face {face}")
    place = np.searchsorted(readings.frame[rows], frames, side="right") - 1
    shown = rows[place.clip(0)]
    angles = np.column_stack([np.radians(readings.degrees[shown]), arkit.roll(readings.points[shown])])
    weights = (readings.intensities[shown].astype(np.float64) / INTENSITY_SCALE).clip(0, 1)
    return Motion(seconds - seconds[0], weights, angles.astype(np.float64))
