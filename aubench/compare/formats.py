"""What other tools write: which columns are AUs, on which scale, how frames are counted, how a failed frame looks.

Sources: OpenFace wiki "Output Format" and its ``RecorderCSV``; py-feat's ``Fex`` and model card; LibreFace's
``save_facial_attributes``; the headers of FaceReader's detailed logs and of iMotions' exports (FACET, AFFDEX).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Scale = Literal["intensity", "probability", "evidence"]
SCALES: dict[Scale, str] = {
    "intensity": "FACS intensity 0..5",
    "probability": "0..1, how likely or how strong, not in FACS steps",
    "evidence": "log-odds of presence, unbounded",
}
"""What the numbers of a source can be."""

_AFFDEX = {
    "innerbrowraise": 1, "browraise": 2, "browfurrow": 4, "eyewiden": 5, "cheekraise": 6, "lidtighten": 7,
    "nosewrinkle": 9, "upperlipraise": 10, "smile": 12, "dimpler": 14, "lipcornerdepressor": 15, "chinraise": 17,
    "lippucker": 18, "lipstretch": 20, "lippress": 24, "mouthopen": 25, "jawdrop": 26, "lipsuck": 28, "eyeclosure": 43,
}  # fmt: skip


@dataclass(frozen=True)
class Format:
    """One tool's table. ``columns``: AU name to column name, for a header; ``marks``: columns of which one must be
    there for the format to be recognised; ``origin``: number of a video's first frame."""

    name: str
    tool: str
    scale: Scale
    columns: Callable[[Sequence[str]], dict[str, str]]
    marks: tuple[str, ...] = ()
    frame: tuple[str, ...] = ()
    origin: int = 0
    video: str | None = None
    success: str | None = None
    confidence: str | None = None
    area: tuple[str, str] | None = None
    divide: float = 1.0
    """Some write percent."""
    clips: bool = False
    """Whether a value somewhat outside the scale is the tool's habit, and is clipped and counted."""
    blank_rows: bool = False
    """Whether rows without any AU belong to another sensor and are no frames."""
    words: tuple[str, ...] = ()
    """What stands in a cell where no face was found."""
    labels: str = "full"
    trained_on: Mapping[str, str] = field(default_factory=dict)
    """Data sets of ours that the tool's models have seen, with the source of that knowledge."""
    licence: str = ""

    def fits(self, names: Sequence[str]) -> bool:
        """Whether a header is this tool's."""
        return bool(self.columns(names)) and (not self.marks or any(mark in names for mark in self.marks))


def _matching(pattern: str, flags: int = 0) -> Callable[[Sequence[str]], dict[str, str]]:
    compiled = re.compile(pattern, flags)

    def columns(names: Sequence[str]) -> dict[str, str]:
        found = {}
        for name in names:
            if match := compiled.fullmatch(name):
                found[f"AU{int(match['number']):02d}{(match.groupdict().get('side') or '').upper()}"] = name
        return found

    return columns


def _facereader(names: Sequence[str]) -> dict[str, str]:
    both = [name for name in names if not re.search(r"\b(left|right)\b", name, re.IGNORECASE)]
    return _matching(r"Action Unit 0*(?P<number>\d+)( - .*)?", re.IGNORECASE)(both)


def _affdex(names: Sequence[str]) -> dict[str, str]:
    plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in names}
    found = {f"AU{number:02d}": plain[title] for title, number in _AFFDEX.items() if title in plain}
    return found if len(found) >= 3 else {}


FORMATS: tuple[Format, ...] = (
    Format(
        "aubench", "aubench predict", "intensity",
        _matching(r"AU(?P<number>\d\d)(?P<side>[LR]?)_r"),
        marks=("AU30L_r",),  # which no other tool has
        frame=("frame",), origin=1, success="success", confidence="confidence",
        labels="none", licence="MIT (ours)",
    ),
    Format(
        "openface", "OpenFace 2", "intensity",
        _matching(r"AU(?P<number>\d\d)_r"),  # not any name with "_r": pose_Rx is p_rx in some builds
        marks=("success", "confidence", "face_id", "timestamp", "gaze_0_x"),
        frame=("frame",), origin=1, success="success", confidence="confidence",
        trained_on={"disfa": "OpenFace's AU models were trained on DISFA", "bp4d": "... and on BP4D"},
        licence="academic, non-commercial",
    ),
    Format(
        "pyfeat", "py-feat", "probability",
        _matching(r"AU(?P<number>\d\d)"),
        marks=("FaceScore", "FaceRectX", "approx_time"),
        frame=("frame",), video="input", confidence="FaceScore", area=("FaceRectWidth", "FaceRectHeight"),
        trained_on={"disfa": "py-feat's model card lists DISFA", "bp4d": "py-feat's model card lists BP4D"},
        licence="MIT (code)",
    ),
    Format(
        "libreface", "LibreFace", "intensity",
        _matching(r"au_(?P<number>\d+)_intensity"),
        frame=("frame_idx",), clips=True,
        trained_on={"disfa": "LibreFace's intensity models were trained on DISFA"},
        licence="USC research licence",
    ),
    Format(
        "facereader", "FaceReader", "probability", _facereader,
        frame=("Frame", "Frame Number", "FrameNo"),
        words=("FIND_FAILED", "FIT_FAILED", "UNKNOWN", "-"), licence="commercial",
    ),
    Format(
        "imotions", "iMotions FACET", "evidence",
        _matching(r"AU(?P<number>\d+) Evidence", re.IGNORECASE),
        frame=("FrameNo", "FrameIndex", "Frame"), blank_rows=True, licence="commercial",
    ),
    Format(
        "affdex", "iMotions AFFDEX", "probability", _affdex,
        frame=("FrameNo", "FrameIndex", "Frame", "frame"), divide=100.0, blank_rows=True, licence="commercial",
    ),
    Format(
        "generic", "table", "intensity",
        _matching(r"AU[ _]?(?P<number>\d{1,2})(?P<side>[LR]?)(_r|_intensity)?", re.IGNORECASE),
        frame=("frame", "Frame", "frame_idx", "FrameNo"), success="success", confidence="confidence", video="video",
        labels="unknown",
    ),
)  # fmt: skip
"""In the order in which they are tried."""


def recognise(names: Sequence[str]) -> Format | None:
    """The first format that a header fits, None if it fits none."""
    return next((form for form in FORMATS if form.fits(names)), None)
