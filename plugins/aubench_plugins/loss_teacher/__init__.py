"""A mean teacher, and how often each AU is to be seen."""

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config


class TeacherConfig(Config):
    marginal: float = 1.0
    """Weight of the distribution term."""
    rest: float = Field(default=0.5, ge=0, le=1)
    """Share of the faces of a batch in which an AU is at rest; 0 keeps the distribution of the starting model."""


@hookimpl
def aubench_losses() -> list[Component]:
    return [
        Component(
            "loss",
            "teacher",
            "mean teacher: agreement under disturbance, AUs at rest in a share of the frames",
            f"{__name__}.loss:Teacher",
            TeacherConfig,
        )
    ]
