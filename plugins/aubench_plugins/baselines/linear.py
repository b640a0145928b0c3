"""Ridge regression on frozen features: the row that a trained regressor has to beat.

``y = X w``, ``w = X' (X X' + alpha I)^-1 y``: the dual form (Hoerl and Kennard 1970), as there are more columns
than rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
import torch

from aubench.contracts import Engine, Frames, Style
from aubench.discovery import build, find
from aubench.errors import UserError
from aubench.facs import with_parameter
from aubench.parameters import FacialParameters, au_index

from . import FeaturesConfig, RidgeConfig
from .constant import require_labels
from .features import BATCH, Matrix, Offered, Reader, Scale, batches, stored

ALPHAS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Candidates, in units of the mean of the diagonal of X X' (the mean squared length of a row)."""


class LinearModel:
    """``fit`` picks ``alpha`` by the squared error on the rows marked ``held_out``, then uses all rows."""

    alpha: float

    def __init__(self, rows: Matrix, targets: npt.NDArray[np.float64], held_out: npt.NDArray[np.bool_]) -> None:
        self._mean = targets.mean(axis=0)
        centred = targets - self._mean
        gram = (rows @ rows.T).astype(np.float64)
        unit = float(np.mean(np.diag(gram))) or 1.0
        kept = ~held_out
        errors = []
        for alpha in ALPHAS:
            dual = _solve(gram[np.ix_(kept, kept)], alpha * unit, centred[kept])
            errors.append(float(np.mean((gram[np.ix_(held_out, kept)] @ dual - centred[held_out]) ** 2)))
        self.alpha = ALPHAS[int(np.argmin(errors))]
        self._weights = rows.T @ _solve(gram, self.alpha * unit, centred).astype(np.float32)

    def weights(self) -> list[npt.NDArray[Any]]:
        """Every number that a prediction needs."""
        return [self._weights, self._mean]

    def __call__(self, rows: Matrix) -> npt.NDArray[np.float64]:
        answer: npt.NDArray[np.float64] = (rows @ self._weights).astype(np.float64) + self._mean
        return answer


def _solve(gram: npt.NDArray[np.float64], alpha: float, targets: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shifted = gram.copy()
    shifted[np.diag_indices_from(shifted)] += alpha
    solution: npt.NDArray[np.float64] = scipy.linalg.solve(shifted, targets, assume_a="pos", overwrite_a=True)
    return solution


class Ridge:
    """Fitted to ``samples`` faces that an engine draws, whose parameters are known; of the data set's training frames
    it only uses the mean and the spread of the features, which takes no label. Faces in photo style are scaled by
    these, those in game style by their own. An AU that no engine draws has no answer."""

    supervised = False

    def __init__(self, config: RidgeConfig) -> None:
        self.aus = config.aus
        self._config = config
        self._reader: Reader | None = None
        self._known = with_parameter(config.aus, "estimator 'ridge'")
        self._offered: tuple[npt.NDArray[np.uint8], FacialParameters] | None = None
        self._of_frames: Offered | None = None
        self._of_drawn: Offered | None = None

    def offer_drawn(self, images: npt.NDArray[np.uint8], parameters: FacialParameters, style: Style) -> None:
        """Faces (n, h, w, 3) that the engine has drawn already: ``fit`` takes the first ``samples`` of them, if they
        are of its style and as many, instead of drawing its own."""
        if style == self._config.style and len(images) >= self._config.samples:
            self._offered = images[: self._config.samples], parameters[: self._config.samples]

    def offer_features(self, frames: Offered | None, drawn: Mapping[Style, Offered]) -> None:
        """Features that the extractor of the options has computed already: of the frames that ``fit`` will get, and, by
        style, of the faces of :meth:`offer_drawn`, both with numbers of pictures (from, to) as arguments."""
        self._of_frames, self._of_drawn = frames, drawn.get(self._config.style)

    def pictures(self, train: int, test: int) -> int:
        """How many pictures the extractor will be shown for so many frames to train on and to answer."""
        drawn = self._offered is not None and self._of_drawn is not None
        return test + (0 if self._of_frames is not None else train) + (0 if drawn else self._config.samples)

    def fit(self, frames: Frames, labels: npt.NDArray[np.float64] | None, *, seed: int) -> None:
        config, what, count = self._config, "drawn faces", self._config.samples
        self._reader = Reader(config.extractor, config.extractor_config, config.columns)
        if self._offered is None:
            parameters, pictures = self._sample(frames.images.shape[1], seed)
            rows = self._reader.read(pictures, count, what)
        elif self._of_drawn is None:
            parameters = self._offered[1]
            rows = self._reader.read(batches(self._offered[0]), count, what)
        else:
            parameters = self._offered[1]
            rows = self._reader.rows(self._of_drawn(0, count), count, what)
        targets = parameters.intensities()[:, [au_index(name) for name in self._known]].double().numpy()
        held_out = np.random.default_rng(seed).random(len(rows)) < 0.2
        self._scale = Scale(self._reader.frames(frames, "training frames", self._of_frames))
        drawn = self._scale if config.style == "photo" else Scale(rows)
        self._model = LinearModel(drawn(rows), targets, held_out)

    def _sample(self, size: int, seed: int) -> tuple[FacialParameters, Iterator[torch.Tensor]]:
        config = self._config
        sized = {"size": size} if "size" in find("renderer", config.engine).config.model_fields else {}
        engine = build("renderer", config.engine, {**sized, **config.engine_config})
        if not isinstance(engine, Engine):
            raise UserError(
                f"estimator 'ridge': renderer {config.engine!r} is not an engine: it cannot sample faces.",
                code="plugin-unsupported",
            )
        parameters = engine.sample(config.samples, seed)
        return parameters, _draw(engine, parameters, config.style, seed)

    def weights(self) -> list[Any]:
        """Every number that a prediction needs."""
        return [] if self._reader is None else [*self._reader.weights(), *self._model.weights()]

    def predict(self, frames: Frames) -> npt.NDArray[np.float64]:
        if self._reader is None:
            raise RuntimeError("ridge: fit before predict")
        answer = np.full((len(frames), len(self.aus)), np.nan)
        rows = self._scale(self._reader.frames(frames, "test frames"))
        answer[:, [self.aus.index(name) for name in self._known]] = np.clip(self._model(rows), 0.0, 5.0)
        return answer


class SupervisedFeatures:
    """Fitted to the training labels: what the frozen features can carry, however a regressor is trained.

    ``alpha`` is chosen on every fourth training subject. Frames without all labels are left out.
    """

    supervised = True

    def __init__(self, config: FeaturesConfig) -> None:
        self.aus = config.aus
        self._config = config
        self._reader: Reader | None = None
        self._of_frames: Offered | None = None

    def offer_features(self, frames: Offered | None, drawn: Mapping[Style, Offered]) -> None:
        """See :meth:`Ridge.offer_features`."""
        self._of_frames = frames

    def pictures(self, train: int, test: int) -> int:
        """See :meth:`Ridge.pictures`."""
        return test + (0 if self._of_frames is not None else train)

    def fit(self, frames: Frames, labels: npt.NDArray[np.float64] | None, *, seed: int) -> None:
        known = require_labels("supervised-features", labels, len(frames), self.aus)
        self._reader = Reader(self._config.extractor, self._config.extractor_config, self._config.columns)
        rows = self._reader.frames(frames, "training frames", self._of_frames)
        self._scale = Scale(rows)
        usable = ~np.isnan(known).any(axis=1)
        if not usable.any():
            raise UserError(
                "estimator 'supervised-features': no training frame has a label for every AU.", code="labels-missing"
            )
        subjects = np.unique(frames.subject[usable])
        held_out = np.isin(frames.subject[usable], subjects[3::4] if len(subjects) > 3 else subjects[-1:])
        if held_out.all():
            held_out = np.arange(len(held_out)) % 4 == 3
        self._model = LinearModel(self._scale(rows)[usable], known[usable], held_out)

    def weights(self) -> list[Any]:
        """Every number that a prediction needs."""
        return [] if self._reader is None else [*self._reader.weights(), *self._model.weights()]

    def predict(self, frames: Frames) -> npt.NDArray[np.float64]:
        if self._reader is None:
            raise RuntimeError("supervised-features: fit before predict")
        return np.clip(self._model(self._scale(self._reader.frames(frames, "test frames"))), 0.0, 5.0)


def _draw(engine: Engine, parameters: FacialParameters, style: Style, seed: int) -> Iterator[torch.Tensor]:
    dice = np.random.default_rng([seed, 0x10015])
    for start in range(0, len(parameters), BATCH):
        part = parameters[start : start + BATCH]
        if style == "game":
            yield stored(engine.draw(part).image)
            continue
        looks, shots = dice.integers(0, 2**31, (2, len(part))).tolist()
        yield stored(engine.draw(part, style=style, looks=looks, shots=shots).image)
