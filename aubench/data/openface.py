"""68 landmarks from an OpenFace CSV, by frame number; spaces in the header, failed rows and several faces survived."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aubench.data.records import Images, Problem, Recording

SURE = 0.5
"""OpenFace's confidence under which a row counts as failed."""


def find_csv(recording: Recording) -> Path | None:
    """The CSV of a recording: the one that the reader names, or one beside the media with the video's or the folder's
    name."""
    if recording.openface is not None:
        return recording.openface
    if isinstance(recording.media, Images):
        if not recording.media.paths:
            return None
        folder = recording.media.paths[0].parent
        places = [folder / f"{folder.name}.csv", folder.parent / f"{folder.name}.csv"]
    else:
        places = [recording.media.path.with_suffix(".csv")]
    return next((place for place in places if place.is_file() and _is_openface(place)), None)


def _is_openface(path: Path) -> bool:
    """A CSV beside a video may be anything: OpenFace's has these columns."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            header = {cell.strip() for cell in file.readline().split(",")}
    except OSError:
        return False
    return {"frame", "x_0", "y_0"} <= header


def read_landmarks(path: Path, places: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float32], list[Problem]]:
    """Landmarks (n, 68, 2) of the pictures at ``places`` (0-based; OpenFace counts from 1), NaN where it failed.

    Of several faces in a frame, the one with the highest confidence. Torn lines are problems, not errors.
    """
    points = np.full((len(places), 68, 2), np.nan, np.float32)
    best = np.full(len(places), -1.0)
    row_of = {int(place): row for row, place in enumerate(places)}
    problems: list[Problem] = []

    def complain(message: str, line: int | None = None) -> None:
        problems.append(Problem("error", path, message, line))

    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            lines = csv.reader(file)
            header = [cell.strip() for cell in next(lines, [])]
            at = {name: column for column, name in enumerate(header)}
            lacking = [n for n in ("frame", *(f"{a}_{i}" for a in "xy" for i in range(68))) if n not in at]
            if lacking:
                complain(f"no column {lacking[0]!r}; run OpenFace with 2D landmarks (-2Dfp)", 1)
                return points, problems
            columns = np.array([[at[f"x_{i}"], at[f"y_{i}"]] for i in range(68)])
            for cells in lines:
                if len(cells) != len(header):
                    complain(f"{len(cells)} cells, not {len(header)} as the header", lines.line_num)
                    continue
                try:
                    row = row_of.get(int(float(cells[at["frame"]])) - 1)
                    sure = float(cells[at["confidence"]]) if "confidence" in at else 1.0
                    failed = "success" in at and float(cells[at["success"]]) == 0
                    if row is None or failed or sure < SURE or sure <= best[row]:
                        continue
                    found = np.array([[cells[x], cells[y]] for x, y in columns], np.float32)
                    if np.isinf(found).any():
                        raise ValueError("a coordinate is infinite")
                    points[row], best[row] = found, sure
                except (ValueError, OverflowError) as error:
                    complain(str(error), lines.line_num)
    except (OSError, csv.Error) as error:
        complain(f"cannot be read ({error})")
    return points, problems


def places_of(recording: Recording) -> npt.NDArray[np.int64]:
    """Where the pictures of a recording are in what OpenFace saw: a video's frame numbers, or the rank of an image
    among all in its folder."""
    if not isinstance(recording.media, Images):
        return recording.frames
    paths = recording.media.paths
    suffixes = {path.suffix.lower() for path in paths}
    ranks: dict[Path, int] = {}
    for folder in {path.parent for path in paths}:
        names = sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))
        ranks |= {name: rank for rank, name in enumerate(names)}
    return np.array([ranks.get(path, -1) for path in paths], np.int64)
