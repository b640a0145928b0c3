"""What could not be read of a source, and where its scenes change: for the terminal and for a table's record."""

from __future__ import annotations

from typing import Any

import numpy as np

from aubench.predict.readings import Readings
from aubench.predict.sources import Source, Truncated
from aubench.predict.stills import passed_over

MOST_LINES = 20
FACE_ID = "follows a face by its place within a scene; it does not name a person across pictures or cuts"


def before(source: Source) -> list[str]:
    """What can be said before reading: which files of a folder are no pictures."""
    others = getattr(source, "passed_over", {})
    return [f"skipped: {passed_over(others)}"] if others else []


def truncation(source: Source) -> Truncated | None:
    """What a source that has been read says of a missing part."""
    found: Truncated | None = getattr(source, "truncated", None)
    return found


def unreadable(readings: Readings) -> list[tuple[str, str]]:
    """Pictures that could not be read: name and reason, in order."""
    rows = np.searchsorted(readings.frame, list(readings.problems))
    return [(readings.names[row], why) for row, why in zip(rows, readings.problems.values(), strict=True)]


def after(source: Source, readings: Readings | None = None, *, more: str = "") -> list[str]:
    """One line for each picture that could not be read, at most 20 and then how many there are besides (``more`` says
    where), and one for a truncated video."""
    faults = unreadable(readings) if readings is not None else list(getattr(source, "problems", []))
    told = [f"not read: {name}: {why}" for name, why in faults[:MOST_LINES]]
    if len(faults) > MOST_LINES:
        told.append(f"not read: {len(faults) - MOST_LINES} more{more}")
    if cut := truncation(source):
        told.append(f"warning: {source.name} is truncated or damaged: {cut}")
    return told


def described(source: Source, readings: Readings) -> dict[str, Any]:
    """The same for the record of a table: only what there is to say."""
    cut = truncation(source)
    told = {
        "skipped": dict(getattr(source, "passed_over", {})),
        "unreadable": [{"file": name, "reason": why} for name, why in unreadable(readings)],
        "truncated": {"frames": cut.frames, "expected": cut.expected, "reason": cut.reason} if cut else {},
        "cuts": list(readings.cuts),
    }
    return {"face_id": FACE_ID, **{key: value for key, value in told.items() if value}}
