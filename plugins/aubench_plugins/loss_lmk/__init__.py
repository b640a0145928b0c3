"""The landmark loss, which takes the place of facial content where the extractor is a landmark network."""

from aubench import hookimpl
from aubench.component import Component


@hookimpl
def aubench_losses() -> list[Component]:
    return [
        Component(
            "loss", "lmk", "landmarks: heatmaps of the drawn face near those of the image", f"{__name__}.loss:Lmk"
        )
    ]
