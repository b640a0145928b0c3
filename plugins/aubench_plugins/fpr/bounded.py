"""A map to (0, 1) that learns at its ends.

A sigmoid that starts at an AU's base value of 0.02 has a slope of 0.02 there: nearly all faces sit where it
hardly learns, and under an L1 loss it goes to zero and stays. This one is a ramp with rounded corners,

    ramp(z) = (softplus(k z) − softplus(k (z − 1))) / k,

of slope 1 between them and of slope 0.33 at 0.02. Beyond a corner its slope still vanishes; there a gradient that
points back into the range is passed on with a slope of at least :data:`RESCUE`, so that no output is lost for good.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SHARPNESS = 20.0
RESCUE = 0.25


class _Ramp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        ramp = (F.softplus(SHARPNESS * z) - F.softplus(SHARPNESS * (z - 1))) / SHARPNESS
        return ramp.clamp(0, 1)  # rounding may leave the range

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        slope = torch.sigmoid(SHARPNESS * z) - torch.sigmoid(SHARPNESS * (z - 1))
        # Descent moves z against its gradient: below the range a negative gradient leads back, above a positive one.
        returning = ((z < 0) & (grad < 0)) | ((z > 1) & (grad > 0))
        return grad * torch.where(returning, slope.clamp(min=RESCUE), slope)


def ramp(z: Tensor) -> Tensor:
    """Any real number to [0, 1], elementwise, in float32."""
    out: Tensor = _Ramp.apply(z.float())
    return out


def inverse_ramp(value: float) -> float:
    """The ``z`` whose ramp is ``value``, which must lie inside (0, 1)."""
    grown = math.exp(SHARPNESS * value)
    return math.log((grown - 1) / (1 - grown * math.exp(-SHARPNESS))) / SHARPNESS
