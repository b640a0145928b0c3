"""Card of the engine ``bdfm``: a bone-driven face model and its own rasteriser."""

from __future__ import annotations

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config


class BdfmConfig(Config):
    """``size``: side of the aligned crop in pixels. ``gap``: how far the people of photo looks are outside the identity
    space, see :mod:`aubench.drawing.variation`; their look seed decides who they are."""

    size: int = Field(default=128, ge=64, le=512)
    gap: float = Field(default=0.0, ge=0, le=1)


@hookimpl
def aubench_renderers() -> list[Component]:
    return [
        Component(
            "renderer",
            "bdfm",
            "Bone-driven face model with a game look and a photo look (engine, not differentiable)",
            f"{__name__}.engine:Bdfm",
            BdfmConfig,
        )
    ]
