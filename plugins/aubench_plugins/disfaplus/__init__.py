"""``disfaplus``: nine of DISFA's people posing expressions, 12 AUs with intensities 0..5."""

from __future__ import annotations

from aubench import hookimpl
from aubench.component import Component
from aubench.data.prepared import PreparedConfig


class DisfaPlusConfig(PreparedConfig):
    """Nothing to choose but what every data set has."""


@hookimpl
def aubench_datasets() -> list[Component]:
    return [
        Component(
            "dataset",
            "disfaplus",
            "DISFA+ from its original folder: posed expressions of nine of DISFA's people, intensities of 12 AUs",
            f"{__name__}.reader:dataset",
            DisfaPlusConfig,
            licence="of the data: by agreement with their owners",
        )
    ]
