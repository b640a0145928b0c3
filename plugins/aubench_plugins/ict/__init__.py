"""Card of the engine ``ict``: the scan-based face model ICT-FaceKit, read from its public folder."""

from __future__ import annotations

from pydantic import Field

from aubench import hookimpl
from aubench.assets_lookup import Asset
from aubench.component import Component, Config

ASSET = Asset(
    "ict",
    "the face model ICT-FaceKit (its folder FaceXModel)",
    "git clone https://github.com/ICT-VGL/ICT-FaceKit (MIT licence; `FaceXModel` is in it)",
    formerly="AUBENCH_ICT",
)


class IctConfig(Config):
    """``size``: side of the aligned crop in pixels. ``gap``: how far the people of photo looks are outside the identity
    space, see :mod:`aubench.drawing.variation`; their look seed decides who they are."""

    size: int = Field(default=128, ge=64, le=512)
    gap: float = Field(default=0.0, ge=0, le=1)


@hookimpl
def aubench_renderers() -> list[Component]:
    return [
        Component(
            "renderer",
            "ict",
            "Scan-based face model ICT-FaceKit, read from its public folder (engine, not differentiable)",
            f"{__name__}.engine:Ict",
            IctConfig,
            assets=(ASSET,),
        )
    ]
