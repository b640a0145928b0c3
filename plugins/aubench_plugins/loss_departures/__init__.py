"""Facial content of departures from the subject's own calm face."""

from aubench import hookimpl
from aubench.component import Component


@hookimpl
def aubench_losses() -> list[Component]:
    return [
        Component(
            "loss",
            "departures",
            "content of departures: what AUs change in the drawing and on the subject",
            f"{__name__}.loss:Departures",
        )
    ]
