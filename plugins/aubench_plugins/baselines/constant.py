"""Predictions that look at no picture: what MAE alone would reward."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aubench.contracts import Frames
from aubench.errors import UserError

from . import BaselineConfig


class Zero:
    """Intensity 0 for every AU of every frame."""

    supervised = False

    def __init__(self, config: BaselineConfig) -> None:
        self.aus = config.aus

    def fit(self, frames: Frames, labels: npt.NDArray[np.float64] | None, *, seed: int) -> None:
        """Nothing to learn."""

    def predict(self, frames: Frames) -> npt.NDArray[np.float64]:
        return np.zeros((len(frames), len(self.aus)))


class Mean:
    """The mean label of each AU over the annotated training frames; NaN for an AU that has none."""

    supervised = True

    def __init__(self, config: BaselineConfig) -> None:
        self.aus = config.aus
        self._mean: npt.NDArray[np.float64] | None = None

    def fit(self, frames: Frames, labels: npt.NDArray[np.float64] | None, *, seed: int) -> None:
        known = require_labels("mean", labels, len(frames), self.aus)
        self._mean = mean_label(known)

    def predict(self, frames: Frames) -> npt.NDArray[np.float64]:
        if self._mean is None:
            raise RuntimeError("mean: fit before predict")
        return np.repeat(self._mean[None], len(frames), axis=0)


class Shuffle:
    """For every AU, a training label drawn at random: the right distribution, and nothing seen."""

    supervised = True

    def __init__(self, config: BaselineConfig) -> None:
        self.aus = config.aus
        self._labels: npt.NDArray[np.float64] | None = None
        self._seed = 0

    def fit(self, frames: Frames, labels: npt.NDArray[np.float64] | None, *, seed: int) -> None:
        self._labels = require_labels("shuffle", labels, len(frames), self.aus)
        self._seed = seed

    def predict(self, frames: Frames) -> npt.NDArray[np.float64]:
        if self._labels is None:
            raise RuntimeError("shuffle: fit before predict")
        random = np.random.default_rng(self._seed)
        drawn = np.full((len(frames), len(self.aus)), np.nan)
        for column, labels in zip(drawn.T, self._labels.T, strict=True):  # views: filled in place
            known = labels[~np.isnan(labels)]
            if len(known):
                column[:] = random.choice(known, len(column))
        return drawn


def mean_label(labels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean over annotated frames of each AU (a,); NaN for an AU without any."""
    annotated = ~np.isnan(labels)
    count = annotated.sum(axis=0)
    total = np.where(annotated, labels, 0.0).sum(axis=0)
    mean: npt.NDArray[np.float64] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def require_labels(
    name: str, labels: npt.NDArray[np.float64] | None, rows: int, aus: tuple[str, ...]
) -> npt.NDArray[np.float64]:
    """Labels of a supervised estimator, with the shape they must have. Raises ``UserError``."""
    if labels is None:
        raise UserError(
            f"estimator {name!r} needs labels, but the data set has none.",
            code="labels-missing",
        )
    if labels.shape != (rows, len(aus)):
        raise UserError(
            f"estimator {name!r}: labels have shape {labels.shape}, but there are {rows} frames and {len(aus)} AUs. "
            "Give it the data set's AUs (option aus).",
            code="config-invalid",
        )
    return labels
