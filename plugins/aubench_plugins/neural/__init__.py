"""The renderer ``neural``: a generator that imitates a face engine, so that gradients reach the parameters."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from aubench import hookimpl
from aubench.component import Component, Config

Channels = tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt, PositiveInt, PositiveInt, PositiveInt]


class NeuralConfig(Config):
    """The defaults are the small generator that is shipped."""

    size: Literal[64, 128, 256, 512] = 128
    """Side of the picture in pixels. There are eight transposed convolutions at every size."""
    channels: Channels = (256, 256, 128, 96, 64, 48, 32)
    """What the first seven layers put out. 512 512 512 256 128 64 64 is the table of the nearest documented
    relative (Shi et al., "Neural Rendering for Game Character Auto-Creation", TPAMI 2020)."""
    norm: Literal["conditional", "plain", "none"] = "conditional"
    """Instance norm of layers two to seven: its scale and shift a function of the parameters, learnt constants (with
    the first layer normalised too, as it is printed), or no norm."""
    weights: str | None = "shipped"
    """"shipped" (imitates the engine bdfm), "shipped:real-faces" (ict; not shipped yet), a safetensors file, or "none"
    for random numbers."""


@hookimpl
def aubench_renderers() -> list[Component]:
    """One card: the neural renderer."""
    return [
        Component(
            "renderer",
            "neural",
            "Differentiable imitation of an engine: eight transposed convolutions",
            f"{__name__}.renderer:Neural",
            NeuralConfig,
        )
    ]
