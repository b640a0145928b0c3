"""What a reader of an original data set folder hands over: recordings with labels, and every problem it met.

A :class:`Reader` knows one data set's layout on disk and nothing else. It *scans* a root folder once, quickly (labels
and file names, no pixels), and returns a :class:`Scan`; it writes nothing, and collects all problems rather than
stopping at the first. Decoding, alignment, splits and the store are the core's, the same for every data set.

A plugin is made of a reader like this (the card's factory is ``f"{__name__}.reader:make"``, its config a
:class:`aubench.data.prepared.PreparedConfig`)::

    def make(config: MyConfig) -> PreparedDataset:
        return PreparedDataset(config, MyReader(config))     # from aubench.data.dataset

Conventions. Frame numbers are 0-based: where files count from 1, the reader subtracts 1, once, here. For a video the
number is the position of the frame in the file; for single images it is whatever the data set calls the image, less 1
where it counts from 1 (BP4D's ``2440.jpg`` is frame 2439). Labels and landmarks are joined by that number, never by
row. AU names are those of :mod:`aubench.facs` where it has them ("AU01", two digits), else "AU" and two digits all the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from aubench.data.landmarks import Scheme

Severity = Literal["error", "warning", "note"]
"""``error``: something cannot be used (frames or labels are lost to it); ``warning``: odd, but used as described;
``note``: worth knowing (a count, a mask that is in force)."""


class State(IntEnum):
    """What a data set says of one AU in one frame."""

    VALUE = 0
    """Its intensity, 0..5, is known. Absent is a VALUE of 0."""
    MISSING = 1
    """Nothing: not coded, occluded."""
    PRESENT = 2
    """That it is there, not how strongly (CK+'s intensity 0, MMI's phases)."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong or odd, for a person to mend. ``line`` counts from 1, as editors do."""

    severity: Severity
    path: Path
    message: str
    line: int | None = None
    recording: str = ""
    """Sequence that it concerns, where there is one."""

    def __str__(self) -> str:
        where = f"{self.path}, line {self.line}" if self.line is not None else str(self.path)
        return f"{self.severity}: {where}: {self.message}"


@dataclass(frozen=True)
class Video:
    """A video file. ``turns``: quarter turns clockwise that put the picture upright (MMI's sideways videos)."""

    path: Path
    turns: int = 0


@dataclass(frozen=True)
class Images:
    """Single image files, one for each entry of :attr:`Recording.frames`, in that order."""

    paths: tuple[Path, ...]
    turns: int = 0


Landmarks = npt.NDArray[np.float32]
"""(n, k, 2) pixels of the *upright* picture, x then y, (0, 0) the centre of the top-left pixel; NaN where a
frame has none. Rows are those of :attr:`Recording.frames`."""


@dataclass(frozen=True)
class LandmarkSource:
    """Landmarks to be read later, in a worker process, because there is often one file per frame.

    ``read`` must be picklable: a function of a module, or :func:`functools.partial` of one. It raises nothing for bad
    files: such rows are NaN, and a problem says so.
    """

    scheme: Scheme
    read: Callable[[], tuple[Landmarks, list[Problem]]]


@dataclass(frozen=True)
class Recording:
    """One sequence of one person by one camera, with its labels."""

    subject: str
    """The data set's own name of the person ("SN001", "F001", "S005")."""
    sequence: str
    """Unique within the data set ("SN001", "F001_T1", "S005_001")."""
    media: Video | Images
    frames: npt.NDArray[np.int64]
    """(n,) 0-based, ascending, without repeats: the frames that are to be used, coded or not."""
    values: npt.NDArray[np.float32]
    """(n, a) intensities 0..5, columns as :attr:`Reader.aus`, NaN wherever the state is not VALUE."""
    states: npt.NDArray[np.uint8]
    """(n, a) of :class:`State`."""
    landmarks: LandmarkSource | None = None
    camera: str = ""
    openface: Path | None = None
    """OpenFace CSV of this recording, where the reader knows of one; else it is looked for beside the media."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else is worth keeping (emotion, task, trial); anything that JSON can hold."""

    def __post_init__(self) -> None:
        """A recording that does not fit together is a fault of the reader's: ``ValueError``."""
        n, frames = len(self.frames), np.asarray(self.frames)
        if self.values.shape != self.states.shape or self.values.ndim != 2 or len(self.values) != n:
            raise ValueError(
                f"{self.sequence}: {n} frames, values {self.values.shape} and states {self.states.shape} do not fit"
            )
        if n and (frames[0] < 0 or np.any(np.diff(frames) <= 0)):
            raise ValueError(f"{self.sequence}: frame numbers must ascend from 0 on, without repeats")
        if isinstance(self.media, Images) and len(self.media.paths) != n:
            raise ValueError(f"{self.sequence}: {len(self.media.paths)} images for {n} frames")
        if np.any(np.isnan(self.values) != (self.states != State.VALUE)):
            raise ValueError(f"{self.sequence}: values must be NaN where, and only where, the state is not VALUE")
        known = self.values[~np.isnan(self.values)]
        if known.size and (known.min() < 0 or known.max() > 5):
            raise ValueError(f"{self.sequence}: an intensity lies outside 0..5")


@dataclass(frozen=True)
class Scan:
    """What a root folder holds. ``facts`` are told to the user and kept in the store (release, options in force)."""

    recordings: tuple[Recording, ...]
    problems: tuple[Problem, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def coded(self) -> int:
        """Frames in which some AU is coded."""
        return int(sum(np.any(recording.states != State.MISSING, axis=1).sum() for recording in self.recordings))


@runtime_checkable
class Reader(Protocol):
    """Knows the layout of one data set."""

    name: str
    """Of the data set, as its card says ("disfa")."""
    aus: tuple[str, ...]
    """Columns of the labels; may be empty (images only)."""
    people: str
    """Namespace of the subjects: data sets with equal ``people`` share persons of equal subject name (DISFA+ says
    "disfa"), and no such person may be in train and test at once. By default, the name."""

    def options(self) -> Mapping[str, Any]:
        """What of the configuration decides the content (camera, masks): kept with the store, and part of its
        identity. JSON only."""
        ...

    def scan(self, root: Path) -> Scan:
        """Everything under ``root``, in an order that does not depend on the file system. Raises ``UserError`` only
        where ``root`` as a whole is not this data set (names what was looked for); all else is a problem in the scan.
        The files that exist are the reader's business, what is inside a video or an image is not: the core finds
        undecodable media and frames beyond a video's end by itself.

        A reader may also have ``label_places(root)``, the files and folders under ``root`` that hold labels and nothing
        that training reads: they are locked with the labels of the store (:func:`aubench.data.labels.protect`)."""
        ...


def empty_labels(frames: int, aus: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """``values`` and ``states`` of frames about which nothing is known yet."""
    return np.full((frames, aus), np.nan, np.float32), np.full((frames, aus), State.MISSING, np.uint8)
