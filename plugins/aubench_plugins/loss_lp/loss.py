"""``L_lp = |gbe − R(F_seg(G(gbe)))|_1 + λ_le |gbi − R(F_seg(G(gbi)))|_1`` (equation 11)."""

from __future__ import annotations

from torch import Tensor

from aubench.parameters import FacialParameters

from . import LpConfig


class Lp:
    """Faces drawn from R's answer, with base AUs and with base identity, are read back as what was drawn.

    The norm is the mean over the 269 numbers and the batch.
    """

    def __init__(self, config: LpConfig) -> None:
        self.config = config

    def __call__(
        self,
        *,
        emotionless: FacialParameters,
        emotionless_readback: FacialParameters,
        unidentified: FacialParameters,
        unidentified_readback: FacialParameters,
    ) -> Tensor:
        return self._distance(emotionless, emotionless_readback) + self.config.lambda_le * self._distance(
            unidentified, unidentified_readback
        )

    def _distance(self, drawn: FacialParameters, read: FacialParameters) -> Tensor:
        target = drawn.detach() if self.config.fixed_target else drawn
        return (target.vector() - read.vector()).abs().mean()
