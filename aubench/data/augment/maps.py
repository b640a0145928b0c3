"""Reading pictures and fields at places between their cells."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from aubench.types import Floats

Number = TypeVar("Number", np.float32, np.uint8)


def look_up(field: npt.NDArray[Number], places: Floats) -> npt.NDArray[Number]:
    """``field`` (n, m) or (n, m, c) at ``places`` (h, w, 2), x then y in cells, (0, 0) being the first one's centre:
    straight in between, and beyond the edges the edge."""
    x, y = cv2.split(places)
    return look_up_at(field, np.asarray(x, np.float32), np.asarray(y, np.float32))


def look_up_at(field: npt.NDArray[Number], x: Floats, y: Floats) -> npt.NDArray[Number]:
    """The same with x and y (h, w) apart."""
    return np.asarray(cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), field.dtype)
