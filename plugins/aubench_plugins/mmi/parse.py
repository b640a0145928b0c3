"""MMI's XML files: the AU phases of a video, and what sessions and videos say of themselves.

Elements are read as a stream with their lines, so that a torn file still gives what stands before the tear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from aubench.data.layout import Fault, whole

PHASES = {0: "neutral", 1: "onset", 2: "apex", 3: "offset"}
EMOTIONS = {1: "anger", 2: "disgust", 3: "fear", 4: "happy", 5: "sadness", 6: "surprise"}
FRONTAL, DUAL = "0", "2"
CODING = "-oao_aucs.xml"
_NUMBER = re.compile(r"(?:AU)?\s*([LR]?)\s*0*(\d{1,2})\s*([LR]?)", re.IGNORECASE)


@dataclass(frozen=True)
class Element:
    """The start of an XML element: its line, its name without namespace, its attributes."""

    line: int
    name: str
    attributes: dict[str, str]


def elements(path: Path) -> tuple[list[Element], list[Fault]]:
    """Every element of a file in order, up to the place where the file is torn, should it be."""
    found: list[Element] = []
    parser = expat.ParserCreate(namespace_separator="}")

    def start(name: str, attributes: dict[str, str]) -> None:
        found.append(Element(parser.CurrentLineNumber, name.rpartition("}")[2], attributes))

    parser.StartElementHandler = start
    try:
        parser.Parse(path.read_bytes(), True)
    except OSError as error:
        return found, [(None, f"cannot be read ({error.strerror or error})")]
    except expat.ExpatError as error:
        return found, [(error.lineno, f"is no XML from here on ({expat.errors.messages[error.code]})")]
    return found, []


@dataclass
class Coding:
    """Markers of a video: (frame, phase), frames ascending as the file counts them, by AU number and side ("", "L",
    "R")."""

    markers: dict[tuple[int, str], list[tuple[int, int]]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def aus(self) -> set[int]:
        return {au for au, _ in self.markers}


def read_coding(path: Path) -> Coding:
    """The AU coding of a video (``...-oao_aucs.xml``)."""
    every, faults = elements(path)
    found = Coding(faults=faults)
    current: list[tuple[int, int]] | None = None
    if not any(element.name == "ActionUnitCoding" for element in every):
        found.faults.append((None, "holds no ActionUnitCoding"))
    for element in every:
        if element.name == "ActionUnit":
            text = element.attributes.get("Number", "")
            match = _NUMBER.fullmatch(text.strip())
            if match is None or (match[1] and match[3]):
                found.faults.append((element.line, f"Number {text!r} is no AU"))
                current = None
            else:
                current = found.markers.setdefault((int(match[2]), (match[1] or match[3]).upper()), [])
        elif element.name == "Marker" and current is not None:
            frame, phase = (whole(element.attributes.get(name, "")) for name in ("Frame", "Type"))
            if frame is None or phase not in PHASES or phase is None:
                found.faults.append(
                    (element.line, f"marker {element.attributes} has no whole Frame and a Type from 0 to 3")
                )
            elif current and current[-1][0] > frame:
                found.faults.append((element.line, f"marker at frame {frame} stands behind one at {current[-1][0]}"))
            else:
                current.append((frame, phase))
    return found


def phases(markers: list[tuple[int, int]], frames: int) -> Iterator[tuple[int, int, int]]:
    """Stretches (first, end, phase) of a video of ``frames`` frames, counted from 0 like ``markers`` here; each lasts
    until the next marker, the last until the end. Nothing is said of what lies before the first."""
    for place, (first, phase) in enumerate(markers):
        end = markers[place + 1][0] if place + 1 < len(markers) else frames
        if first < min(end, frames):
            yield first, min(end, frames), phase


@dataclass
class About:
    """What ``session.xml`` and ``<name>.xml`` say: the camera's view, the annotation files, subject, emotion."""

    view: str | None = None
    annotations: list[str] = field(default_factory=list)
    subject: str | None = None
    emotion: str | None = None
    faults: list[Fault] = field(default_factory=list)


def read_about(path: Path) -> About:
    """A session's or a video's own XML file."""
    every, faults = elements(path)
    found = About(faults=faults)
    for element in every:
        name, values = element.name.lower(), {key.lower(): value for key, value in element.attributes.items()}
        if name == "track" and found.view is None:
            found.view = values.get("view")
        elif name == "annotation" and values.get("filename"):
            found.annotations.append(values["filename"])
        elif name == "subject" and found.subject is None:
            found.subject = values.get("id") or values.get("name")
        elif name == "metatag" and values.get("name", "").lower() == "emotion":
            code = whole(values.get("value", ""))
            found.emotion = None if code is None else EMOTIONS.get(code, "other")
    return found
