"""What the page's pictures are drawn from: frames thinned to what a page can carry, and exact counts of all of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aubench.compare.schema import MethodRow
from aubench.compare.scoring import MethodScores, ScoreMatrix
from aubench.parameters import INTENSITY_SCALE
from aubench.result_model import ResultModel
from aubench.statistics import Array

METHODS = 8
"""As many colours tell apart."""
_BYTES = 1_500_000
_STEP = 0.02
_MISSING = 255
_CLASSES = 6


class Agreement(ResultModel):
    """Prediction against truth on one AU, over every scored frame of the first seed; None without such a frame."""

    n: int
    """Scored frames."""
    bias: float | None
    """Mean of prediction less truth, in intensity steps."""
    limits: tuple[float, float] | None
    """Limits of agreement: 1.96 standard deviations (n - 1) about the bias."""
    confusion: list[list[int]] | None
    """Counts (6, 6) of rounded intensities 0 to 5: truth, prediction."""


class MethodFrames(ResultModel):
    """One method's frames."""

    name: str
    seed: str
    """Name of the seed that is shown; empty where there is one."""
    aus: dict[str, Agreement]
    values: str
    """Intensities (frame, AU) as base64 bytes, see :class:`DatasetFrames`."""


class Bars(ResultModel):
    """Scores of one method for the bars: ICC(3,1), its interval, MAE, its interval, by AU."""

    name: str
    group: str
    aus: dict[str, tuple[float | None, tuple[float, float] | None, float | None, tuple[float, float] | None]]


class DatasetFrames(ResultModel):
    """What the page's script draws of a data set."""

    aus: list[str]
    stride: int
    """Step between the frames that are kept."""
    videos: list[tuple[str, int, int]]
    """Name, where its frames start among the kept ones, and how many there are."""
    frames: list[int]
    """Numbers of the kept frames."""
    step: float
    """Intensity of one step of the bytes."""
    truth: str
    """Intensities (frame, AU) as base64 bytes in steps of ``step``; 255 is none."""
    methods: list[MethodFrames]
    rows: list[Bars]


def payload(found: ScoreMatrix, rows: Sequence[MethodRow]) -> DatasetFrames:
    """A data set's pictures: of every row but constants, in their order, up to :data:`METHODS`."""
    shown = [row for row in rows if row.kind != "constant" and row.mean.icc31 is not None][:METHODS]
    by_name = {s.method.name: s for s in found.scored if s.comparable}
    chosen = [by_name[row.name] for row in shown if row.name in by_name]
    keys = found.truth[["subject", "sequence"]].to_numpy(str)
    starts = np.flatnonzero(np.r_[True, (keys[1:] != keys[:-1]).any(axis=1)])
    ends = np.r_[starts[1:], len(keys)]
    room = _BYTES // (len(found.aus) * (len(chosen) + 1))
    stride = max(1, -(-len(keys) // room))
    kept: list[npt.NDArray[np.int64]] = []
    videos = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        numbers = np.arange(start, end, stride)
        videos.append(("/".join(keys[start]), sum(map(len, kept)), len(numbers)))
        kept.append(numbers)
    numbers = np.concatenate(kept)
    return DatasetFrames(
        aus=found.aus,
        stride=stride,
        videos=videos,
        frames=found.truth["frame"].to_numpy()[numbers].tolist(),
        step=_STEP,
        truth=_packed(found.values[numbers]),
        methods=[
            MethodFrames(
                name=s.method.name,
                seed=s.method.members[0].name if len(s.method.members) > 1 else "",
                aus={au: _agreement(found, s, i) for i, au in enumerate(found.aus)},
                values=_packed(s.values[0][numbers]),
            )
            for s in chosen
        ],
        rows=[
            Bars(
                name=row.name,
                group=row.group,
                aus={au: (s.icc31, s.icc31_interval, s.mae, s.mae_interval) for au, s in row.aus.items()},
            )
            for row in shown
        ],
    )


def _packed(values: Array) -> str:
    """Intensities as base64 bytes."""
    steps = np.clip(np.round(np.nan_to_num(values) / _STEP), 0, _MISSING - 1)
    steps[np.isnan(values)] = _MISSING
    return base64.b64encode(steps.astype(np.uint8).tobytes()).decode("ascii")


def _agreement(found: ScoreMatrix, scored: MethodScores, column: int) -> Agreement:
    kept = scored.mask[:, column]
    truth, prediction = found.values[kept, column], scored.values[0][kept, column]
    if not len(truth):
        return Agreement(n=0, bias=None, limits=None, confusion=None)
    gap = prediction - truth
    bias, spread = float(gap.mean()), float(gap.std(ddof=1)) if len(gap) > 1 else 0.0
    return Agreement(
        n=len(truth),
        bias=round(bias, 4),
        limits=(round(bias - 1.96 * spread, 4), round(bias + 1.96 * spread, 4)),
        confusion=confusion(truth, prediction).tolist(),
    )


def confusion(truth: Array, prediction: Array) -> npt.NDArray[np.int64]:
    """Counts (6, 6) of whole intensities: row truth, column prediction, halves rounded up."""
    whole = [np.clip(np.floor(v + 0.5), 0, INTENSITY_SCALE).astype(np.int64) for v in (truth, prediction)]
    counts: npt.NDArray[np.int64] = np.bincount(whole[0] * _CLASSES + whole[1], minlength=_CLASSES**2)
    return counts.reshape(_CLASSES, _CLASSES)
