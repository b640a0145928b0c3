"""The extractor ``bisenet``: face parsing, and the attended feature maps that the regressor reads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config


class BisenetConfig(Config):
    """The defaults are the small network that is shipped; the public checkpoint wants width 64, size 512 and the whole
    crop."""

    width: int = Field(32, ge=4, multiple_of=4)
    """Channels of the first layer; all others scale with it. The public network has 64."""
    size: int = Field(192, ge=32)
    """Side in pixels to which images are resized before they enter the network."""
    view: tuple[float, float, float, float] | None = None
    """Top, bottom, left and right of the part of the aligned crop that enters, as fractions of its side. By default
    what the weights' header says they learnt with, else the whole crop. The shipped ones see brows to chin: what lies
    around would cost resolution, and no AU moves it."""
    cells: int | None = Field(12, ge=1)
    """f_gb and the attended maps are averaged to at most so many cells a side, which hold what a regressor can use and
    cost a quarter of the memory; ``null`` hands them on as they are."""
    weights: str | None = "shipped"
    """"shipped", a safetensors or torch file (the public 79999_iter.pth fits), or "none" for random numbers."""
    beta: dict[Literal["eyes", "brows", "nose", "mouth", "face"], float] = Field(default_factory=dict)
    """Factor of each region's attended map, 1 where not given."""


@hookimpl
def aubench_extractors() -> list[Component]:
    """One card: the BiSeNet face parser."""
    return [
        Component(
            "extractor",
            "bisenet",
            "BiSeNet face parsing; fused features and five attended local maps",
            f"{__name__}.extractor:Bisenet",
            BisenetConfig,
        )
    ]
