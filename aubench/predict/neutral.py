"""A person's own zero: what the AUs read on the neutral face, taken off all readings of that face.

A resting face seldom reads as zero: brows, lids and mouth corners differ from person to person. With n the reading of
the neutral face and x any other, per AU and face,

    y = clip((x − n) · 5 / (5 − m), 0, 5),   m = min(n, 2.5):

n becomes 0 and, up to n = 2.5, 5 stays 5. Plain subtraction would make the top of the scale unreachable for a person
whose neutral face reads high; the stretch that mends it also stretches the noise, by 2 at most, which is what m is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from aubench.errors import UserError, did_you_mean
from aubench.parameters import AU_NAMES, INTENSITY_SCALE
from aubench.predict.readings import NOBODY, Readings
from aubench.predict.sources import Source

Kind = Literal["none", "auto", "running", "first", "median", "frame", "picture", "person"]
WORDS: tuple[Kind, ...] = ("none", "auto", "running", "first", "median")
FIRST = 5
"""Readings of a face whose mean ``first`` takes for its neutral one."""
STRETCHED_BELOW = INTENSITY_SCALE / 2
"""Neutral intensities above this one stretch what is left no further."""
Zeros = dict[int, npt.NDArray[np.float64]]
"""The neutral intensities (23,) of each face, by its number."""


@dataclass(frozen=True)
class Neutral:
    """Where the neutral face is: in the calm frames of all (``auto``) or of those so far (``running``), in the first
    ones, in the median of all readings, in one frame, in a picture, or in a saved person."""

    kind: Kind
    frame: int = 0
    path: Path | None = None

    def __str__(self) -> str:
        name = self.path.name if self.path else ""
        told = {
            "frame": f"frame {self.frame}",
            "picture": f"picture {name}",
            "person": f"person {name}",
            "auto": "calm frames",
            "running": "calm frames so far",
        }
        return told.get(self.kind, self.kind)


def parse(text: str, total: int | None = None) -> Neutral:
    """What ``--neutral`` means: one of :data:`WORDS`, a frame from 1 to ``total`` (where known), or a picture file."""
    for word in WORDS:
        if text == word:
            return Neutral(word)
    if text.lstrip("-").isdecimal():
        number = int(text)
        if number < 1 or (total is not None and number > total):
            last = f"1 to {total}" if total is not None else "1 on"
            raise UserError(
                f"--neutral {text}: no such frame; frames go from {last}, as in the column 'frame'",
                code="frame-missing",
            )
        return Neutral("frame", frame=number)
    path = Path(text)
    if not path.is_file():
        raise UserError(
            f"--neutral {text}: neither {', '.join(WORDS)}, nor a frame number, nor an image file. "
            f"{did_you_mean(text, WORDS)}",
            code="option-invalid",
        )
    return Neutral("picture", path=path)


def check_person(neutral: Neutral, source: Source, *, same_person: bool, faces: int) -> str:
    """Refuse to take one person's zero off another's readings, before anything is read.

    Args:
        neutral: Where the zero is taken from.
        source: What will be read.
        same_person: Whether the user says that all of it shows one person.
        faces: How many faces are read in each picture.

    Returns:
        What needs a source without cuts, for :func:`aubench.predict.run.read`; empty where nothing does.

    Raises:
        UserError: ``person-ambiguous`` for pictures that may show several people; ``option-conflict`` for several faces
            in each picture of the same person.
    """
    if same_person and faces > 1:
        raise UserError(
            f"--same-person and --max-faces {faces}: one person has one face in each image; use --max-faces 1",
            code="option-conflict",
        )
    if neutral.kind == "none" or same_person:
        return ""
    if source.follows:
        option = "--person" if neutral.kind == "person" else "--neutral"
        return f"{option} {neutral.path or neutral.frame or neutral.kind}"
    if source.total == 1:
        return ""
    if neutral.kind in ("picture", "person"):
        option = "--person" if neutral.kind == "person" else "--neutral"
        raise UserError(
            f"{option} {neutral.path}: the images in {source.name} may show several people; add --same-person "
            "--max-faces 1 if all show the person in that image, or make one folder per person",
            code="person-ambiguous",
        )
    raise UserError(
        f"--neutral {neutral.frame or neutral.kind}: the images in {source.name} may show several people, and "
        "face_id does not identify a person across images; make one folder per person, and give an image of the "
        "neutral face (--neutral IMAGE --same-person --max-faces 1)",
        code="person-ambiguous",
    )


def face_at_rest(picture: Readings, path: Path) -> npt.NDArray[np.float64]:
    """The intensities (23,) of the first face of a picture that was read. Raises :class:`UserError` for none."""
    if not picture.success.any():
        raise UserError(f"--neutral {path}: no face was found in this image; use another", code="no-face")
    values: npt.NDArray[np.float64] = _own(picture, np.flatnonzero(picture.success)[:1])[0]
    return values


def zeros(readings: Readings, neutral: Neutral, at_rest: npt.NDArray[np.float64] | None = None) -> Zeros:
    """The neutral intensities of every face in ``readings``.

    ``at_rest``: what was read off a neutral that is a picture. Raises :class:`UserError` for a frame without the face.
    """
    faces = [int(face) for face in np.unique(readings.face[readings.success])]
    if neutral.kind == "none" or not faces:
        return {}
    if neutral.kind == "picture":
        assert at_rest is not None  # of face_at_rest()
        if len(faces) > 1:
            raise UserError(
                f"--neutral {neutral.path}: the image shows one person, but {len(faces)} faces were found; use "
                "--max-faces 1, or --neutral median",
                code="person-ambiguous",
            )
        return {faces[0]: at_rest}
    out: Zeros = {}
    for face in faces:
        rows = np.flatnonzero(readings.face == face)
        if neutral.kind == "median":
            out[face] = np.median(_own(readings, rows), axis=0)
        elif neutral.kind == "first":
            out[face] = _own(readings, rows[:FIRST]).mean(axis=0)
        else:
            out[face] = _own(readings, rows[[row_of(readings, rows, face, neutral.frame, len(faces))]])[0]
    return out


def calibrated(readings: Readings, zero: Mapping[int, npt.NDArray[np.float64]]) -> Readings:
    """``readings`` with each face's own ``zero`` taken off its AUs, by the equation of this module."""
    if not zero:
        return readings
    values = readings.intensities.astype(np.float64)
    for face, neutral in zero.items():
        own = readings.face == face
        gain = INTENSITY_SCALE / (INTENSITY_SCALE - np.minimum(neutral, STRETCHED_BELOW))
        values[own] = np.clip((values[own] - neutral) * gain, 0, INTENSITY_SCALE)
    return readings.with_intensities(values)


def described(neutral: Neutral, zero: Mapping[int, npt.NDArray[np.float64]]) -> dict[str, Any]:
    """For the record of a table: where the zero was taken from, what was done with it, and what it was."""
    return {
        "from": str(neutral),
        "equation": "clip((x - n) * 5 / (5 - min(n, 2.5)), 0, 5)",
        "n": {
            str(face): {name: round(float(value), 3) for name, value in zip(AU_NAMES, values, strict=True)}
            for face, values in zero.items()
        },
    }


def _own(readings: Readings, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    return readings.intensities[rows].astype(np.float64)


def row_of(readings: Readings, rows: npt.NDArray[np.intp], face: int, frame: int, faces: int) -> int:
    """Which of a face's rows is in ``frame``."""
    frames = readings.frame[rows]
    there = np.flatnonzero(frames == frame)
    if len(there):
        return int(there[0])
    nearest = int(frames[np.argmin(np.abs(frames - frame))])
    last = int(readings.frame[-1])
    if frame > last:
        raise UserError(
            f"--neutral {frame}: only {last} frames were read; the last with face {face} is {nearest}",
            code="frame-missing",
        )
    empty = bool((readings.face[readings.frame == frame] == NOBODY).all())
    what = "no face is found in this frame" if empty or faces == 1 else f"face {face} is not in this frame"
    hint = "" if faces == 1 else ", or --max-faces 1, or --neutral median"
    raise UserError(f"--neutral {frame}: {what}; the nearest frame with one is {nearest}{hint}", code="frame-missing")
