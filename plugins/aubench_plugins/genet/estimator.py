"""GENet as an estimator: no network is trained; every image costs a search.

Song et al. (2020), "Unsupervised facial action unit intensity estimation via differentiable optimization"
(arXiv 2004.05908), as the method that this bench follows describes it: the facial parameters themselves are optimised,
through the frozen generator and extractor, until the drawn face's features match the image's. Step size, number of
steps and weights are not printed; ours are options.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from aubench.combination import as_image, feature_shapes
from aubench.contracts import Engine, Features, Frames
from aubench.device import autocast, cast_weights, choose_device, choose_dtype, place
from aubench.discovery import build
from aubench.errors import UserError
from aubench.facs import with_parameter
from aubench.parameters import FacialParameters, au_index
from aubench.progress import progress
from aubench.standardisation import Standardiser

from . import GenetConfig
from .objective import Objective, bounded, free
from .search import Found, Pace, Target, search


class Genet:
    """``fit`` takes statistics of the training frames' features and of drawn faces', and no label. ``predict`` leaves
    frames that it was told to pass over, and those whose search never had a finite loss, without an answer (NaN);
    ``notes`` then says so, and ``steps`` how many a search took. AUs without a parameter have no answer either."""

    supervised = False

    def __init__(self, config: GenetConfig) -> None:
        if not config.losses:
            raise UserError("estimator 'genet': no loss to minimise; give at least ct", code="config-invalid")
        self.aus = config.aus
        self._known = with_parameter(config.aus, "estimator 'genet'")
        self.notes: list[str] = []
        self.steps = math.nan
        self._config = config
        self._device = choose_device(config.device)
        self._dtype = choose_dtype(self._device, config.precision)
        self._renderer: Any = self._frozen(build("renderer", config.renderer, config.renderer_config))
        if not self._renderer.differentiable:
            raise UserError(
                f"estimator 'genet': renderer {config.renderer!r} is not differentiable; use neural.",
                code="plugin-unsupported",
            )
        self._extractor: Any = self._frozen(build("extractor", config.extractor, config.extractor_config))
        self._pace = Pace(config.iterations, config.rate, config.looks, config.tolerance, config.patience)
        losses = {name: build("loss", name, config.loss_options.get(name)) for name in config.losses}
        self._objective = Objective(losses, config.losses, self._draw, self._read_drawn)
        self._standardiser: Standardiser | None = None
        self._starts = FacialParameters.base(1)

    def weights(self) -> Iterator[Tensor]:
        """Every number that a prediction needs."""
        for part in (self._renderer, self._extractor, self._standardiser):
            if isinstance(part, nn.Module):
                yield from part.state_dict().values()

    def fit(self, frames: Frames, labels: npt.NDArray[np.float64] | None, *, seed: int) -> None:
        config = self._config
        with autocast(self._device, self._dtype):
            shapes = feature_shapes(self._extractor, frames.images.shape[1])
        standardiser = Standardiser(shapes).to(self._device)
        if config.standardise or config.starts > 1:
            engine = build("renderer", config.engine, config.engine_config)
            if not isinstance(engine, Engine):
                raise UserError(
                    f"estimator 'genet': renderer {config.engine!r} is not an engine: it cannot sample faces.",
                    code="plugin-unsupported",
                )
            faces = engine.sample(max(config.samples, config.starts - 1), seed)
            self._starts = FacialParameters.cat([FacialParameters.base(1), faces[: config.starts - 1]])
            if config.standardise:
                rows = np.unique(np.linspace(0, len(frames) - 1, config.samples).round().astype(np.int64))
                standardiser.fit("photo", (self._read(self._pictures(frames, part)) for part in self._split(rows)))
                standardiser.fit("drawn", self._imitations(faces[: config.samples]))
        self._standardiser = standardiser

    def predict(self, frames: Frames) -> npt.NDArray[np.float64]:
        chosen = every_nth(frames, self._config.every)
        parameters, loss = self.parameters(frames, chosen)
        answer = np.full((len(frames), len(self.aus)), np.nan)
        places = np.array([self.aus.index(name) for name in self._known], np.int64)
        columns = [au_index(name) for name in self._known]
        answer[np.ix_(chosen, places)] = parameters.intensities()[:, columns].double().numpy()
        lost = chosen[~np.isfinite(loss)]
        answer[lost] = np.nan
        self.notes = []
        if self._config.every > 1:
            which = f"{len(chosen)} of {len(frames)} frames"
            self.notes.append(f"searched for one frame in {self._config.every} of each video only, as asked: {which}")
        if len(lost):
            self.notes.append(f"no answer for {len(lost)} frames, whose search had no finite loss")
        return answer

    def parameters(
        self, frames: Frames, rows: npt.NDArray[np.int64] | None = None
    ) -> tuple[FacialParameters, npt.NDArray[np.float64]]:
        """Facial parameters and final loss (infinite where none was finite) of these rows of ``frames``, by default of
        all. A row's answer does not depend on which others are asked for, but for rounding."""
        if self._standardiser is None:
            raise RuntimeError("genet: fit before predict")
        rows = np.arange(len(frames)) if rows is None else rows
        starts = free(self._starts.to(self._device))
        each = len(starts)

        def target(jobs: Tensor) -> Target:
            pictures = self._pictures(frames, rows[jobs.cpu().numpy() // each])
            with torch.no_grad():
                assert self._standardiser is not None
                return pictures, self._whole(self._standardiser(self._read(pictures), "photo"))

        with progress("genet", len(rows), "frames") as advance:
            found = search(
                self._objective, starts.repeat(len(rows), 1), target, self._pace, self._config.batch,
                lambda done: advance(done / each),
            )  # fmt: skip
        self.steps = float(found.steps.float().mean()) if len(rows) else math.nan
        return _best(found, each)

    # --- networks -----------------------------------------------------------------------------------------------------

    def _frozen(self, network: Any) -> Any:
        if not isinstance(network, nn.Module):
            return network
        return cast_weights(place(network, self._device, frozen=True), self._dtype)

    def _draw(self, parameters: FacialParameters) -> Tensor:
        with autocast(self._device, self._dtype):
            image: Tensor = self._renderer.draw(parameters).image
        return image

    def _read(self, image: Tensor) -> Features:
        with autocast(self._device, self._dtype):
            features: Features = self._extractor.features(image)
        return features.each(lambda tensor: tensor.float())

    def _read_drawn(self, image: Tensor) -> Features:
        assert self._standardiser is not None
        return self._whole(self._standardiser(self._read(image), "drawn"))

    def _whole(self, features: Features) -> Features:
        maps = {**features.maps, "fused": features.fused} if self._config.fused else features.maps
        return Features(features.fused, maps)

    @torch.no_grad()
    def _imitations(self, faces: FacialParameters) -> Iterator[Features]:
        """Features of what the renderer draws: the statistics of its domain."""
        for part in self._split(np.arange(len(faces))):
            yield self._read(self._draw(faces[torch.from_numpy(part)].to(self._device)))

    def _split(self, rows: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
        for start in range(0, len(rows), self._config.batch):
            yield rows[start : start + self._config.batch]

    def _pictures(self, frames: Frames, rows: npt.NDArray[np.int64]) -> Tensor:
        return as_image(np.stack([frames.images[int(row)] for row in rows])).to(self._device)


def every_nth(frames: Frames, n: int) -> npt.NDArray[np.int64]:
    """Rows of every ``n``-th frame of each video from its first, by frame number."""
    place: dict[tuple[str, str], int] = {}
    chosen = []
    for row in np.argsort(frames.frame, kind="stable").tolist():
        video = (str(frames.subject[row]), str(frames.sequence[row]))
        place[video] = place.get(video, -1) + 1
        if place[video] % n == 0:
            chosen.append(row)
    return np.array(sorted(chosen), dtype=np.int64)


def _best(found: Found, each: int) -> tuple[FacialParameters, npt.NDArray[np.float64]]:
    """Of every frame's searches the one that ended lowest."""
    loss, which = found.loss.view(len(found.loss) // each, each).min(dim=1)
    rows = torch.arange(len(loss)) * each + which
    return bounded(found.numbers.cpu()[rows]), loss.double().numpy()
