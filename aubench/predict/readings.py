"""What was read off a source: one row per face and picture, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from aubench.parameters import (
    AU,
    BASE_AU,
    INTENSITY_SCALE,
    PITCH_RANGE_DEGREES,
    POSE,
    SIZE,
    YAW_RANGE_DEGREES,
    intensity,
)

NOBODY = -1
"""The face number of a row for a picture without a face."""


@dataclass(frozen=True)
class Readings:
    """``n`` rows, by frame and then by face.

    ``frame`` (n,) from 1; ``time`` (n,) seconds, NaN for images; ``face`` (n,), :data:`NOBODY` where none was found;
    ``score`` (n,), 0 there; ``points`` (n, 5, 2) and ``box`` (n, 4) in pixels, NaN there; ``parameters`` (n, 269),
    NaN there; ``names`` (n,), the file for images, empty for video.
    """

    frame: npt.NDArray[np.int64]
    time: npt.NDArray[np.float64]
    face: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    points: npt.NDArray[np.float64]
    box: npt.NDArray[np.float64]
    parameters: npt.NDArray[np.float32]
    names: list[str]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def success(self) -> npt.NDArray[np.bool_]:
        """Which rows hold a face (n,)."""
        found: npt.NDArray[np.bool_] = self.face != NOBODY
        return found

    @property
    def intensities(self) -> npt.NDArray[np.float32]:
        """AU intensities (n, 23) on the FACS scale 0..5, NaN without a face."""
        return intensity(self.parameters[:, AU])

    @property
    def degrees(self) -> npt.NDArray[np.float32]:
        """Yaw and pitch (n, 2) in degrees, NaN without a face."""
        ranges = np.array([YAW_RANGE_DEGREES, PITCH_RANGE_DEGREES], np.float32)
        return (self.parameters[:, POSE] * 2 - 1) * ranges

    def with_intensities(self, intensities: npt.NDArray[np.floating]) -> Readings:
        """The same with other AU intensities (n, 23), which must lie in 0..5 or be NaN."""
        parameters = self.parameters.copy()
        parameters[:, AU] = BASE_AU + intensities * ((1 - BASE_AU) / INTENSITY_SCALE)
        return replace(self, parameters=parameters)


@dataclass
class Gathered:
    """Rows as they come: first the faces found, their parameters once their batch has been read."""

    _rows: list[tuple[int, float, int, float, npt.NDArray[np.float64], npt.NDArray[np.float64], str]] = field(
        default_factory=list
    )
    _parameters: list[npt.NDArray[np.float32]] = field(default_factory=list)

    def nobody(self, frame: int, time: float | None, name: str | None) -> None:
        """A picture without a face."""
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
        self._rows.append((frame, np.nan if time is None else time, number, score, points, box, name or ""))

    def read(self, parameters: npt.NDArray[np.float32]) -> None:
        """Parameters (b, 269) of the next ``b`` faces."""
        self._parameters.append(parameters)

    def readings(self) -> Readings:
        """Everything so far. Faces whose parameters have not come yet are left out."""
        known = np.concatenate([np.empty((0, SIZE), np.float32), *self._parameters])
        found = np.cumsum([row[2] != NOBODY for row in self._rows], dtype=np.int64)
        rows = [row for row, count in zip(self._rows, found, strict=True) if count <= len(known)]
        face = np.array([row[2] for row in rows], np.int64)
        parameters = np.full((len(rows), SIZE), np.nan, np.float32)
        parameters[face != NOBODY] = known
        return Readings(
            np.array([row[0] for row in rows], np.int64),
            np.array([row[1] for row in rows], np.float64),
            face,
            np.array([row[3] for row in rows], np.float64),
            np.array([row[4] for row in rows], np.float64).reshape(-1, 5, 2),
            np.array([row[5] for row in rows], np.float64).reshape(-1, 4),
            parameters,
            [row[6] for row in rows],
        )
