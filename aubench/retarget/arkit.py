"""AUs as the 52 face shapes of ARKit, in the CSV of the app Live Link Face, which Unreal and Blender add-ons read.

A shape's weight is the sum of what its AUs give, at most 1. ARKit has no shape for lips that part over a closed jaw
(AU25): it gets a part of the shapes that bare the teeth. AU23 (tightened lips) has none either and gets rolled lips.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aubench.parameters import AU_NAMES, INTENSITY_SCALE
from aubench.predict.readings import Readings

SHAPES = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel",
    "MouthPucker", "MouthRight", "MouthLeft", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft", "MouthFrownRight",
    "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight", "MouthRollLower", "MouthRollUpper",
    "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight", "MouthLowerDownLeft",
    "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft", "BrowDownRight", "BrowInnerUp",
    "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft",
    "NoseSneerRight", "TongueOut",
)  # fmt: skip
ANGLES = (
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch",
    "RightEyeRoll",
)  # fmt: skip
"""In radians; the eyes' are 0, since gaze is not read."""
HEAD = ("Timecode", "BlendShapeCount", *SHAPES, *ANGLES)
_LONGEST = 1 << 14


def _pair(name: str, share: float = 1.0) -> dict[str, float]:
    return {f"{name}Left": share, f"{name}Right": share}


SHARES: Mapping[str, Mapping[str, float]] = {
    "AU01": {"BrowInnerUp": 1.0},
    "AU02": _pair("BrowOuterUp"),
    "AU04": _pair("BrowDown"),
    "AU05": _pair("EyeWide"),
    "AU06": _pair("CheekSquint"),
    "AU07": _pair("EyeSquint"),
    "AU09": _pair("NoseSneer"),
    "AU10": _pair("MouthUpperUp"),
    "AU12": _pair("MouthSmile"),
    "AU14": _pair("MouthDimple"),
    "AU15": _pair("MouthFrown"),
    "AU16": _pair("MouthLowerDown"),
    "AU17": {"MouthShrugLower": 1.0},
    "AU18": {"MouthPucker": 1.0},
    "AU20": _pair("MouthStretch"),
    "AU22": {"MouthFunnel": 1.0},
    "AU23": {"MouthRollLower": 0.5, "MouthRollUpper": 0.5},
    "AU24": _pair("MouthPress"),
    "AU25": {**_pair("MouthLowerDown", 0.5), **_pair("MouthUpperUp", 0.25)},
    "AU26": {"JawOpen": 0.7},  # a dropped jaw; the whole of JawOpen is the stretched mouth of AU27
    "AU43": _pair("EyeBlink"),
    "AU30L": {"JawLeft": 1.0},
    "AU30R": {"JawRight": 1.0},
}
"""What an AU of intensity 5 gives to which shapes."""
_MATRIX = np.array([[SHARES[au].get(shape, 0.0) for shape in SHAPES] for au in AU_NAMES])


def shapes(intensities: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Weights (n, 52) in 0..1, in the order of :data:`SHAPES`, of AU intensities (n, 23) in 0..5."""
    weights: npt.NDArray[np.float64] = np.asarray(intensities, np.float64) / INTENSITY_SCALE @ _MATRIX
    return weights.clip(0.0, 1.0)


def roll(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Radians (n,) by which the line through the eyes, the first two of five points (n, 5, 2) in pixels, is turned
    clockwise in the picture."""
    eyes = np.asarray(points, np.float64)[:, 1] - np.asarray(points, np.float64)[:, 0]
    angles: npt.NDArray[np.float64] = np.arctan2(eyes[:, 1], eyes[:, 0])
    return angles


def table(readings: Readings, face: int, rate: float) -> str:
    """The CSV of one face, a row for each picture that shows it; ``rate``: pictures a second, for the time code
    ``hours:minutes:seconds:picture``. Pictures without the face have no row."""
    rows = np.flatnonzero(readings.face == face)
    weights = shapes(readings.intensities[rows])
    head = np.zeros((len(rows), len(ANGLES)))
    head[:, :2] = np.radians(readings.degrees[rows])
    head[:, 2] = roll(readings.points[rows])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for row, values, angles in zip(rows, weights, head, strict=True):
        code = timecode(int(readings.frame[row]) - 1, rate)
        numbers = [f"{value:.6f}" for value in (*values, *angles)]
        writer.writerow([code, len(SHAPES) + len(ANGLES), *numbers])
    return text.getvalue()


def is_table(path: Path) -> bool:
    """Whether a file is a table of :func:`table`, and not a recording of the app.

    That has the same columns, but its eyes turn, and its time codes have fractions of a picture.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader([file.readline(_LONGEST), file.readline(_LONGEST)]))
    except (OSError, ValueError, csv.Error):
        return False
    if not rows or tuple(rows[0]) != HEAD:
        return False
    return not rows[1:] or (rows[1][0].endswith(".000") and all(float(cell) == 0 for cell in rows[1][-6:]))


def timecode(number: int, rate: float) -> str:
    """Of the picture ``number``, from 0, at ``rate`` a second: ``00:00:01:05.000``."""
    whole = max(1, math.ceil(rate - 1e-6))
    second = int(number / rate + 1e-9)
    picture = min(whole - 1, number - math.ceil(second * rate - 1e-9))
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}:{picture:02d}.000"
