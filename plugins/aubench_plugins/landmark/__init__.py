"""The extractor ``landmark``: a face alignment network whose heatmaps and first layers the regressor reads."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from aubench import hookimpl
from aubench.component import Component, Config


class LandmarkConfig(Config):
    """The defaults are the small network that is shipped; the public 2DFAN4 checkpoint wants width 256, 4 modules,
    depth 4, size 256 and the view that ``registry.yaml`` gives its variant."""

    width: int = Field(64, ge=16, multiple_of=16)
    """Channels of the hourglasses; those of the first layers are a quarter and a half of it."""
    modules: int = Field(2, ge=1, le=4)
    """Hourglasses in a row."""
    depth: int = Field(3, ge=1, le=5)
    """How often an hourglass halves its map."""
    size: int = Field(128, ge=8)
    """Side in pixels to which the view is resized; a multiple of 4 * 2 ** depth. Heatmaps have a quarter of it."""
    view: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)
    """Top, bottom, left and right of what enters, as fractions of the aligned crop; beyond the crop it is black."""
    cells: int = Field(16, ge=1)
    """Side of the local maps: finer ones are averaged down to it."""
    masks: Literal["heatmaps", "none"] = "heatmaps"
    """Weigh the local maps by where the region's heatmaps say that it is, or, as printed in the paper, not at all."""
    weights: str | None = "shipped"
    """"shipped", "cache:<name>" (see `aubench weights`), a safetensors or torch file, or "none" for random numbers."""

    @model_validator(mode="after")
    def _halves(self) -> Self:
        if self.size % (unit := 4 * 2**self.depth):
            raise ValueError(f"size {self.size} is no multiple of {unit}, which {self.depth} halvings need")
        top, bottom, left, right = self.view
        if not (top < bottom and left < right):
            raise ValueError("view is top, bottom, left, right, with top < bottom and left < right")
        return self


@hookimpl
def aubench_extractors() -> list[Component]:
    """One card: the face alignment network."""
    return [
        Component(
            "extractor",
            "landmark",
            "Face alignment network: heatmaps of 68 points, and its first two layers as local maps",
            f"{__name__}.extractor:Landmark",
            LandmarkConfig,
        )
    ]
