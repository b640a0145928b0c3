"""The identity loss (Song et al. 2020, equation 9)."""

from aubench import hookimpl
from aubench.component import Component


@hookimpl
def aubench_losses() -> list[Component]:
    return [Component("loss", "id", "identity: the emotionless face is the same person", f"{__name__}.loss:Id")]
