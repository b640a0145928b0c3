"""From a source to readings: decoding and detection in threads ahead, faces read in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from aubench.parameters import FacialParameters
from aubench.predict.ahead import ahead
from aubench.predict.align import Canvas, Image, Points, crop
from aubench.predict.detect import Detector, Face
from aubench.predict.readings import Gathered, Readings
from aubench.predict.sources import Shot, Source
from aubench.predict.track import Tracker

DECODED_AHEAD, DETECTED_AHEAD = 8, 16


class Reader(Protocol):
    """What turns aligned crops, float32 RGB (b, 3, h, w) in [0, 1], into facial parameters, on its own device."""

    def predict(self, images: Tensor) -> FacialParameters: ...


Align = Callable[[Canvas, Points], Points]
"""The five points of a face in a picture, from the detector's."""
Found = tuple[Shot, list[tuple[int, Face, Image]]]


def find_faces(
    source: Source, tracker: Tracker, size: int, limit: int | None = None, aligner: Align | None = None
) -> Iterator[Found]:
    """Each picture with its faces: number, :class:`Face`, aligned crop (size, size, 3) uint8. Decodes
    ahead in a thread.

    Where the source is not one scene, each picture is searched afresh. ``aligner`` finds better points than the
    tracker's, from which the next frame is followed all the same.
    """
    for shot in islice(ahead(source, DECODED_AHEAD), limit):
        if not source.follows:
            tracker = tracker.fresh()
        canvas = Canvas(shot.image)
        faces = tracker.step(canvas)
        if aligner is not None:
            faces = [(number, replace(face, points=aligner(canvas, face.points))) for number, face in faces]
        yield shot, [(number, face, crop(canvas, face.points, size)[0]) for number, face in faces]


def read(
    source: Source,
    reader: Reader,
    *,
    size: int,
    most: int = 1,
    batch: int = 32,
    smooth: bool = False,
    limit: int | None = None,
    aligner: Align | None = None,
    progress: Callable[[int], object] = lambda pictures: None,
) -> Readings:
    """Every face of ``source`` as :class:`Readings`, at most ``most`` per picture and ``limit`` pictures.

    ``size`` is the side of the aligned crops; ``progress`` is told the number of pictures done. Ctrl-C ends a camera;
    what came before counts.
    """
    gathered = Gathered()
    waiting: list[Image] = []

    def flush() -> None:
        if waiting:
            gathered.read(reader.predict(to_tensor(waiting)).detach().vector().float().cpu().numpy())
            waiting.clear()

    found = ahead(find_faces(source, Tracker(Detector(), most, smooth=smooth), size, limit, aligner), DETECTED_AHEAD)
    try:
        for shot, faces in found:
            for number, face, image in faces:
                gathered.face(shot.number, shot.time, number, face.score, face.points, face.box, shot.name)
                waiting.append(image)
            if not faces:
                gathered.nobody(shot.number, shot.time, shot.name)
            if len(waiting) >= batch:
                flush()
            progress(shot.number)
    except KeyboardInterrupt:
        if source.rereadable:
            raise
    flush()
    return gathered.readings()


def to_tensor(crops: list[Image]) -> Tensor:
    """uint8 (h, w, 3) crops → float32 (b, 3, h, w) in [0, 1], channels last in memory."""
    stacked = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
    return stacked.float().div_(255).contiguous(memory_format=torch.channels_last)
