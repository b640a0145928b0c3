"""A sound estimator, the brightness of a frame, and broken ones."""

from __future__ import annotations

import numpy as np

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.contracts import Frames
from aubench.errors import UserError
from broken import cards


class Options(Config):
    aus: tuple[str, ...] = ("AU01", "AU12")


class Sound:
    """the brightness of a frame beside the mean brightness"""

    Options = Options
    breaks = ""
    supervised = False

    def __init__(self, config: Options) -> None:
        self.aus = config.aus

    def fit(self, frames: Frames, labels: np.ndarray | None, *, seed: int) -> None:
        self.level = float(frames.images.mean())

    def predict(self, frames: Frames) -> np.ndarray:
        bright = 2.5 * frames.images.mean(axis=(1, 2, 3)) / self.level
        return np.clip(np.repeat(bright[:, None], len(self.aus), axis=1), 0, 5)


class Lists(Sound):
    """its AUs in a list"""

    breaks = "says what it is"

    def __init__(self, config: Options) -> None:
        self.aus = list(config.aus)


class OneAu(Sound):
    """one AU for all"""

    breaks = "predictions have their shape"

    def predict(self, frames: Frames) -> np.ndarray:
        return super().predict(frames)[:, :1]


class TooHigh(Sound):
    """more than five"""

    breaks = "predictions stay in range"

    def predict(self, frames: Frames) -> np.ndarray:
        return super().predict(frames) + 4


class Cheats(Sound):
    """takes labels that it has no right to"""

    breaks = "labels teach only the supervised"

    def fit(self, frames: Frames, labels: np.ndarray | None, *, seed: int) -> None:
        super().fit(frames, labels, seed=seed)
        self.level += 0 if labels is None else float(labels.mean())


class AsksNobody(Sound):
    """supervised, and content without labels"""

    breaks = "labels teach only the supervised"
    supervised = True


class Asks(Sound):
    """supervised, and sound"""

    supervised = True

    def fit(self, frames: Frames, labels: np.ndarray | None, *, seed: int) -> None:
        if labels is None:
            raise UserError("estimator 'asks' learns from labels, but none were given")
        super().fit(frames, labels, seed=seed)


class Wavers(Sound):
    """another prediction at every call"""

    breaks = "predictions repeat"

    def fit(self, frames: Frames, labels: np.ndarray | None, *, seed: int) -> None:
        super().fit(frames, labels, seed=seed)
        self.dice = np.random.default_rng(seed)

    def predict(self, frames: Frames) -> np.ndarray:
        return np.clip(super().predict(frames) + self.dice.random((len(frames), 1)), 0, 5)


class Accumulates(Sound):
    """keeps what an earlier fit has learnt"""

    breaks = "keeps no state"
    level = None

    def fit(self, frames: Frames, labels: np.ndarray | None, *, seed: int) -> None:
        brightest = float(frames.images.max(axis=(1, 2, 3)).mean() + frames.images.mean())
        self.level = brightest if self.level is None else max(self.level, brightest)


class CleansUp(Sound):
    """turns missing labels into zeros, where they stand"""

    breaks = "labels are left alone"

    def fit(self, frames: Frames, labels: np.ndarray | None, *, seed: int) -> None:
        super().fit(frames, labels, seed=seed)
        if labels is not None:
            labels[np.isnan(labels)] = 0


class Lends(Sound):
    """gives the same array for the same number of frames"""

    breaks = "predictions are the callers own"

    def fit(self, frames: Frames, labels: np.ndarray | None, *, seed: int) -> None:
        super().fit(frames, labels, seed=seed)
        self.known: dict[int, np.ndarray] = {}

    def predict(self, frames: Frames) -> np.ndarray:
        return self.known.setdefault(len(frames), super().predict(frames))


@hookimpl
def aubench_estimators() -> list[Component]:
    return cards("estimator", Sound)
