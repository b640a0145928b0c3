"""``bp4d``: 41 people in eight tasks, intensities of 5 AUs; the Binghamton and the FERA 2015 release."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component
from aubench.data.prepared import PreparedConfig


class Bp4dConfig(PreparedConfig):
    """Which frames and labels are taken."""

    frames: Literal["coded", "all"] = Field(
        default="coded",
        description="coded: the run that FACS coders saw; all: every image, for training without labels",
    )
    occurrence: bool = Field(
        default=False, description="also the AUs coded as there or not (present without intensity), of AUCoding"
    )
    tracking_lost: Literal["keep", "drop"] = Field(
        default="keep", description="coded frames for which the data set has no landmarks (published list)"
    )
    landmark_order: Literal["refuse", "images"] = Field(
        default="refuse",
        description="landmark files without frame numbers; images: their rows are the folder's images in order",
    )


@hookimpl
def aubench_datasets() -> list[Component]:
    return [
        Component(
            "dataset",
            "bp4d",
            "BP4D from its original folder: 41 people, 8 tasks, intensities of 5 AUs",
            f"{__name__}.reader:dataset",
            Bp4dConfig,
            licence="of the data: by agreement with their owners",
        )
    ]
