"""What the page's pictures are drawn from: frames thinned to what a page can carry, and exact counts of all of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.compare.scoring import MethodScores, ScoreMatrix
from aubench.parameters import INTENSITY_SCALE
from aubench.statistics import Array

METHODS = 8
"""As many colours tell apart."""
_BYTES = 1_500_000
_STEP = 0.02
_MISSING = 255
_CLASSES = 6


def payload(found: ScoreMatrix, order: Sequence[str]) -> dict[str, Any]:
    """A data set's pictures as JSON, the methods in ``order``.

    ``methods``: name, and per AU ``bias`` (mean of prediction less truth), ``limits`` (of agreement, 1.96 standard
    deviations about it) and ``confusion`` (6 x 6 counts: rounded truth, rounded prediction), all from every scored
    frame of the first seed. ``videos``: name, where its frames start among the kept ones, how many; every
    ``stride``-th frame is kept. ``frames``: numbers of those; ``truth`` and the methods' ``values``: a byte (frame,
    AU) in steps of 0.02, 255 for none, base64.
    """
    by_name = {s.method.name: s for s in found.scored if s.comparable}
    chosen = [by_name[name] for name in order if name in by_name][:METHODS]
    keys = found.truth[["subject", "sequence"]].to_numpy(str)
    starts = np.flatnonzero(np.r_[True, (keys[1:] != keys[:-1]).any(axis=1)])
    ends = np.r_[starts[1:], len(keys)]
    room = _BYTES // (len(found.aus) * (len(chosen) + 1))
    stride = max(1, -(-len(keys) // room))
    kept: list[npt.NDArray[np.int64]] = []
    videos = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        rows = np.arange(start, end, stride)
        videos.append(["/".join(keys[start]), sum(map(len, kept)), len(rows)])
        kept.append(rows)
    rows = np.concatenate(kept)
    return {
        "aus": found.aus,
        "stride": stride,
        "videos": videos,
        "frames": found.truth["frame"].to_numpy()[rows].tolist(),
        "step": _STEP,
        "truth": _packed(found.values[rows]),
        "methods": [
            {
                "name": s.method.name,
                "seed": s.method.members[0].name if len(s.method.members) > 1 else "",
                "aus": {au: _agreement(found, s, i) for i, au in enumerate(found.aus)},
                "values": _packed(s.values[0][rows]),
            }
            for s in chosen
        ],
    }


def _packed(values: Array) -> str:
    """Intensities as base64 bytes."""
    steps = np.clip(np.round(np.nan_to_num(values) / _STEP), 0, _MISSING - 1)
    steps[np.isnan(values)] = _MISSING
    return base64.b64encode(steps.astype(np.uint8).tobytes()).decode("ascii")


def _agreement(found: ScoreMatrix, scored: MethodScores, column: int) -> dict[str, Any]:
    kept = scored.mask[:, column]
    truth, prediction = found.values[kept, column], scored.values[0][kept, column]
    if not len(truth):
        return {"n": 0, "bias": None, "limits": None, "confusion": None}
    gap = prediction - truth
    bias, spread = float(gap.mean()), float(gap.std(ddof=1)) if len(gap) > 1 else 0.0
    return {
        "n": len(truth),
        "bias": round(bias, 4),
        "limits": [round(bias - 1.96 * spread, 4), round(bias + 1.96 * spread, 4)],
        "confusion": confusion(truth, prediction).tolist(),
    }


def confusion(truth: Array, prediction: Array) -> npt.NDArray[np.int64]:
    """Counts (6, 6) of whole intensities: row truth, column prediction, halves rounded up."""
    whole = [np.clip(np.floor(v + 0.5), 0, INTENSITY_SCALE).astype(np.int64) for v in (truth, prediction)]
    counts: npt.NDArray[np.int64] = np.bincount(whole[0] * _CLASSES + whole[1], minlength=_CLASSES**2)
    return counts.reshape(_CLASSES, _CLASSES)
