"""Card of the engine ``bdfm``: a bone-driven face model and its own rasteriser."""

from __future__ import annotations

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config


class BdfmConfig(Config):
    """``size``: side of the aligned crop in pixels."""

    size: int = Field(default=128, ge=64, le=512)


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
