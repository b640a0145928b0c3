"""What this project adds to the paper's losses; each has a switch in ``additions`` of a recipe."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from aubench.contracts import Features
from aubench.parameters import FacialParameters

from .config import Sampled

HUBER_DELTA = 0.1
SAMPLED_LOOPBACK = "sampled_loopback"
"""Name of the term in logs."""


class SampledLoopback:
    """R reads faces that the engine drew from known parameters: ``Σ w (huber_δ / δ + mse)(R(F_seg(I_y)), y)``.

    The paper's loopback asks R about faces drawn from its own answers, which at the start are all alike; sampled ones
    cover the whole space, need no gradient through G or F_seg, and can be cached. Huber and squared error instead of
    L1: AUs are mostly zero, and L1's best constant is exactly zero, where R then stays. The brow style costs its
    cross-entropy. AUs weigh most: they are what is asked for.
    """

    def __init__(self, weights: Sampled) -> None:
        self.weights = weights

    def __call__(self, *, sampled_parameters: FacialParameters, sampled_readback: FacialParameters) -> Tensor:
        truth, read, w = sampled_parameters, sampled_readback, self.weights
        brow = -(truth.brow * read.brow.float().clamp_min(1e-6).log()).sum(dim=1).mean()
        return (
            w.au * _distance(read.au, truth.au)
            + w.pose * _distance(read.pose, truth.pose)
            + w.identity * _distance(read.identity, truth.identity)
            + w.brow * brow
        )


def _distance(read: Tensor, truth: Tensor) -> Tensor:
    """Mean over numbers and batch. Huber with its delta divided out has slope 1 far from zero, as L1 has."""
    read = read.float()
    return huber_loss(read, truth, delta=HUBER_DELTA) / HUBER_DELTA + (read - truth).square().mean()


def disturb(features: Features, noise: float, dropout: float) -> Features:
    """Gaussian noise on standardised features, and some of them set to zero, which is their mean."""

    def one(tensor: Tensor) -> Tensor:
        if noise:
            tensor = tensor + noise * torch.randn_like(tensor)
        return tensor * (torch.rand_like(tensor) >= dropout) if dropout else tensor

    return features.each(one)
