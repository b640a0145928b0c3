"""The extractor ``timm``: any timm backbone that offers its inner maps, with a face parser's attention or without."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config


class TimmConfig(Config):
    """On the command line ``timm:resnet50.a1_in1k`` sets ``backbone``."""

    argument: ClassVar[str] = "backbone"

    backbone: str
    """timm's name of a network and, after a dot, of its weights."""
    size: int | None = Field(None, ge=32)
    """Side in pixels to which images are resized; the one that the weights were made for where not given."""
    masks: str = "bisenet"
    """The extractor plugin whose parsing weighs the local maps, or "none" for plain ones."""
    masks_config: dict[str, object] = Field(default_factory=dict)
    """Options of that plugin."""
    strides: tuple[int, int, int] = (8, 16, 32)
    """Of the maps for eyes and brows, for nose and mouth, and for the face and f_gb; the nearest that there are."""
    weights: str | None = "pretrained"
    """"pretrained" (timm's own, through its cache), a safetensors or torch file, or "none" for random numbers."""


@hookimpl
def aubench_extractors() -> list[Component]:
    """One card for all backbones."""
    return [
        Component(
            "extractor",
            "timm",
            "Any timm backbone with inner maps, as timm:resnet50.a1_in1k",
            f"{__name__}.extractor:TimmFeatures",
            TimmConfig,
        )
    ]
