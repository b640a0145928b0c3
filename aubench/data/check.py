"""What a data set folder holds, what is missing and what is odd: the reader's scan, and what any recording can suffer.

Nothing is written, and nothing stops at the first problem. Media are opened, not decoded: an image must have a header
and an end, a video must have as many frames as its labels ask for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aubench.data.records import Images, Problem, Reader, Recording, Scan
from aubench.data.video import read_index
from aubench.errors import UserError
from aubench.processes import available_cores
from aubench.progress import progress as shown

ENDS = {".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9", ".png": b"IEND"}
"""What the last bytes of a whole picture hold."""
TAIL = 1024


@dataclass(frozen=True)
class Summary:
    """Of a scan, in numbers."""

    recordings: int
    subjects: int
    frames: int
    coded: int
    """Frames in which some AU is coded."""
    landmarks: int
    """Recordings that come with landmarks."""


def summarise(scan: Scan) -> Summary:
    return Summary(
        len(scan.recordings),
        len({recording.subject for recording in scan.recordings}),
        sum(len(recording.frames) for recording in scan.recordings),
        scan.coded,
        sum(recording.landmarks is not None for recording in scan.recordings),
    )


def check(
    reader: Reader,
    root: Path,
    *,
    landmarks: bool = True,
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> Scan:
    """The scan of ``root`` with all problems, the reader's and those of the media.

    ``landmarks``: read these as well, which takes longest. ``progress`` is told of recordings done, and of how many.
    Raises ``UserError`` where ``root`` is not this data set at all.
    """
    with shown(f"scanning {root}"):
        scan = reader.scan(root)
    problems = [*scan.problems, *_twins(scan.recordings)]
    if not scan.recordings:
        problems.append(Problem("error", root, f"no usable recording of data set {reader.name!r}"))
    with ThreadPoolExecutor(min(8, 2 * available_cores())) as pool:
        checked = pool.map(lambda recording: list(_media(recording)), scan.recordings)
        for done, (recording, found) in enumerate(zip(scan.recordings, checked, strict=True), 1):
            problems += found
            if landmarks and recording.landmarks is not None:
                problems += _landmarks(recording)
            progress(done, len(scan.recordings))
    order = {"error": 0, "warning": 1, "note": 2}
    problems.sort(key=lambda problem: order[problem.severity])
    return replace(scan, problems=tuple(dict.fromkeys(problems)))


def _twins(recordings: tuple[Recording, ...]) -> Iterator[Problem]:
    counts = Counter(recording.sequence.casefold() for recording in recordings)
    for recording in recordings:
        if counts[recording.sequence.casefold()] > 1:
            yield Problem(
                "error", _place(recording), f"another recording has the same name, {recording.sequence!r}", None,
                recording.sequence,
            )  # fmt: skip


def _place(recording: Recording) -> Path:
    if isinstance(recording.media, Images):
        return recording.media.paths[0].parent if recording.media.paths else Path()
    return recording.media.path


def _media(recording: Recording) -> Iterator[Problem]:
    if isinstance(recording.media, Images):
        for path in recording.media.paths:
            if why := _image_fault(path):
                yield Problem("error", path, why, None, recording.sequence)
        return
    path = recording.media.path
    try:
        there = read_index(path).frames
    except UserError as error:
        yield Problem("error", path, str(error).removeprefix(f"{path}: "), None, recording.sequence)
        return
    beyond = int((recording.frames >= there).sum())
    if beyond:
        yield Problem(
            "error", path, f"has {there} frames, but {beyond} more are labelled, the last is frame "
            f"{int(recording.frames[-1]) + 1} counted from 1", None, recording.sequence,
        )  # fmt: skip


def _image_fault(path: Path) -> str:
    """Why a picture cannot be used, as far as that shows without decoding it."""
    import PIL.Image

    try:
        with open(path, "rb") as file:
            with PIL.Image.open(file) as image:
                image.size  # noqa: B018 - opening reads the header, which is what is tried here
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL))
            tail = file.read()
    except FileNotFoundError:
        return "is missing"
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        return "is empty" if path.is_file() and not path.stat().st_size else f"is no readable image ({error})"
    end = ENDS.get(path.suffix.lower())
    return "is cut off: its end is missing" if end is not None and end not in tail else ""


def _landmarks(recording: Recording) -> Iterator[Problem]:
    assert recording.landmarks is not None
    points, problems = recording.landmarks.read()
    yield from problems
    without = int((~np.isfinite(points).all(axis=(1, 2))).sum())
    if without:
        yield Problem(
            "warning", _place(recording), f"{recording.sequence}: {without} of {len(points)} frames have no landmarks",
            None, recording.sequence,
        )  # fmt: skip
