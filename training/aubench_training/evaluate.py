"""A trained combination on the test subjects: predictions, truth, figure, baselines, report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from aubench import registry
from aubench.combination import Combination
from aubench.contracts import Dataset, Frames
from aubench.data.labels import locked, open_labels
from aubench.files import atomic_write_bytes
from aubench.foreign import licences
from aubench.parameters import (
    AU_NAMES,
    PITCH_RANGE_DEGREES,
    YAW_RANGE_DEGREES,
    FacialParameters,
)
from aubench.person import find_person, read_aus
from aubench.progress import progress
from aubench.report import FIGURE, write_report, write_unscored_report
from aubench.report.schema import Report
from aubench.results import PERSON, PREDICTIONS, TRUTH, prediction_table, truth_table, write_table

from . import baselines
from .bench import Bench
from .sampler import spread

COLUMNS = [name for name in AU_NAMES if name[2:].isdigit()]
"""The AUs that go into the table: all but the two one-sided movements of the jaw, which no data set annotates."""
FACES = 8
PREDICTED_AT_ONCE = 64
"""Frames of a batch; the same as the combination's own, so that batches are cut in the same places."""


def evaluate(bench: Bench, folder: Path, began: float, facts: Mapping[str, Any]) -> Report:
    """Write ``predictions.csv``, ``truth.csv``, ``figure.png`` and the report into ``folder``; returns the report.

    ``began``: when the run did, on the monotonic clock, for its wall time. Data sets without a label of any test frame
    are left out; where that is all of them, the figure shows training frames, and there are no tables. A baseline that
    fails is a row with its reason.
    """
    tested = [(dataset, frames) for dataset in bench.datasets if len(frames := labelled(dataset))]
    if not tested:
        shown = some_frames(next(frames for d in bench.datasets if len(frames := d.frames("train"))))
        with locked():
            atomic_write_bytes(folder / FIGURE, figure(bench, shown, bench.combination.predict(shown.images)))
        times = {"wall_s": round(time.monotonic() - began, 1)}
        return write_unscored_report(folder, facts={**facts, "weights": weights_used(bench), **times})
    tests = [frames for _, frames in tested]
    since = time.monotonic()
    with locked():
        read = [_read(bench, frames) for frames in tests]
        seconds = time.monotonic() - since
        answers = [answer for answer, _ in read]
        persons = [
            by_person(bench.combination, frames.subject, answer, entries)
            for frames, (answer, entries) in zip(tests, read, strict=True)
            if entries is not None
        ]
    predictions = [predicted(frames, answer) for frames, answer in zip(tests, answers, strict=True)]
    truths = [truth_table(frames, dataset.aus, open_labels(dataset, "test")) for dataset, frames in tested]
    write_table(folder / PREDICTIONS, pd.concat(predictions, ignore_index=True))
    if persons:
        tables = [predicted(frames, answer) for frames, answer in zip(tests, persons, strict=True)]
        write_table(folder / PERSON, pd.concat(tables, ignore_index=True))
    write_table(folder / TRUTH, pd.concat(truths, ignore_index=True))
    atomic_write_bytes(folder / FIGURE, figure(bench, tests[0], answers[0]))
    speed = round(sum(map(len, tests)) / max(seconds, 1e-9), 1)
    # Baselines read on the processor, whatever the run's device is.
    beside = baselines.predict_all(bench, folder, tested, speed if bench.device.type == "cpu" else 0.0)
    facts = {**facts, "weights": weights_used(bench)}
    times = {"predict_frames_per_s": speed, "wall_s": round(time.monotonic() - began, 1)}
    return write_report(folder, extra=beside.tables, failed=beside.failed, facts={**facts, **times})


def _read(bench: Bench, frames: Frames) -> tuple[FacialParameters, npt.NDArray[np.float32] | None]:
    """What the combination reads off the frames, some at a time, so that it can be told how far it is; and the entries
    of the faces where it reads persons."""
    combination, parts, entries = bench.combination, [FacialParameters.base(0)], []
    with progress(f"predicting test frames ({frames.dataset})", len(frames), "frames") as advance:
        for start in range(0, len(frames), PREDICTED_AT_ONCE):
            images = frames.images[start : start + PREDICTED_AT_ONCE]
            if combination.reads_persons:
                answer, some = combination.predict_entries(images)
                entries.append(some)
            else:
                answer = combination.predict(images)
            parts.append(answer)
            advance(min(start + PREDICTED_AT_ONCE, len(frames)))
    return FacialParameters.cat(parts), np.concatenate(entries) if entries else None


def by_person(
    combination: Combination, subject: npt.NDArray[np.str_], answer: FacialParameters, entries: npt.NDArray[np.float32]
) -> FacialParameters:
    """``answer`` with each subject read against their own calm frames, found in all of that subject's unlabelled
    frames; of a subject without any, what is read of each frame by itself."""
    aus, alone, model = answer.au.clone(), answer.intensities().numpy(), combination.person_digest
    for name in np.unique(subject):
        rows = np.flatnonzero(subject == name)
        person = find_person(combination.regressor, entries[rows], alone[rows], model)
        if person is not None:
            aus[rows] = torch.from_numpy(read_aus(combination.regressor, entries[rows], person.neutral))
    return replace(answer, au=aus)


def labelled(dataset: Dataset) -> Frames:
    """The test frames of a data set, none where none of them has a label."""
    frames = dataset.frames("test")
    if len(frames) and not np.isfinite(open_labels(dataset, "test")).any():
        return pick(frames, np.empty(0, np.int64))
    return frames


def some_frames(frames: Frames) -> Frames:
    """One frame of each of up to :data:`FACES` subjects, from the middle of what there is of each."""
    subjects = list(dict.fromkeys(frames.subject.tolist()))
    chosen = [subjects[i] for i in spread(len(subjects), FACES)]
    own = (np.flatnonzero(frames.subject == subject) for subject in chosen)
    return pick(frames, np.array([rows[len(rows) // 2] for rows in own], np.int64))


def pick(frames: Frames, rows: npt.NDArray[np.int64]) -> Frames:
    """Those rows of the frames."""
    return Frames(frames.dataset, frames.images[rows], frames.subject[rows], frames.sequence[rows], frames.frame[rows])


def weights_used(bench: Bench) -> list[dict[str, str]]:
    """Files of weights in the networks that the run has built, with their licences."""
    # A look at what is there already: asking for the recogniser would build one that no loss needs.
    built = vars(bench)
    networks = {
        "extractor": bench.combination.extractor,
        "renderer": built.get("_renderer"),
        "recogniser": built.get("_recogniser"),
    }
    return licences(networks.items(), registry.load())


def predicted(frames: Frames, answer: FacialParameters) -> pd.DataFrame:
    """Facial parameters as a table of intensities and degrees."""
    places = [AU_NAMES.index(name) for name in COLUMNS]
    intensities = answer.intensities().numpy()[:, places]
    degrees = (answer.pose.numpy() - 0.5) * 2 * np.array([YAW_RANGE_DEGREES, PITCH_RANGE_DEGREES])
    return prediction_table(frames, COLUMNS, intensities, degrees)


def figure(bench: Bench, frames: Frames, answer: FacialParameters) -> bytes:
    """A PNG: above, one frame of each of up to eight test subjects, the one with the liveliest expression; below, what
    the renderer draws from R's answer."""
    liveliness = answer.au.sum(dim=1).numpy()
    chosen: list[int] = []
    for subject in dict.fromkeys(frames.subject.tolist()):
        rows = np.flatnonzero(frames.subject == subject)
        chosen.append(int(rows[np.argmax(liveliness[rows])]))
    chosen = chosen[:FACES]
    with torch.inference_mode():
        drawn = bench.renderer().draw(answer[torch.tensor(chosen)].to(bench.device)).image.float().cpu()
    faces = (drawn.clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255 + 0.5).astype(np.uint8)
    side = frames.images.shape[1]
    rows_of_faces: list[list[npt.NDArray[np.uint8]]] = [[frames.images[i] for i in chosen], []]
    rows_of_faces[1] = [np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)) for face in faces]
    grid = np.concatenate([np.concatenate(row, axis=1) for row in rows_of_faces], axis=0)
    return bytes(cv2.imencode(".png", cv2.cvtColor(grid, cv2.COLOR_RGB2BGR))[1])
