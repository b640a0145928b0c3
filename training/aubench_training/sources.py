"""Which faces R learns from before it sees a photograph: of which engines, in which looks, with which AUs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aubench.contracts import Engine, Style
from aubench.parameters import AU as AU_SLICE
from aubench.parameters import AU_NAMES, BASE_AU

from .config import Part, RunConfig, Sampled
from .expressions import expressions
from .samples import Inputs, random_inputs

RARE = 0.15
"""In a face with rare AUs, the share of AUs that keep their value; the others are at their base."""


@dataclass(frozen=True)
class Source:
    """``count`` faces of one engine in one style, ``share`` of all that R learns from. ``own``: of the run's engine,
    whose identity numbers and brow styles are R's."""

    engine: Part
    style: Style
    count: int
    share: float
    own: bool = True

    @property
    def title(self) -> str:
        return f"{self.engine.name}, {self.style}"


def sources(config: RunConfig) -> list[Source]:
    """Where the sampled faces come from: the run's engine first, in each of its styles, then further ones."""
    sampled, engine = config.sampled, config.engine
    shares: dict[Style, float] = {sampled.style: 1.0} if sampled.style != "both" else {}
    shares = shares or {"game": 1 - sampled.photo, "photo": sampled.photo}
    total = sampled.count + sum(other.count for other in sampled.more)
    return [
        Source(engine, style, max(2, round(share * sampled.count)), share * (sampled.count / total))
        for style, share in shares.items()
    ] + [Source(other.engine, "photo", other.count, other.count / total, own=False) for other in sampled.more]


def faces(engine: Engine, count: int, seed: int, style: Style, sampled: Sampled) -> Inputs:
    """What is drawn: the engine's own sample, with AUs as ``sampled`` wants them."""
    vectors = engine.sample(count, seed).vector().numpy().copy()
    dice = np.random.default_rng([seed, 0x5A])
    rare = (dice.random((count, 1)) < sampled.sparse) & (dice.random((count, len(AU_NAMES))) >= RARE)
    vectors[:, AU_SLICE] = np.where(rare, BASE_AU, vectors[:, AU_SLICE])
    together = dice.random((count, 1)) < sampled.expressions
    vectors[:, AU_SLICE] = np.where(together, expressions(count, dice), vectors[:, AU_SLICE])
    if style == "game":
        return random_inputs(vectors, seed, looks="one")
    return random_inputs(vectors, seed, looks="many", nuisance=sampled.nuisance)
