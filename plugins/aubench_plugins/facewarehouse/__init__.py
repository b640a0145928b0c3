"""``facewarehouse``: 150 people in 20 poses each; images only, no AU labels."""

from __future__ import annotations

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component
from aubench.data.prepared import PreparedConfig

FIVE = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")


class FaceWarehouseConfig(PreparedConfig):
    """Which of the data set's 74 landmarks are those that alignment needs: nothing public tells."""

    land_points: dict[str, tuple[int, ...]] | None = Field(
        default=None,
        description=f"indices into the .land files, from 0, for {', '.join(FIVE)} (left: of the picture)",
    )


@hookimpl
def aubench_datasets() -> list[Component]:
    return [
        Component(
            "dataset",
            "facewarehouse",
            "FaceWarehouse from its original folder: 150 people in 20 poses, images without AU labels",
            f"{__name__}.reader:dataset",
            FaceWarehouseConfig,
            licence="of the data: by agreement with their owners",
        )
    ]
