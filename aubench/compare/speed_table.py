"""Speed and size of every method as lines that all outputs show alike: measured in this run, or noted elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aubench.compare.schema import DatasetComparison, MethodSpeed, NotMeasured, Row

BEFORE = {"detect": "find the face in a picture; the same for all", "align": "cut it out; the same for all"}
OWN = {"extract": "the frozen extractor's features", "regress": "parameters from features"}
STAGES = {**BEFORE, **OWN}
"""Stages by name, and what they do."""


@dataclass(frozen=True)
class Line:
    """``ms`` from aligned crop to answer and ``images_per_s``, None where unknown; ``stages`` by name, ms an image;
    ``measured``: in this run, beside the others, so that it may be compared with theirs; ``note``: else where it is
    from, or why there is none."""

    name: str
    ms: float | None = None
    images_per_s: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    parameters: int | None = None
    megabytes: float | None = None
    measured: bool = False
    note: str = ""


def line(entry: Row, here: DatasetComparison) -> Line:
    """What is known of a row of a data set of a comparison."""
    facts, found = entry.facts, entry.speed
    if isinstance(found, MethodSpeed) and here.speed:
        shared = {"detect": here.speed.detect, "align": here.speed.align}
        own = {stage: found.stages[stage] for stage in OWN if stage in found.stages}
        notes = [found.note] if found.note else []
        notes += [] if own else ["timed as a whole"]
        return Line(
            entry.name, found.ms, found.images_per_s, {**shared, **own},
            found.parameters or facts.parameters, found.megabytes or facts.megabytes, True, "; ".join(notes),
        )  # fmt: skip
    notes = [f"not measured: {found.reason}"] if isinstance(found, NotMeasured) else []
    if facts.size_of:
        notes.append(f"size {facts.size_of}")
    fps = facts.frames_per_s
    if not fps:
        return Line(entry.name, parameters=facts.parameters, megabytes=facts.megabytes, note="; ".join(notes))
    notes.insert(0, f"speed noted {facts.speed_noted}")
    return Line(entry.name, 1000 / fps, fps, {}, facts.parameters, facts.megabytes, False, "; ".join(notes))


def lines(here: DatasetComparison) -> list[Line]:
    """One for every method of a data set but constants; none where nothing is known of any."""
    found = [line(entry, here) for entry in here.rows if entry.kind != "constant"]
    return found if any(one.ms is not None or one.parameters for one in found) or here.speed else []


def about(here: DatasetComparison) -> str:
    """How it was measured, in sentences."""
    speed = here.speed
    if not speed:
        return "Not measured for this comparison (option --speed does): speeds in brackets were noted elsewhere."
    width, height = speed.picture
    return (
        f"Measured in one run on {speed.machine}, {speed.threads} "
        f"{'thread' if speed.threads == 1 else 'threads'}, on the same {speed.frames} test frames in batches of "
        f"{speed.batch}; the fastest of up to three rounds, taken in turns. ms/image is from aligned crop to "
        f"answer; detect (the whole cascade, in a picture of {width} × {height}) and align come before it, the "
        "same for all."
    )


def figure(value: float | None) -> str:
    """Three digits, thousands apart; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def source(one: Line) -> str:
    """Where a line's numbers are from, in words."""
    return "; ".join(filter(None, ("measured here" if one.measured else "", one.note))) or "not measured"


def size(one: Line) -> str:
    """Numbers and megabytes in words."""
    if not one.parameters:
        return "–"
    count = one.parameters
    words = f"{count / 1e6:.1f} M" if count >= 1e5 else f"{count:,}"
    return f"{words} numbers, {one.megabytes:g} MB" if one.megabytes is not None else f"{words} numbers"
