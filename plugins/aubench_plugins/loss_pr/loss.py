"""``L_pr = ||h' − h_b||² + α ||x_id' − x_bid||² + β ||x_au' − x_bau||²`` (equation 10)."""

from __future__ import annotations

from torch import Tensor

from aubench.parameters import BASE_AU, BASE_IDENTITY, BASE_POSE, FacialParameters

from . import PrConfig


class Pr:
    """Of all answers that draw the same face, the sparsest: parameters that cancel each other out cost.

    Squares are averaged over each group's numbers, so that 208 identity numbers do not outweigh 23 AUs by their count;
    ``alpha`` and ``beta`` weigh the groups.
    """

    def __init__(self, config: PrConfig) -> None:
        self.config = config

    def __call__(self, *, parameters: FacialParameters) -> Tensor:
        pose = (parameters.pose - BASE_POSE).square().mean()
        identity = (parameters.identity - BASE_IDENTITY).square().mean()
        au = (parameters.au - BASE_AU).square().mean()
        return pose + self.config.alpha * identity + self.config.beta * au
