"""CK+'s text files: FACS codes of the peak frame, landmarks of every frame, the emotion of some sequences."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aubench.data.layout import LARGEST_FRAME, Fault, listed, shown, text_lines, whole

UNKNOWN = 0
"""Intensity 0 in a FACS file: the AU is there, its intensity was not given. Never "absent"."""
POINTS = 68
EMOTIONS = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
_FRAME = re.compile(r"S0*(\d{1,4})_0*(\d{1,4})_0*(\d{1,8})(?:_(?:facs|landmarks|emotion))?", re.IGNORECASE)


def frame_key(stem: str) -> tuple[str, str, int] | None:
    """("S005", "001", 11) out of ``S005_001_00000011`` with or without ``_facs`` behind it."""
    match = _FRAME.fullmatch(stem)
    if match is None or not 0 < int(match[3]) <= LARGEST_FRAME:
        return None
    return f"S{int(match[1]):03d}", f"{int(match[2]):03d}", int(match[3])


@dataclass
class Facs:
    """Intensity by AU number, 1..5, or :data:`UNKNOWN`; AUs that are not listed are absent."""

    codes: dict[int, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_facs(path: Path) -> Facs:
    """Two floats a line, AU and intensity. An empty file is a face at rest: no AU is listed."""
    found = Facs()
    try:
        lines = text_lines(path)
    except OSError as error:
        found.faults.append((None, f"cannot be read ({error.strerror or error})"))
        return found
    for number, line in lines:
        cells = line.replace(",", " ").split()
        values = [whole(cell) for cell in cells]
        if len(cells) != 2:
            found.faults.append((number, f"{shown(line)} is not an AU and an intensity"))
            continue
        au, code = values
        if au is None or not 0 < au < 100:
            found.faults.append((number, f"{cells[0]} is no AU number"))
        elif code is None or not 0 <= code <= 5:
            found.faults.append((number, f"intensity {cells[1]} of AU{au:02d} is none of 0, 1, 2, 3, 4, 5"))
        elif found.codes.get(au, code) != code:
            found.faults.append((number, f"AU{au:02d} is listed with two intensities"))
        else:
            found.codes[au] = code
    return found


def read_emotion(path: Path) -> str:
    """The emotion's name. Raises ``ValueError`` saying what is wrong."""
    try:
        lines = text_lines(path)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror or error})") from None
    code = whole(lines[0][1]) if len(lines) == 1 else None
    if code is None or not 0 <= code < len(EMOTIONS):
        raise ValueError(f"{listed(shown(line) for _, line in lines) or 'nothing'} is no emotion from 0 to 7")
    return EMOTIONS[code]


def read_points(path: Path) -> npt.NDArray[np.float64]:
    """Pixels (68, 2), x then y. Raises ``ValueError`` saying what is wrong, with the line."""
    try:
        lines = text_lines(path)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror or error})") from None
    rows = []
    for number, line in lines:
        try:
            x, y = (float(cell) for cell in line.replace(",", " ").split())
        except ValueError:
            raise ValueError(f"line {number}: {shown(line)} is not x and y") from None
        rows.append((x, y))
    points = np.array(rows)
    if len(rows) != POINTS or not np.isfinite(points).all():
        raise ValueError(f"holds {len(rows)} points, not {POINTS}")
    return points
