"""Card of the engine ``ict``: the scan-based face model ICT-FaceKit, read from its public folder."""

from __future__ import annotations

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config


class IctConfig(Config):
    """``size``: side of the aligned crop in pixels."""

    size: int = Field(default=128, ge=64, le=512)


@hookimpl
def aubench_renderers() -> list[Component]:
    return [
        Component(
            "renderer",
            "ict",
            "Scan-based face model ICT-FaceKit, read from its public folder ($AUBENCH_ICT; engine, not differentiable)",
            f"{__name__}.engine:Ict",
            IctConfig,
        )
    ]
