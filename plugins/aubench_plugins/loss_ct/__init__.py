"""The facial content loss (Song et al. 2020, equation 8)."""

from aubench import hookimpl
from aubench.component import Component


@hookimpl
def aubench_losses() -> list[Component]:
    return [Component("loss", "ct", "facial content: T of the drawn face near T of the image", f"{__name__}.loss:Ct")]
