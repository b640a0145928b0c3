"""Warps of a photograph by known AU strengths move the reading by as much."""

from pydantic import Field

from aubench import hookimpl
from aubench.component import Component, Config

GAINS = {
    "AU01": 0.31, "AU02": 0.18, "AU04": 0.07, "AU05": 0.08, "AU07": 0.06, "AU09": 0.18, "AU10": 0.11, "AU12": 0.59,
    "AU14": 0.04, "AU15": 0.55, "AU16": 0.02, "AU17": 0.12, "AU18": 0.22, "AU20": 0.32, "AU23": 0.05, "AU24": 0.08,
}  # fmt: skip
"""What the shipped regressor reads of warped faces that `ict` drew: `python benchmarks/warp_gains.py --faces 24`."""


class EquivarianceConfig(Config):
    gains: dict[str, float] = Field(default=GAINS)
    """By how much the AU parameter rises with the strength of a warp, by AU; 0 for those that are not named."""
    delta: float = Field(default=0.1, gt=0)
    """Differences above this cost in proportion, smaller ones by their square."""


@hookimpl
def aubench_losses() -> list[Component]:
    return [
        Component(
            "loss",
            "equivariance",
            "equivariance: warped by known AUs, a photograph reads as much higher",
            f"{__name__}.loss:Equivariance",
            EquivarianceConfig,
        )
    ]
