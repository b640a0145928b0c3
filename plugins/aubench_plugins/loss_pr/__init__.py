"""The parameter loss (Song et al. 2020, equation 10)."""

from aubench import hookimpl
from aubench.component import Component, Config


class PrConfig(Config):
    alpha: float = 1.0
    """Weight of the identity. The paper does not print its value."""
    beta: float = 1.0
    """Weight of the AUs. The paper does not print its value."""


@hookimpl
def aubench_losses() -> list[Component]:
    return [Component("loss", "pr", "parameters: sparse, near the base face", f"{__name__}.loss:Pr", PrConfig)]
