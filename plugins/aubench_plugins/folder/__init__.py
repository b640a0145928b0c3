"""``folder``: any folder of images or videos, with labels in a CSV file if there are any."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component
from aubench.data.prepared import PreparedConfig


class FolderConfig(PreparedConfig):
    """Who is seen in which file, and where the labels are."""

    labels: str | None = Field(
        default=None, description="CSV file, relative to the root; default: labels.csv there, should it exist"
    )
    aus: tuple[str, ...] = Field(default=(), description="AUs to label (AU01, ...); default: all that aubench knows")
    first_frame: Literal[0, 1] = Field(default=0, description="how the CSV's column 'frame' numbers a video's first")
    subject_pattern: str | None = Field(
        default=None,
        description="regular expression for paths under the root, its first group the subject; default: the first "
        "folder, else the file",
    )
    loose: Literal["people", "sequence"] = Field(
        default="people", description="images right in the root: each another person, or one sequence of one person"
    )
    people: str | None = Field(
        default=None, description="name of the group of people, where another data set shows the same"
    )


@hookimpl
def aubench_datasets() -> list[Component]:
    return [
        Component(
            "dataset",
            "folder",
            "any folder of images or videos, with an optional CSV of labels",
            f"{__name__}.reader:dataset",
            FolderConfig,
        )
    ]
