"""A trained combination on the test subjects: predictions, truth, figure, baselines, report."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from aubench import discovery, registry
from aubench.contracts import Dataset, Estimator, Frames
from aubench.data.labels import locked, open_labels
from aubench.files import atomic_write_bytes, atomic_write_text
from aubench.foreign import licences
from aubench.parameters import (
    AU_NAMES,
    PITCH_RANGE_DEGREES,
    YAW_RANGE_DEGREES,
    FacialParameters,
)
from aubench.progress import progress
from aubench.report import FIGURE, write_report, write_unscored_report
from aubench.results import BASELINES, PREDICTIONS, TRUTH, prediction_table, truth_table, write_table

from .bench import Bench
from .sampler import spread

COLUMNS = [name for name in AU_NAMES if name[2:].isdigit()]
"""The AUs that go into the table: all but the two one-sided movements of the jaw, which no data set annotates."""
FACES = 8
PREDICTED_AT_ONCE = 64
"""Frames of a batch; the same as the combination's own, so that batches are cut in the same places."""


def evaluate(bench: Bench, folder: Path, began: float, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``predictions.csv``, ``truth.csv``, ``figure.png`` and the report into ``folder``; returns the report.

    ``began``: when the run did, on the monotonic clock, for its wall time. Data sets without a label of any test frame
    are left out; where that is all of them, the figure shows training frames, and there are no tables.
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
        answers = [_read(bench, frames) for frames in tests]
    seconds = time.monotonic() - since
    predictions = [predicted(frames, answer) for frames, answer in zip(tests, answers, strict=True)]
    truths = [truth_table(frames, dataset.aus, open_labels(dataset, "test")) for dataset, frames in tested]
    write_table(folder / PREDICTIONS, pd.concat(predictions, ignore_index=True))
    write_table(folder / TRUTH, pd.concat(truths, ignore_index=True))
    atomic_write_bytes(folder / FIGURE, figure(bench, tests[0], answers[0]))
    extra, about = {}, {}
    for name in bench.config.baselines:
        bench.console.print(f"baseline {name}", highlight=False)
        table, known = baseline(bench, name, tested)
        if table is not None:
            extra[name], about[name] = table, known
            # Kept beside the scores, so that `aubench compare` can test and draw them too.
            write_table(folder / BASELINES / f"{name}.csv", table)
            atomic_write_text(folder / BASELINES / "about.json", json.dumps(about, indent=1) + "\n")
    facts = {**facts, "weights": weights_used(bench)}
    speed = round(sum(map(len, tests)) / max(seconds, 1e-9), 1)
    times = {"predict_frames_per_s": speed, "wall_s": round(time.monotonic() - began, 1)}
    return write_report(folder, extra=extra, facts={**facts, **times})


def _read(bench: Bench, frames: Frames) -> FacialParameters:
    """What the combination reads off the frames, some at a time, so that it can be told how far it is."""
    parts = [FacialParameters.base(0)]
    with progress(f"predicting test frames ({frames.dataset})", len(frames), "frames") as advance:
        for start in range(0, len(frames), PREDICTED_AT_ONCE):
            parts.append(bench.combination.predict(frames.images[start : start + PREDICTED_AT_ONCE]))
            advance(min(start + PREDICTED_AT_ONCE, len(frames)))
    return FacialParameters.cat(parts)


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


def baseline(
    bench: Bench, name: str, tested: Sequence[tuple[Dataset, Frames]]
) -> tuple[pd.DataFrame | None, dict[str, Any]]:
    """Predictions of an estimator on the test frames, whether it is ``supervised``, and how fast it answers
    (``frames_per_s``). Only one that says it is supervised gets labels to fit on. Data sets that nobody trains on are
    passed over."""
    tables, frames_done, seconds, supervised = [], 0, 0.0, False
    for dataset, frames in tested:
        train = dataset.frames("train")
        if not len(train):
            continue
        estimator: Estimator = discovery.build("estimator", name, _options(bench, name, dataset.aus))
        additions = bench.config.additions
        drawn_already = additions.loopback_first or additions.sampled_loopback
        if drawn_already and hasattr(estimator, "offer_drawn"):
            for drawn in (d for d in bench.pools.sampled if d.source.own):
                estimator.offer_drawn(drawn.samples.images, drawn.samples.parameters(), drawn.source.style)
        supervised = estimator.supervised
        if supervised:
            estimator.fit(train, open_labels(dataset, "train"), seed=bench.config.seed)
        else:
            with locked():
                estimator.fit(train, None, seed=bench.config.seed)
        with locked():
            since = time.monotonic()
            values = estimator.predict(frames)
            seconds += time.monotonic() - since
        frames_done += len(frames)
        tables.append(prediction_table(frames, estimator.aus, values))
    known = {"supervised": supervised, "frames_per_s": round(frames_done / max(seconds, 1e-9), 1)}
    return (pd.concat(tables, ignore_index=True) if tables else None), known


def _options(bench: Bench, name: str, aus: tuple[str, ...]) -> dict[str, Any]:
    """What an estimator that reads the same features, of the same faces, is told, as far as it has such options."""
    config = bench.config
    known = discovery.find("estimator", name).config.model_fields
    options = {
        "aus": aus,
        "extractor": config.extractor.name,
        "extractor_config": config.extractor.config,
        "engine": config.engine.name,
        "engine_config": config.engine.config,
    }
    return {option: value for option, value in options.items() if option in known}


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
