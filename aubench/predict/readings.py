"""What was read off a source: one row per face and picture, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aubench.parameters import (
    AU,
    BASE_AU,
    INTENSITY_SCALE,
    PITCH_RANGE_DEGREES,
    POSE,
    YAW_RANGE_DEGREES,
    intensity,
)

if TYPE_CHECKING:
    import pandas as pd

NOBODY = -1
"""The face number of a row for a picture without a face."""


@dataclass(frozen=True)
class Readings:
    """``n`` rows, by frame and then by face.

    ``frame`` (n,) from 1; ``time`` (n,) seconds, NaN for images; ``face`` (n,), :data:`NOBODY` where none was found;
    ``score`` (n,), 0 there; ``points`` (n, 5, 2) and ``box`` (n, 4) in pixels, NaN there; ``parameters`` (n, 269), or
    (n, 25) where only pose and AUs were kept, NaN there; ``names`` (n,), the file for images, empty for video.

    ``face`` follows a face by its place within a scene; it does not name a person across pictures or cuts. ``cuts``
    are the frames of a video with which another scene begins, ``problems`` says of frames why they could not be read.
    ``entries`` (n, d): what is compared with a person's neutral, where that was asked for; NaN without a face.
    """

    frame: npt.NDArray[np.int64]
    time: npt.NDArray[np.float64]
    face: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    points: npt.NDArray[np.float64]
    box: npt.NDArray[np.float64]
    parameters: npt.NDArray[np.float32]
    names: list[str]
    cuts: tuple[int, ...] = ()
    problems: Mapping[int, str] = field(default_factory=dict)
    entries: npt.NDArray[np.float32] | None = None

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

    def to_frame(self) -> pd.DataFrame:
        """The readings as a DataFrame, with the columns of the CSV that ``aubench predict`` writes; NaN where a cell is
        empty there."""
        import io

        import pandas as pd

        from aubench.predict.table import to_csv

        return pd.read_csv(io.StringIO(to_csv(self)))

    def with_intensities(self, intensities: npt.NDArray[np.floating]) -> Readings:
        """The same with other AU intensities (n, 23), which must lie in 0..5 or be NaN."""
        parameters = self.parameters.copy()
        parameters[:, AU] = BASE_AU + intensities * ((1 - BASE_AU) / INTENSITY_SCALE)
        return replace(self, parameters=parameters)
