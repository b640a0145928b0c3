"""``mmi``: posed and spontaneous AUs on video, coded by temporal phase, without intensities."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component
from aubench.data.prepared import PreparedConfig


class MmiConfig(PreparedConfig):
    """How the sessions are read where the data set leaves doubts."""

    sideways: Literal["rule", "never"] = Field(
        default="rule", description="which frontal videos lie on their side; rule: landscape ones without AU coding"
    )
    turned: tuple[int | str, ...] = Field(
        default=(), description="sessions to be turned 90 degrees clockwise in any case"
    )
    upright: tuple[int | str, ...] = Field(default=(), description="sessions never to be turned")
    dual: bool = Field(default=False, description="take videos that show a frontal and a profile view side by side")
    unlisted: Literal["missing", "absent"] = Field(
        default="missing", description="AUs that a session's coding does not mention"
    )
    first_marker: Literal[0, 1] = Field(default=1, description="number of a video's first frame in the AU coding")


@hookimpl
def aubench_datasets() -> list[Component]:
    return [
        Component(
            "dataset",
            "mmi",
            "MMI from its original folder: AUs by temporal phase (present or not, no intensities)",
            f"{__name__}.reader:dataset",
            MmiConfig,
            licence="of the data: by agreement with their owners",
        )
    ]
