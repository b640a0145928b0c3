"""The adversarial loss (Song et al. 2020, equation 12)."""

from aubench import hookimpl
from aubench.component import Component


@hookimpl
def aubench_losses() -> list[Component]:
    return [
        Component("loss", "adv", "adversarial: the emotionless mouth is the base face's mouth", f"{__name__}.loss:Adv")
    ]
