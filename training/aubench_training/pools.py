"""What a run reads again and again, computed once: features of frames and of engine samples, embeddings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from torch import Tensor

from aubench import discovery
from aubench.combination import Combination, as_image, state_digest
from aubench.contracts import Dataset, Engine, Frames, Style
from aubench.data.augment.copies import augmented
from aubench.data.augment.copies import key as copy_key
from aubench.parameters import AU as AU_SLICE
from aubench.parameters import AU_NAMES, BASE_AU
from aubench.standardisation import Domain

from .cache import Pool, cached, compute_features
from .config import RunConfig, Sampled
from .sampler import spread, thin
from .samples import Samples, engine_samples, random_inputs

RARE = 0.15
"""In a face with rare AUs, the share of AUs that keep their value; the others are at their base."""
FEW = 512
"""So many faces are drawn in this process: starting others costs more."""


def style_shares(sampled: Sampled) -> dict[Style, float]:
    """The styles of the sampled faces, and how much of them each is."""
    if sampled.style == "both":
        return {"game": 1 - sampled.photo, "photo": sampled.photo}
    return {sampled.style: 1.0}


@dataclass(frozen=True)
class Drawn:
    """Engine samples of one style with their features. ``domain``: whose statistics these take."""

    style: Style
    domain: Domain
    samples: Samples
    pool: Pool


@dataclass(frozen=True)
class Part:
    """Training frames of one data set, or augmented copies of them. ``key``: all that decides their pixels."""

    dataset: Dataset
    frames: Frames
    key: dict[str, Any]


@dataclass
class Pools:
    """Each pool is made, or found in the cache, when it is first asked for. ``recogniser`` returns the network."""

    config: RunConfig
    combination: Combination
    engine: Engine
    datasets: Sequence[Dataset]
    recogniser: Callable[[], Any]
    device: torch.device
    cache: Path
    console: Console

    @functools.cached_property
    def parts(self) -> list[Part]:
        """Training frames of every data set, thinned to the config's number, and then their augmented copies."""
        config, originals = self.config, []
        for dataset in self.datasets:
            frames = thin(dataset.frames("train"), config.frames)
            originals.append(Part(dataset, frames, {"images": dataset.digest, "split": "train"}))
        copies = []
        for copy in range(1, config.copies.count + 1):
            for part in originals:
                made = augmented(part.frames, self._landmarks(part), config.seed, copy, config.copies.options)
                copies.append(Part(part.dataset, made, part.key | copy_key(config.seed, copy, config.copies.options)))
        return originals + copies

    def _landmarks(self, part: Part) -> Any:
        """68 points of the part's frames where its data set has any; the mean face stands in for those it has not."""
        known = getattr(part.dataset, "landmarks", None)
        if known is None:
            return None
        points = known("train")
        return points[spread(len(points), self.config.frames)]

    @property
    def frame_count(self) -> int:
        return sum(len(part.frames) for part in self.parts)

    @property
    def original_count(self) -> int:
        """How many of them are no copies; these come first."""
        return sum(len(part.frames) for part in self.parts[: len(self.datasets)])

    def images(self, rows: npt.NDArray[np.int64]) -> Tensor:
        """Training frames by their place in all data sets laid end to end, float RGB (b, 3, h, w)."""
        starts = np.concatenate([[0], np.cumsum([len(part.frames) for part in self.parts])])
        which = np.searchsorted(starts, rows, side="right") - 1
        images: npt.NDArray[np.uint8] | None = None
        for w in np.unique(which):  # all of a part at once: a store of videos decodes them with all cores
            read = np.asarray(self.parts[w].frames.images[rows[which == w] - starts[w]])
            if images is None:
                images = np.empty((len(rows), *read.shape[1:]), np.uint8)
            images[which == w] = read
        assert images is not None  # a batch has rows
        return as_image(images).to(self.device)

    @functools.cached_property
    def photo(self) -> Pool:
        """Features of the training frames."""
        return self._pool(
            "features of training frames", compute_features(self.combination.extractor), self._photo_key()
        )

    @functools.cached_property
    def embeddings(self) -> Pool:
        """What the recogniser makes of the training frames."""
        key = self._photo_key() | {"network": state_digest(self.recogniser())}
        return self._pool("embeddings of training frames", lambda i: {"embedding": self.recogniser().embed(i)}, key)

    def _photo_key(self) -> dict[str, Any]:
        part = self.config.extractor
        options = discovery.configure(discovery.find("extractor", part.name), part.config)
        return {
            "network": self.combination.extractor_digest,
            "name": part.name,
            "config": options.model_dump(mode="json"),
        }

    def _pool(self, title: str, compute: Callable[[Tensor], dict[str, Tensor]], key: dict[str, Any]) -> Pool:
        return Pool([
            self._cached(compute, part.frames.images, f"{title} ({part.dataset.name})", key | part.key)
            for part in self.parts
        ])  # fmt: skip

    def _cached(self, compute: Any, images: npt.NDArray[np.uint8], title: str, key: dict[str, Any]) -> Any:
        return cached(compute, images, title=title, key=key, root=self.cache, device=self.device, console=self.console)

    @functools.cached_property
    def sampled(self) -> list[Drawn]:
        """Faces that the engine drew from known parameters, and their features, one entry for each style."""
        return self._samples(self.config.sampled.count, seed=1)

    @functools.cached_property
    def held_out(self) -> list[Drawn]:
        """Further ones that R never learns from."""
        return self._samples(self.config.sampled.held_out, seed=2)

    def _samples(self, count: int, seed: int) -> list[Drawn]:
        return [
            self._samples_of(style, max(1, round(share * count)), seed)
            for style, share in style_shares(self.config.sampled).items()
        ]

    def _samples_of(self, style: Style, count: int, seed: int) -> Drawn:
        sampled, engine = self.config.sampled, self.config.engine
        photo = style == "photo"
        seed = seed + 10 * photo
        vectors = self.engine.sample(count, seed).vector().numpy().copy()
        dice = np.random.default_rng([seed, 0x5A])
        rare = (dice.random((count, 1)) < sampled.sparse) & (dice.random((count, len(AU_NAMES))) >= RARE)
        vectors[:, AU_SLICE] = np.where(rare, BASE_AU, vectors[:, AU_SLICE])
        nuisance = sampled.nuisance if photo else 0.0
        inputs = random_inputs(vectors, seed, looks="many" if photo else "one", nuisance=nuisance)
        self.console.print(f"engine samples: {count} {style} faces, from the cache or drawn", highlight=False)
        workers = 0 if count <= FEW else None
        samples = engine_samples(
            engine.name, engine.config, count, seed, style, self.cache, inputs=inputs, workers=workers
        )
        key = self._photo_key() | {"images": samples.digest}
        compute = compute_features(self.combination.extractor)
        pool = Pool([self._cached(compute, samples.images, f"features of engine samples ({style})", key)])
        return Drawn(style, "photo" if photo else "drawn", samples, pool)
