"""``disfa``: 27 people watching a film, on two cameras, 12 AUs with intensities 0..5 in every frame."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component
from aubench.data.prepared import PreparedConfig


class DisfaConfig(PreparedConfig):
    """Which camera, and what becomes of frames in which the data set's own landmark tracking failed."""

    camera: Literal["left", "right", "both"] = Field(default="left", description="most published work: left")
    tracking_lost: Literal["keep", "drop"] = Field(
        default="keep",
        description="frames of the published list of lost tracking; keep: without their landmarks, drop: left out",
    )


@hookimpl
def aubench_datasets() -> list[Component]:
    return [
        Component(
            "dataset",
            "disfa",
            "DISFA from its original folder: 27 people on video, intensities of 12 AUs",
            f"{__name__}.reader:dataset",
            DisfaConfig,
            licence="of the data: by agreement with their owners",
        )
    ]
