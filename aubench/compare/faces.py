"""The same test faces, and beneath them what the renderer draws of what each run reads off them (paper: Figure 6).

The frames are chosen by their labels, one of each person: the one with the most expression. So all runs are shown on
the same faces, and none on those that suit it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch

from aubench import discovery
from aubench.combination import Combination
from aubench.compare.baselines import open_dataset
from aubench.compare.runs import Run
from aubench.errors import UserError
from aubench.results import KEYS, au_columns

Image = npt.NDArray[np.uint8]
SIDE, MARGIN = 144, 150
"""Of a face, and of the names beside the rows, in pixels."""


def faces(runs: Sequence[Run], dataset: str, count: int = 8) -> Image:
    """RGB picture: a row of test frames of ``dataset``, then one row for each run. Raises :class:`UserError` where a
    run holds no labels of the data set, or none of its people."""
    shown = _liveliest(runs[0], dataset, count)
    frames = open_dataset(dataset).frames("test")
    places = {key: row for row, key in enumerate(zip(frames.subject, frames.sequence, frames.frame, strict=True))}
    missing = [key for key in shown if key not in places]
    if missing:
        raise UserError(
            f"{runs[0].folder}: its frame {missing[0]} is not in {dataset}; was the data set drawn again since?",
            code="run-mismatch",
        )
    images = np.stack([np.asarray(frames.images[places[key]]) for key in shown])
    rows = [_row("input", images)]
    for run in runs:
        rows.append(_row(run.name, _drawn(run, images)))
    return np.concatenate(rows)


def _liveliest(run: Run, dataset: str, count: int) -> list[tuple[str, str, int]]:
    """Subject, sequence and frame of the strongest labelled expression of each of the first people."""
    truth = run.truth[run.truth["dataset"] == dataset]
    if not len(truth):
        raise UserError(
            f"{run.folder}: holds no labels of {dataset}; its data sets: {', '.join(run.datasets)}",
            code="labels-missing",
        )
    strongest = truth[au_columns(truth)].sum(axis=1).groupby(truth["subject"], sort=False).idxmax()
    chosen = truth.loc[strongest.iloc[:count], list(KEYS)[1:]]
    return [(str(s), str(q), int(f)) for s, q, f in chosen.itertuples(index=False)]


@torch.inference_mode()
def _drawn(run: Run, images: Image) -> Image:
    """What the run's renderer draws of what its model reads, (n, h, w, 3)."""
    answer = Combination.load(run.folder).predict(images)
    part = run.config.get("renderer") or {}
    if "name" not in part:
        raise UserError(f"{run.folder}: its config.yaml names no renderer", code="config-invalid")
    renderer = discovery.build("renderer", str(part["name"]), part.get("config") or {})
    drawn = renderer.draw(answer).image.float().clamp(0, 1)
    pixels: Image = (drawn.permute(0, 2, 3, 1).numpy() * 255 + 0.5).astype(np.uint8)
    return pixels


def _row(name: str, images: Image) -> Image:
    """The pictures side by side, and before them a name, over as many lines as it needs."""
    cells = [
        np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_LANCZOS4), np.uint8) for image in images
    ]
    margin = np.full((SIDE, MARGIN, 3), 255, np.uint8)
    lines, line = [], ""
    for word in name.replace("-", "- ").split():
        if line and len(line) + len(word) > 16:
            lines.append(line)
            line = ""
        line += word
    for number, text in enumerate([*lines, line]):
        place = (8, SIDE // 2 + 20 * number - 10 * len(lines))
        cv2.putText(margin, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (30, 30, 30), 1, cv2.LINE_AA)
    return np.concatenate([margin, *cells], axis=1)
