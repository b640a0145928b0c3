"""The drawn faces that a parser and a landmark network learn from: the same, so that both are drawn once."""

from __future__ import annotations

from typing import Protocol

from aubench.contracts import Style
from aubench_training.pretrain.publish import Part, Request, pool_seed
from aubench_training.samples import Progress, Samples, engine_samples


class Faces(Protocol):
    """What a recipe says of its faces: how many of each style to learn from and, of each, to measure on; ``nuisance``
    is the strength of unlabelled movements in photo style."""

    engine: Part
    photo: int
    game: int
    held_out: int
    nuisance: float


def face_pools(recipe: Faces, request: Request, drawing: Progress | None) -> tuple[list[Samples], dict[Style, Samples]]:
    """Faces to learn from (photo, then game), and held-out ones by style."""

    def pool(purpose: str, count: int, style: Style) -> Samples:
        return engine_samples(
            recipe.engine.name,
            recipe.engine.config,
            count,
            pool_seed(request.seed, f"extractor {purpose} {style}"),
            style,
            request.cache,
            nuisance=recipe.nuisance if style == "photo" else 0.0,
            workers=request.workers,
            progress=drawing,
        )

    styles: tuple[Style, ...] = ("game", "photo")
    learned = [pool("train", recipe.photo, "photo"), pool("train", recipe.game, "game")]
    return learned, {style: pool("held-out", recipe.held_out, style) for style in styles}
