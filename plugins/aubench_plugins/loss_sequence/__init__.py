"""Readings along a sequence, and of one subject, belong together."""

from aubench import hookimpl
from aubench.component import Component, Config


class SequenceConfig(Config):
    au: float = 1.0
    """Weight of the second differences of the AUs."""
    identity: float = 1.0
    """Weight of the difference in identity and brow style between two frames of one subject."""


@hookimpl
def aubench_losses() -> list[Component]:
    return [
        Component(
            "loss",
            "sequence",
            "sequence: AUs go smoothly, identity and brow style stay",
            f"{__name__}.loss:Sequence",
            SequenceConfig,
        )
    ]
