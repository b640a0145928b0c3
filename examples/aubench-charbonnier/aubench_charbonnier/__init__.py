"""The loss ``charbonnier``: facial content under a robust penalty."""

from __future__ import annotations

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config

AUBENCH_API = 1


class CharbonnierConfig(Config):
    """The penalty's shape."""

    power: float = Field(default=0.45, gt=0, le=1, description="a: 1/2 is like L1, less forgives outliers")
    epsilon: float = Field(default=0.05, gt=0, description="e: differences smaller than it count squared")


@hookimpl
def aubench_losses() -> list[Component]:
    """One card."""
    return [
        Component(
            "loss",
            "charbonnier",
            "facial content, robust: T of the drawn face near T of the image",
            f"{__name__}.loss:Charbonnier",
            CharbonnierConfig,
        )
    ]
