"""How fast each method answers: on this machine, in one run, on the same frames, stage by stage.

What is timed is one process, frames in memory, from picture to answer. Detection and alignment are the same work for
every method and are timed once; data sets keep aligned crops only, so the picture searched is the crop amid its
own edge, stretched to the size of a video frame. The methods take turns, so that what else the machine does hits all of
them, and of each method's rounds the fastest counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from aubench.combination import Combination
from aubench.compare.baselines import amount, size_of
from aubench.compare.method import Method
from aubench.compare.schema import Comparison, DatasetSpeed, MethodSpeed, NotMeasured
from aubench.contracts import Dataset, Estimator, Frames
from aubench.data.labels import locked
from aubench.device import cpu_name
from aubench.errors import UserError
from aubench.parameters import FacialParameters
from aubench.predict import stages
from aubench.predict.align import Canvas, Image, template
from aubench.predict.detect import Detector

FRAMES, BATCH = 64, 32
PICTURE = (640, 480)
"""Width and height of the picture in which a face is detected."""
ROUNDS, ENOUGH_S = 3, 20.0
"""Turns of each method; one that has run so long already gets no further turn."""
NO_MODEL = "no model in the run's folder"


@dataclass
class _Runner:
    """One method: ``work`` answers all frames once and returns milliseconds a frame by stage, and how many frames got
    an answer."""

    name: str
    work: Callable[[], tuple[dict[str, float], int]]
    parameters: int
    megabytes: float
    note: str = ""
    rounds: list[dict[str, float]] = field(default_factory=list)
    answered: int = 0
    spent_s: float = 0.0


@dataclass(frozen=True)
class Speed:
    """What was measured on one data set: for all methods alike, and by the method's name."""

    dataset: DatasetSpeed
    methods: Mapping[str, MethodSpeed | NotMeasured]


def measure(
    datasets: Mapping[str, Dataset], methods: Sequence[Method], frames: int = FRAMES, say: Callable[[str], None] = print
) -> dict[str, Speed]:
    """Measure every method on every data set, by data set. Raises :class:`UserError` for one without test frames."""
    return {name: _on(name, dataset, methods, frames, say) for name, dataset in datasets.items()}


def _on(name: str, dataset: Dataset, methods: Sequence[Method], wanted: int, say: Callable[[str], None]) -> Speed:
    with locked():
        frames = spread(dataset.frames("test"), wanted)
        if not len(frames):
            raise UserError(f"--speed: {name} has no test frames in this split", code="split-invalid")
        detect, align, share = _before(frames.images)
        about = DatasetSpeed(
            frames=len(frames), batch=min(BATCH, len(frames)), threads=torch.get_num_threads(), device="cpu",
            machine=cpu_name(), picture=PICTURE, detect=detect, align=align, found=share,
        )  # fmt: skip
        runners: list[_Runner] = []
        told: dict[str, MethodSpeed | NotMeasured] = {}
        for method in methods:
            if not method.holds(name):
                continue
            made = _runner(method, dataset.name, frames)
            if isinstance(made, str):
                told[method.name] = NotMeasured(reason=made)
            else:
                runners.append(made)
        for number in range(ROUNDS):
            for runner in runners:
                if runner.spent_s < ENOUGH_S:
                    say(f"speed of {runner.name}, round {number + 1} of {ROUNDS}")
                    one = stages.timed(runner.work, len(frames))
                    by_stage, runner.answered = one.value
                    runner.rounds.append(by_stage)
                    runner.spent_s += one.seconds
    return Speed(about, told | {runner.name: _entry(runner, len(frames)) for runner in runners})


def spread(frames: Frames, wanted: int) -> Frames:
    """So many frames, evenly over all; their pictures in memory."""
    rows = np.unique(np.linspace(0, len(frames) - 1, min(wanted, len(frames))).round().astype(np.int64))
    images: npt.NDArray[np.uint8] = (
        np.stack([frames.images[int(row)] for row in rows]) if len(rows) else np.zeros((0, 1, 1, 3), np.uint8)
    )
    return Frames(frames.dataset, images, frames.subject[rows], frames.sequence[rows], frames.frame[rows])


def in_picture(crop: Image) -> tuple[Image, float, tuple[int, int]]:
    """The crop, as large as fits, amid its own edge in a picture of :data:`PICTURE`; its scale and its corner."""
    width, height = PICTURE
    scale = 0.5 * height / crop.shape[0]
    side = round(scale * crop.shape[0])
    face = np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
    left, top = (width - side) // 2, (height - side) // 2
    around = cv2.copyMakeBorder(
        face, top, height - side - top, left, width - side - left, cv2.BORDER_REPLICATE
    )  # fmt: skip
    return np.asarray(around, np.uint8), scale, (left, top)


def _before(images: npt.NDArray[np.uint8]) -> tuple[float, float, float]:
    """What every method needs before it: milliseconds an image of detection and of alignment; the share of faces that
    were found."""
    detector, size = Detector(), images.shape[1]
    pictures = [in_picture(image) for image in images]
    detector.detect(Canvas(pictures[0][0]))
    canvases = [Canvas(picture) for picture, _, _ in pictures]
    found = stages.detect(detector, canvases)
    # Where the detector misses a drawn face, the place that is known costs the same to align.
    points = [
        faces[0].points if faces else template(size) * scale + np.array(corner)
        for faces, (_, scale, corner) in zip(found.value, pictures, strict=True)
    ]
    aligned = stages.align(canvases, points, size)
    return found.ms, aligned.ms, float(np.mean([bool(f) for f in found.value]))


def _runner(method: Method, dataset: str, frames: Frames) -> _Runner | str:
    """What answers for a method, or why nothing does."""
    estimator = method.estimators.get(dataset)
    if estimator is not None:
        return _of_estimator(method.name, estimator, frames)
    if method.person:
        return "the model of the row without calm frames, which is measured there"
    if method.kind == "run":
        return _of_run(method, frames)
    if method.kind == "import":
        return "only a table of its predictions is there, nothing to run"
    return "only the predictions were kept, not what made them"


def _of_run(method: Method, frames: Frames) -> _Runner | str:
    folder = Path(method.members[0].folder or "")
    if not (folder / "model.json").is_file():
        return NO_MODEL
    try:
        model = Combination.load(folder)
    except UserError as error:
        return f"its model does not load here: {str(error).partition(': ')[2].partition(';')[0] or error}"
    crops: list[Image] = list(frames.images)

    def work() -> tuple[dict[str, float], int]:
        features = stages.extract(model, crops, BATCH)
        answers: stages.Timed[FacialParameters] = stages.regress(model, features.value)
        return {"extract": features.ms, "regress": answers.ms}, len(crops)

    stages.regress(model, stages.extract(model, crops[:BATCH], BATCH).value)  # what happens once only
    parts = [part for part in (model.extractor, model.learned) if isinstance(part, nn.Module)]
    numbers, size = amount(tensor for part in parts for tensor in part.state_dict().values())
    note = "first of its seeds" if len(method.members) > 1 else ""
    return _Runner(method.name, work, numbers, size, note)


def _of_estimator(name: str, estimator: Estimator, frames: Frames) -> _Runner:
    def work() -> tuple[dict[str, float], int]:
        done = stages.timed(lambda: estimator.predict(frames), len(frames))
        answered = int((~np.isnan(done.value)).any(axis=1).sum())
        return {"whole": 1000 * done.seconds / max(answered, 1)}, answered

    estimator.predict(spread(frames, 2))
    return _Runner(name, work, *size_of(estimator))


def _entry(runner: _Runner, frames: int) -> MethodSpeed:
    fastest = min(runner.rounds, key=lambda by_stage: sum(by_stage.values()))
    ms = sum(fastest.values())
    some = f"for each of the {runner.answered} frames that it answers" if runner.answered < frames else ""
    return MethodSpeed(
        stages=fastest, ms=ms, images_per_s=1000 / max(ms, 1e-9), rounds=len(runner.rounds),
        answered=runner.answered, parameters=runner.parameters, megabytes=runner.megabytes, note=runner.note or some,
    )  # fmt: skip


def attach(compared: Comparison, measured: Mapping[str, Speed]) -> None:
    """Put what was measured into a comparison: ``speed`` of each data set, and of each of its methods' rows."""
    for name, found in measured.items():
        here = compared.datasets[name]
        here.speed = found.dataset
        for row in here.rows:
            if row.kind != "constant":
                row.speed = found.methods.get(row.name) or NotMeasured(reason=NO_MODEL)
