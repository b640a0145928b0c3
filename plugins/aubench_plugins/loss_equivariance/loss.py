"""``L_eq = huber(R_au(warp(I, d)), clip(R_au(I) + k d, 0, 1))``, R_au(I) taken as known."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from aubench.errors import UserError, did_you_mean
from aubench.parameters import AU_NAMES, FacialParameters

from . import EquivarianceConfig


class Equivariance:
    """A copy of the frame, warped by AUs of strengths d, is read as the frame is, plus k d.

    No gradient flows into the reading of the frame. The Huber loss is divided by its delta, so that its slope is 1 far
    from zero; it is a mean over AUs and batch. Raises ``UserError`` for an AU that there is not.
    """

    def __init__(self, config: EquivarianceConfig) -> None:
        for name in config.gains:
            if name not in AU_NAMES:
                raise UserError(
                    f"loss equivariance: gains: no AU parameter {name!r}. {did_you_mean(name, AU_NAMES)}",
                    code="config-invalid",
                )
        self.delta = config.delta
        self.gains = torch.tensor([config.gains.get(name, 0.0) for name in AU_NAMES])

    def __call__(
        self, *, parameters: FacialParameters, warped_parameters: FacialParameters, warped_strengths: Tensor
    ) -> Tensor:
        gains = self.gains.to(warped_strengths.device)
        target = (parameters.au.detach().float() + gains * warped_strengths.float()).clamp(0, 1)
        return huber_loss(warped_parameters.au.float(), target, delta=self.delta) / self.delta
