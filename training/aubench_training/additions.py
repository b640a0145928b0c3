"""What this project adds to the paper's losses; each has a switch in ``additions`` of a recipe."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from aubench.contracts import Features
from aubench.parameters import FacialParameters

from .config import Sampled

HUBER_DELTA = 0.1
ABSOLUTE, SQUARE = 0.3, 5.0
"""Shares of the two errors. The best answer to a face that could be two things is its median by the first, which for
rare AUs is none at all, and its mean by the second, which agrees better with the truth."""
_LEAST_SPREAD = 1e-3
"""AUs with a smaller variance in a batch are at rest in it."""
SAMPLED_LOOPBACK, PEOPLE_LOOPBACK = "sampled_loopback", "people_loopback"
"""Names of the terms in logs."""


class SampledLoopback:
    """R reads faces that the engine drew from known parameters: ``Σ w (huber_δ / δ + mse)(R(F_seg(I_y)), y)``.

    The paper's loopback asks R about faces drawn from its own answers, which at the start are all alike; sampled ones
    cover the whole space, need no gradient through G or F_seg, and can be cached. Huber and squared error instead of
    L1: AUs are mostly zero, and L1's best constant is exactly zero, where R then stays. The brow style costs its
    cross-entropy. AUs weigh most: they are what is asked for. Numbers whose truth is NaN, and brow styles that are all
    zero, are unknown and cost nothing. With ``sampled.concordance`` the AUs cost their discordance too.
    """

    def __init__(self, weights: Sampled) -> None:
        self.weights = weights

    def __call__(self, *, sampled_parameters: FacialParameters, sampled_readback: FacialParameters) -> Tensor:
        truth, read, w = sampled_parameters, sampled_readback, self.weights
        brow = -(truth.brow * read.brow.float().clamp_min(1e-6).log()).sum(dim=1).mean()
        return (
            _aus(read.au, truth.au, w)
            + w.pose * _distance(read.pose, truth.pose)
            + w.identity * _distance(read.identity, truth.identity)
            + w.brow * brow
        )


class PeopleLoopback:
    """R reads frames of drawn people beside their own calm frames: ``w (huber_δ / δ + mse)`` and the discordance of the
    AUs, as in :class:`SampledLoopback`."""

    def __init__(self, weights: Sampled) -> None:
        self.weights = weights

    def __call__(self, *, people_aus: Tensor, people_readback: Tensor) -> Tensor:
        return _aus(people_readback, people_aus, self.weights)


def _aus(read: Tensor, truth: Tensor, weights: Sampled) -> Tensor:
    cost = weights.au * _distance(read, truth)
    return cost + weights.concordance * _discordance(read, truth) if weights.concordance else cost


def _distance(read: Tensor, truth: Tensor) -> Tensor:
    """Mean over numbers and batch. Huber with its delta divided out has slope 1 far from zero, as L1 has."""
    known = ~truth.isnan()
    read, truth = read.float()[known], truth[known]
    if not len(truth):
        return read.sum()
    return ABSOLUTE * huber_loss(read, truth, delta=HUBER_DELTA) / HUBER_DELTA + SQUARE * (read - truth).square().mean()


def _discordance(read: Tensor, truth: Tensor) -> Tensor:
    """1 - CCC over the batch, mean of the AUs that move in it (Lin's concordance, Biometrics 1989):

        CCC = 2 cov(r, t) / (var r + var t + (mean r - mean t)²).

    The best answer by squared error is shrunk, the more so the less sure it is; agreement by ICC wants the spread of
    the truth. ``read`` and ``truth`` (b, 23)."""
    read, truth = read.float(), truth.float()
    mean_read, mean_truth = read.mean(dim=0), truth.mean(dim=0)
    together = ((read - mean_read) * (truth - mean_truth)).mean(dim=0)
    spread = (read - mean_read).square().mean(dim=0) + (truth - mean_truth).square().mean(dim=0)
    agreement = 2 * together / (spread + (mean_read - mean_truth).square() + _LEAST_SPREAD)
    moves = truth.var(dim=0) > _LEAST_SPREAD
    return ((1 - agreement) * moves).sum() / moves.sum().clamp_min(1)


class Disturbance:
    """Gaussian noise on standardised features, and whole channels set to zero, which is their mean.

    Drawing fresh normal numbers for every input costs more than R itself, so the noise is cut from a bank of
    them, at a random place for each tensor of each step. There is a bank for every size of tensor, which depends on
    that size alone: a resumed run, which meets the sizes in another order, has the same.
    """

    def __init__(self, noise: float, dropout: float) -> None:
        self.noise, self.dropout = noise, dropout
        self._banks: dict[int, Tensor] = {}

    def __call__(self, features: Features) -> Features:
        return features.each(self._one)

    def _one(self, tensor: Tensor) -> Tensor:
        if self.noise:
            tensor = torch.add(tensor, self._cut(tensor), alpha=self.noise)
        if self.dropout:
            kept = torch.rand(*tensor.shape[:2], 1, 1, device=tensor.device) >= self.dropout
            tensor = tensor * kept
        return tensor

    def _cut(self, like: Tensor) -> Tensor:
        count = like.numel()
        if count not in self._banks:
            dice = torch.Generator().manual_seed(count)
            self._banks[count] = torch.randn(2 * count, generator=dice).to(like.device)
        start = int(torch.randint(0, count, ()))
        return self._banks[count][start : start + count].view(like.shape)
