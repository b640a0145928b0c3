"""From a source to readings: decoding, detection and reading at the same time, each in threads of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aubench.errors import UserError
from aubench.parameters import FacialParameters
from aubench.predict.ahead import ahead
from aubench.predict.align import Canvas, Image, Points, crop
from aubench.predict.detect import Detector, Face
from aubench.predict.gathered import Gathered
from aubench.predict.lanes import Lanes, on_one_core, one_core_each
from aubench.predict.readings import Readings
from aubench.predict.scenes import Scenes
from aubench.predict.sources import Source, open_source
from aubench.predict.track import Tracker

DECODED_AHEAD = 8
BATCH_ON_CPU, BATCH_ON_GPU = 16, 64
"""Faces read at once: more leave a CPU's cache, fewer leave a GPU idle."""
HANDED_OUT_EVERY = 0.5
"""Seconds after which complete rows are handed out."""


class Reader(Protocol):
    """What turns aligned crops, float32 RGB (b, 3, h, w) in [0, 1], into facial parameters, on its own device."""

    def predict(self, images: Tensor) -> FacialParameters: ...


Align = Callable[[Canvas, Points], Points]
"""The five points of a face in a picture, from the detector's."""


class Found(NamedTuple):
    """A picture's faces: number, :class:`Face`, aligned crop (size, size, 3) uint8. The picture itself is let go.

    ``cut``: another scene of a video begins with it; ``problem``: why it could not be read."""

    number: int
    time: float | None
    name: str | None
    faces: list[tuple[int, Face, Image]]
    cut: bool = False
    problem: str = ""


def find_faces(
    source: Source, tracker: Tracker, size: int, limit: int | None = None, aligner: Align | None = None
) -> Iterator[Found]:
    """Each picture with its faces. Decodes ahead in a thread.

    Where the source is not one scene, each picture is searched afresh. ``aligner`` finds better points than the
    tracker's, from which the next frame is followed all the same.
    """
    scenes = Scenes()
    for shot in islice(ahead(source, DECODED_AHEAD), limit):
        if shot.problem:
            yield Found(shot.number, shot.time, shot.name, [], problem=shot.problem)
            continue
        if not source.follows:
            tracker = tracker.fresh()
        canvas = Canvas(shot.image)
        faces = tracker.step(canvas)
        cut = source.follows and scenes.cut(canvas, bool(faces))
        if aligner is not None:
            faces = [(number, replace(face, points=aligner(canvas, face.points))) for number, face in faces]
        crops = [(number, face, crop(canvas, face.points, size)[0]) for number, face in faces]
        yield Found(shot.number, shot.time, shot.name, crops, cut)


def read(
    source: Source | str | Path,
    reader: Reader,
    *,
    size: int | None = None,
    most: int = 1,
    batch: int | None = None,
    steady: bool = False,
    limit: int | None = None,
    aligner: Align | None = None,
    lanes: int | None = None,
    progress: Callable[[int], object] = lambda pictures: None,
    each: Callable[[Readings], object] | None = None,
    stop: Callable[[], object] = lambda: False,
    full: bool = True,
    one_scene: str = "",
    entries: int = 0,
) -> Readings:
    """Every face of ``source`` as :class:`Readings`, at most ``most`` per picture and ``limit`` pictures.

    Args:
        source: What to look at, or the path of an image, a folder or a video.
        reader: What reads the aligned crops.
        size: The side of the aligned crops (default: the reader's ``size``).
        most: Faces per picture.
        batch: How many faces are read at once (default: by the reader's device).
        steady: Whether the five points are low-passed.
        limit: Pictures after which to stop.
        aligner: Finds better points than the detector's.
        lanes: So many batches are read at a time, each on one core (default: on a CPU as many as PyTorch has threads).
        progress: Is told the number of pictures done.
        each: Is given the rows in their order, as soon as they are complete and about twice a second.
        stop: Asked after each picture whether to end here; what was read before counts.
        full: Whether to keep all 269 parameters of a face (1.2 kB a row) or pose and AUs only (0.25 kB).
        one_scene: What needs a video without cuts; empty where nothing does.
        entries: How many numbers of each face to keep for reading against a person's neutral; 0 for none. The reader
            must then have ``predict_entries``, see :class:`aubench.combination.Combination`.

    Ctrl-C ends a camera; what came before counts. Raises :class:`UserError` for a source that cannot be read, and
    with code ``person-ambiguous`` for a cut where there must be ``one_scene``.
    """
    source = open_source(str(source)) if isinstance(source, str | Path) else source
    side = int(size if size is not None else reader.size)  # type: ignore[attr-defined]
    device = torch.device(getattr(reader, "device", "cpu"))
    batch = batch or (BATCH_ON_CPU if device.type == "cpu" else BATCH_ON_GPU)
    gathered = Gathered(full=full, entries=entries)
    waiting: list[Image] = []
    given, told = 0, time.monotonic()

    def work(crops: list[Image]) -> npt.NDArray[np.float32]:
        images = to_tensor(crops, device)
        if not entries:
            return reader.predict(images).detach().vector().float().cpu().numpy()
        parameters, compared = reader.predict_entries(images)  # type: ignore[attr-defined]
        return np.hstack([parameters.detach().vector().float().cpu().numpy(), compared])

    def hand_out() -> None:
        nonlocal given, told
        if each is not None and gathered.complete > given:
            each(gathered.readings(given))
            given = gathered.complete
        told = time.monotonic()

    with one_core_each() as cores:
        tracker = Tracker(Detector(device=device), most, steady=steady)
        line: Lanes[list[Image], npt.NDArray[np.float32]] = Lanes(
            work, lanes if lanes is not None else cores if device.type == "cpu" else 1
        )
        pictures = _beside(find_faces(source, tracker, side, limit, aligner), device)
        with contextlib.closing(line), contextlib.closing(ahead(pictures, 2 * batch)) as found:
            try:
                for picture in found:
                    if picture.cut:
                        gathered.cuts.append(picture.number)
                        if one_scene:
                            raise _several_scenes(source.name, picture.number, one_scene)
                    waiting += _noted(gathered, picture)
                    if len(waiting) >= batch:
                        for parameters in line.put(waiting):
                            gathered.read(parameters)
                        waiting = []
                    if time.monotonic() - told > HANDED_OUT_EVERY:
                        hand_out()
                    progress(picture.number)
                    if stop():
                        break
            except KeyboardInterrupt:
                if source.rereadable:
                    raise
            if waiting:
                for parameters in line.put(waiting):
                    gathered.read(parameters)
            for parameters in line.rest():
                gathered.read(parameters)
            hand_out()
    return gathered.readings()


def _noted(gathered: Gathered, picture: Found) -> list[Image]:
    """The crops of a picture whose rows were added."""
    for number, face, _ in picture.faces:
        gathered.face(picture.number, picture.time, number, face.score, face.points, face.box, picture.name)
    if not picture.faces:
        gathered.nobody(picture.number, picture.time, picture.name, picture.problem)
    return [image for _, _, image in picture.faces]


def _several_scenes(name: str, frame: int, asked: str) -> UserError:
    return UserError(
        f"{asked}: {name} has a cut at frame {frame}, after which face 0 may be another person; add --same-person if "
        "it is not, or give a recording of one scene",
        code="person-ambiguous",
    )


def _beside(found: Iterator[Found], device: torch.device) -> Iterator[Found]:
    """``found``, to be run in a thread of its own: on one core, and on a GPU beside the reader and not in its queue."""
    on_one_core()
    if device.type != "cuda":
        yield from found
        return
    with torch.cuda.stream(torch.cuda.Stream(device)):  # type: ignore[no-untyped-call]
        yield from found


def to_tensor(crops: list[Image], device: torch.device | str = "cpu") -> Tensor:
    """uint8 (h, w, 3) crops → float32 (b, 3, h, w) in [0, 1], channels last in memory, on ``device``.

    They travel as bytes, a quarter of the floats, and to a GPU from pinned memory while it computes.
    """
    device = torch.device(device)
    stacked = torch.from_numpy(np.stack(crops))
    if device.type == "cuda":
        stacked = stacked.pin_memory()
    moved = stacked.to(device, non_blocking=device.type == "cuda").permute(0, 3, 1, 2)
    return moved.float().div_(255).contiguous(memory_format=torch.channels_last)
