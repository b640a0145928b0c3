"""Faces of recordings: a share of the frames of each, aligned, and what a frozen extractor makes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aubench.adapt.measures import Views, disturbed, mirrored
from aubench.adapt.recordings import Recording
from aubench.combination import Combination
from aubench.contracts import Features
from aubench.errors import UserError
from aubench.predict.ahead import ahead
from aubench.predict.align import Image
from aubench.predict.chosen import choose, spread
from aubench.predict.detect import Detector
from aubench.predict.lanes import on_one_core, one_core_each
from aubench.predict.run import BATCH_ON_CPU, BATCH_ON_GPU, find_faces, to_tensor
from aubench.predict.track import SURE_SCORE, Tracker
from aubench.quick import quicken
from aubench.standardisation import Moments

MOST_EACH = 200
"""Frames of one recording: more of one person say little more."""
FEWEST_FRAMES = 5
"""Faces of a recording under which it is left out."""
CHECKED_EACH, CHECKED = 12, 240
"""Faces of each recording, and of all, on which the model is measured before and after."""
Say = Callable[[str], object]
Advance = Callable[[int], object]


@dataclass
class Seen:
    """What was read of the recordings: ``moments`` of each that is used, ``views`` of some faces, how many recordings
    were ``skipped``, and the hash of all aligned faces (``digest``)."""

    moments: list[Moments]
    views: Views
    skipped: int
    digest: str

    @property
    def frames(self) -> int:
        return sum(part.frames for part in self.moments)


def shares(recordings: int, frames: int) -> tuple[int, int]:
    """Number of recordings to use, and of frames from each, for a total of ``frames``."""
    several = min(recordings, max(1, frames // FEWEST_FRAMES))
    return several, max(FEWEST_FRAMES, min(MOST_EACH, frames // several))


def look(model: Combination, recordings: Sequence[Recording], frames: int, say: Say, progress: Advance) -> Seen:
    """Read faces of all recordings, a share of the frames of each."""
    several, each = shares(len(recordings), frames)
    kept = [recordings[number - 1] for number in spread(len(recordings), several)]
    reader, digest, done = quicken(model), hashlib.sha256(), 0
    moments: list[Moments] = []
    faces: list[list[Image]] = []
    checked = max(2, min(CHECKED_EACH, CHECKED // len(kept)))
    with one_core_each():
        tracker = Tracker(Detector(device=model.device), 1)
        for recording in kept:
            crops: list[Image] = []

            def told(pictures: int, before: int = done) -> None:
                progress(before + pictures)

            try:
                for crop in _crops(recording, tracker, model.size, each, told):
                    crops.append(crop)
            except UserError as error:
                if error.code == "package-missing":
                    raise
                say(f"{error}; skipped")
                crops = []
            else:
                if len(crops) < FEWEST_FRAMES:
                    say(
                        f"{recording.name}: {len(crops)} frames with a face, {FEWEST_FRAMES} are needed; skipped"
                        if crops
                        else f"{recording.name}: no face found; skipped"
                    )
            done += each
            if len(crops) < FEWEST_FRAMES:
                continue
            for image in crops:
                digest.update(image.tobytes())
            moments.append(Moments.of(_features(reader, crops)))
            faces.append([crops[number - 1] for number in spread(len(crops), checked)])
        if not moments:
            raise UserError(
                f"{len(recordings)} recording{'s' * (len(recordings) != 1)}: none shows a face in "
                f"{FEWEST_FRAMES} frames or more; give recordings of faces at least 40 pixels wide",
                code="no-face",
            )
        views = _views(reader, faces)
    return Seen(moments, views, len(kept) - len(moments), digest.hexdigest())


def _crops(recording: Recording, tracker: Tracker, size: int, count: int, progress: Advance) -> Iterator[Image]:
    """Aligned crops of the largest face of ``count`` frames, spread over the recording, where it is surely one."""
    source = choose(recording.open(), count)

    def found() -> Iterator[Any]:
        on_one_core()
        yield from find_faces(source, tracker.fresh(), size)

    with closing(ahead(found(), 2 * BATCH_ON_CPU)) as pictures:
        for done, picture in enumerate(pictures, start=1):
            progress(done)
            for _, face, image in picture.faces:
                if face.score >= SURE_SCORE:
                    yield image


@torch.inference_mode()
def _features(
    model: Combination, crops: Sequence[Image], view: Callable[[Tensor], Tensor] = lambda images: images
) -> Iterator[Features]:
    batch = BATCH_ON_CPU if model.device.type == "cpu" else BATCH_ON_GPU
    for start in range(0, len(crops), batch):
        yield model.extractor.features(view(to_tensor(list(crops[start : start + batch]), model.device)))


def _views(model: Combination, faces: Sequence[Sequence[Image]]) -> Views:
    crops = [image for own in faces for image in own]
    groups = np.concatenate([np.full(len(own), number) for number, own in enumerate(faces)])
    plain, other, third = (
        Features.cat([part.each(Tensor.half) for part in _features(model, crops, view)])
        for view in (lambda images: images, mirrored, disturbed)
    )
    return Views(plain, other, third, groups)
