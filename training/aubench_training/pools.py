"""What a run reads again and again, computed once: features of frames and of engine samples, embeddings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from torch import Tensor

from aubench import discovery
from aubench.combination import Combination, as_image, state_digest
from aubench.contracts import Dataset, Engine, Frames
from aubench.data.augment.copies import Copies, augmented
from aubench.data.augment.copies import key as copy_key
from aubench.errors import UserError
from aubench.parameters import AU as AU_SLICE
from aubench.parameters import BASE_AU, FacialParameters
from aubench.standardisation import Domain

from .cache import Pool, cached, compute_features
from .config import RunConfig
from .people import RandomisedPeople, people
from .randomised import Randomised
from .sampler import spread, thin
from .samples import Samples, build_engine, engine_samples
from .sources import Source, faces, sources

PEOPLE_SEED = 11
WARPS = 1001
"""Number of the first warped copy, so that it is none of those that train beside the frames."""
FEW = 512
"""So many faces are drawn in this process: starting others costs more."""


@dataclass(frozen=True)
class Drawn:
    """Engine samples of one source with their features. ``domain``: whose statistics these take."""

    source: Source
    domain: Domain
    samples: Samples
    pool: Pool
    usable: npt.NDArray[np.int64]
    """Rows of the faces that R learns from."""

    def parameters(self, rows: Any = slice(None)) -> FacialParameters:
        """What R should read. Another engine's identity numbers are NaN and its brow styles zero: unknown."""
        known = self.samples.parameters(rows)
        if self.source.own:
            return known
        return FacialParameters(known.pose, known.au, torch.full_like(known.identity, torch.nan), known.brow * 0)


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
    def warped(self) -> tuple[Pool, npt.NDArray[np.float32]]:
        """Features of warped copies of the original frames, all frames of one copy after the other, and the AU
        strengths (n, 23) that were added."""
        asked, parts, strengths = self.config.warps, [], []
        for number in range(WARPS, WARPS + asked.count):
            for part in self.parts[: len(self.datasets)]:
                made = Copies(part.frames.images, self._landmarks(part), self.config.seed, number, asked.options)
                key = self._photo_key() | part.key | copy_key(self.config.seed, number, asked.options)
                title = f"features of warped frames ({part.dataset.name})"
                parts.append(self._cached(compute_features(self.combination.extractor), cast(Any, made), title, key))
                strengths.append(made.strengths())
        return Pool(parts), np.concatenate(strengths)

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
    def sources(self) -> list[Source]:
        """Where the sampled faces come from."""
        return sources(self.config)

    @functools.cached_property
    def sampled(self) -> list[Drawn]:
        """Faces drawn from known parameters, and their features, one entry for each source."""
        return [self._samples(source, source.count, seed=1, learnt=True) for source in self.sources]

    @functools.cached_property
    def held_out(self) -> list[Drawn]:
        """Further ones that R never learns from."""
        most = self.config.sampled.held_out
        own = sum(source.share for source in self.sources if source.own)
        return [
            self._samples(source, max(1, round(source.share / own * most)) if source.own else most, seed=2)
            for source in self.sources
        ]

    @functools.cached_property
    def people(self) -> list[Drawn]:
        """Frames of the people that R learns departures from, and their features, person after person."""
        asked, out = self.config.people, []
        for place, each in enumerate(asked.sources):
            # People of one engine differ from entry to entry: each has a seed of its own.
            seed = PEOPLE_SEED + sum(other.engine.name == each.engine.name for other in asked.sources[:place])
            inputs = people(build_engine(each.engine.name, each.engine.config), each.count, asked.frames, seed)
            source = Source(each.engine, "photo", len(inputs), len(inputs) / asked.frames, own=False)
            title = f"{each.count} people of {each.engine.name}, gap {each.engine.config.get('gap', 0):g}"
            self.console.print(f"{title}: {len(inputs)} frames, from the cache or drawn", highlight=False)
            samples = engine_samples(
                each.engine.name, each.engine.config, len(inputs), seed, "photo", self.cache, inputs=inputs
            )
            images: Any = RandomisedPeople(samples, asked.frames, asked.randomised, self.config.seed)
            key = self._photo_key() | {"images": samples.digest} | images.key
            pool = Pool(
                [self._cached(compute_features(self.combination.extractor), images, f"features of {title}", key)]
            )
            out.append(Drawn(source, "photo", samples, pool, np.arange(len(samples))))
        return out

    def _samples(self, source: Source, count: int, seed: int, learnt: bool = False) -> Drawn:
        sampled, part, photo = self.config.sampled, source.engine, source.style == "photo"
        engine = self.engine if source.own else build_engine(part.name, part.config)
        seed = seed + 10 * photo + (0 if source.own else 100 * self.sources.index(source))
        inputs = faces(engine, count, seed, source.style, sampled)
        self.console.print(f"engine samples: {count} ({source.title}), from the cache or drawn", highlight=False)
        workers = 0 if count <= FEW else None
        samples = engine_samples(
            part.name, part.config, count, seed, source.style, self.cache, inputs=inputs, workers=workers
        )
        usable = np.flatnonzero((samples.vectors[:, AU_SLICE] > 2 * BASE_AU).sum(axis=1) <= sampled.most)
        if not len(usable):
            raise UserError(
                f"sampled.most {sampled.most}: all {count} faces of {part.name} have more AUs; allow more",
                code="config-invalid",
            )
        key = self._photo_key() | {"images": samples.digest}
        images: Any = samples.images
        if photo and learnt and sampled.randomised:
            images = Randomised(samples, sampled.randomised, self.config.seed)
            key |= images.key
        compute = compute_features(self.combination.extractor)
        pool = Pool([self._cached(compute, images, f"features of engine samples ({source.title})", key)])
        return Drawn(source, "photo" if photo else "drawn", samples, pool, usable)
