"""The loopback loss (Song et al. 2020, equation 11)."""

from aubench import hookimpl
from aubench.component import Component, Config


class LpConfig(Config):
    lambda_le: float = 1.0
    """Weight of the face with base identity beside the emotionless one."""
    fixed_target: bool = True
    """Take the parameters that were drawn as known, and let no gradient into them as a target: without it, R can lower
    the loss by answering with faces that are easy to read."""


@hookimpl
def aubench_losses() -> list[Component]:
    return [
        Component(
            "loss", "lp", "loopback: R reads back the faces drawn from its answer", f"{__name__}.loss:Lp", LpConfig
        )
    ]
