"""The extractor ``gradients``: oriented image gradients in cells, without learnt weights."""

from __future__ import annotations

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config

AUBENCH_API = 1


class GradientsConfig(Config):
    """Options of the histograms."""

    size: int = Field(default=96, ge=32, multiple_of=8, description="side of the picture that is read, pixels")
    bins: int = Field(default=8, ge=3, description="orientations, evenly spread over half a turn")
    floor: float = Field(default=0.05, gt=0, description="strength (grey levels a pixel) under which edges fade out")


@hookimpl
def aubench_extractors() -> list[Component]:
    """One card."""
    return [
        Component(
            "extractor",
            "gradients",
            "histograms of oriented gradients; nothing is learnt",
            f"{__name__}.extractor:Gradients",
            GradientsConfig,
        )
    ]
