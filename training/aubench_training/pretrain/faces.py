"""The drawn faces that a parser and a landmark network learn from: the same, so that both are drawn once."""

from __future__ import annotations

from typing import Protocol

from pydantic import Field

from aubench.component import Config
from aubench.contracts import Style
from aubench_training.pretrain.publish import Part, Request, pool_seed
from aubench_training.samples import Samples, engine_samples

STYLES: tuple[Style, ...] = ("game", "photo")


class MoreFaces(Config):
    """Faces that a further engine draws: how many of each style to learn from."""

    engine: Part
    photo: int = Field(0, ge=0)
    game: int = Field(0, ge=0)


class Faces(Protocol):
    """What a recipe says of its faces: how many of each style to learn from and, of each, to measure on; ``nuisance``
    is the strength of unlabelled movements in photo style; ``more`` are other engines' faces beside them."""

    engine: Part
    photo: int
    game: int
    held_out: int
    nuisance: float
    more: list[MoreFaces]


def face_pools(recipe: Faces, request: Request) -> tuple[list[Samples], dict[str, Samples]]:
    """Faces to learn from (photo, then game, then those of further engines), and held-out ones by style; those of
    further engines by ``<engine>_<style>``."""

    def pool(engine: Part, purpose: str, count: int, style: Style) -> Samples:
        return engine_samples(
            engine.name,
            engine.config,
            count,
            pool_seed(request.seed, f"extractor {purpose} {style}"),
            style,
            request.cache,
            nuisance=recipe.nuisance if style == "photo" else 0.0,
            workers=request.workers,
        )

    learned = [pool(recipe.engine, "train", recipe.photo, "photo"), pool(recipe.engine, "train", recipe.game, "game")]
    held_out = {str(style): pool(recipe.engine, "held-out", recipe.held_out, style) for style in STYLES}
    for other in recipe.more:
        counts: dict[Style, int] = {"photo": other.photo, "game": other.game}
        for style, count in counts.items():
            if count:
                learned.append(pool(other.engine, "train", count, style))
                name = f"{other.engine.name}_{style}"
                held_out[name] = pool(other.engine, "held-out", recipe.held_out, style)
    return learned, held_out


def pool_names(recipe: Faces) -> list[str]:
    """Names of the pools to learn from, in the order of :func:`face_pools`."""
    further = [
        f"{other.engine.name}_{style}" for other in recipe.more for style in ("photo", "game") if getattr(other, style)
    ]
    return ["photo", "game", *further]
