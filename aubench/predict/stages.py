"""How long each stage from a picture to facial parameters takes, measured in one place for benchmarks and comparisons.

Each function does one stage for all pictures, in one thread of Python, and says how many seconds it took.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch

from aubench.contracts import Extractor, Features
from aubench.parameters import FacialParameters
from aubench.predict.align import Canvas, Image, Points, crop
from aubench.predict.detect import Detector, Face
from aubench.predict.run import to_tensor

STAGES = ("detect", "align", "extract", "regress")
"""The whole detection cascade in one picture; the aligned crop; the extractor; the regressor."""
T = TypeVar("T")


class Model(Protocol):
    """What reads aligned crops in two steps: an :class:`aubench.combination.Combination`."""

    extractor: Extractor
    device: torch.device

    def regress(self, features: Features) -> FacialParameters: ...


@dataclass(frozen=True)
class Timed(Generic[T]):
    """What a stage made of ``images`` pictures, the ``seconds`` that it took, and the processors' time in them, which
    others on the machine do not lengthen."""

    value: T
    seconds: float
    processor_s: float
    images: int

    @property
    def ms(self) -> float:
        """Milliseconds a picture."""
        return 1000 * self.seconds / max(self.images, 1)

    @property
    def per_s(self) -> float:
        """Pictures a second."""
        return self.images / max(self.seconds, 1e-9)


def timed(work: Callable[[], T], images: int) -> Timed[T]:
    """Call ``work`` and look at the clock."""
    since, busy = time.perf_counter(), time.process_time()
    value = work()
    return Timed(value, time.perf_counter() - since, time.process_time() - busy, images)


def detect(detector: Detector, canvases: Sequence[Canvas]) -> Timed[list[list[Face]]]:
    """All faces of every picture, looked for afresh."""
    return timed(lambda: [detector.detect(canvas) for canvas in canvases], len(canvases))


def align(canvases: Sequence[Canvas], points: Sequence[Points], size: int) -> Timed[list[Image]]:
    """The crop (size, size, 3) of one face a picture."""
    return timed(lambda: [crop(c, p, size)[0] for c, p in zip(canvases, points, strict=True)], len(canvases))


def extract(model: Model, crops: Sequence[Image], batch: int) -> Timed[list[Features]]:
    """The extractor's features of aligned crops, in batches."""

    def work() -> list[Features]:
        with torch.inference_mode():
            return [
                model.extractor.features(to_tensor(list(crops[start : start + batch])).to(model.device))
                for start in range(0, len(crops), batch)
            ]

    return timed(work, len(crops))


def regress(model: Model, features: Sequence[Features]) -> Timed[FacialParameters]:
    """The regressor's answers, on the CPU, to what :func:`extract` made."""

    def work() -> FacialParameters:
        with torch.inference_mode():
            return FacialParameters.cat([model.regress(part).to("cpu") for part in features])

    return timed(work, sum(map(len, features)))
