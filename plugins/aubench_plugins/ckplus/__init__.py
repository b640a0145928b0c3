"""``ckplus``: 593 short sequences from a neutral face to a posed peak, FACS-coded at the peak."""

from __future__ import annotations

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component
from aubench.data.prepared import PreparedConfig


class CkPlusConfig(PreparedConfig):
    """How much is read into a sequence beyond its coded peak."""

    neutral_first: bool = Field(
        default=False, description="count the first frame as all absent: a convention, no label of the data set"
    )


@hookimpl
def aubench_datasets() -> list[Component]:
    return [
        Component(
            "dataset",
            "ckplus",
            "CK+ from its original folder: 123 people, sequences from neutral to a FACS-coded peak",
            f"{__name__}.reader:dataset",
            CkPlusConfig,
            licence="of the data: by agreement with their owners",
        )
    ]
