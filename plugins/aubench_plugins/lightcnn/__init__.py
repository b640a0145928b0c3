"""The recogniser ``lightcnn``: who is this, whatever the expression, the pose and the light."""

from __future__ import annotations

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config


class LightcnnConfig(Config):
    """The defaults are the small network that is shipped; the public checkpoint wants width 1."""

    width: float = Field(0.25, gt=0.0, le=4.0)
    """Factor on every channel count; the public network is 1. The embedding has 256 numbers at any width."""
    weights: str | None = "shipped"
    """"shipped", a safetensors or torch file (the public 29v2 checkpoint fits), or "none" for random numbers."""
    classes: int = Field(0, ge=0)
    """Identities of the classifier that only pretraining uses (80013 in the public network); 0 leaves it away, and
    then the classifier of a file is passed over."""


@hookimpl
def aubench_recognisers() -> list[Component]:
    """One card: LightCNN-29v2."""
    return [
        Component(
            "recogniser",
            "lightcnn",
            "LightCNN-29v2 face recognition; 256-d embedding",
            f"{__name__}.recogniser:Lightcnn",
            LightcnnConfig,
        )
    ]
