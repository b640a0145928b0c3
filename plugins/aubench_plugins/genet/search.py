"""Gradient descent for many images at once, each with a pace and an end of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from aubench.contracts import Features
from aubench.parameters import BROW, IDENTITY

from .objective import Objective, bounded

LOOKS = slice(IDENTITY.start, BROW.stop)
"""What belongs to a person, not to a moment."""
MOMENTUM, SQUARES, EPSILON = 0.9, 0.99, 1e-8
REFILL = 0.25
"""New searches begin when so large a share of the places is free: a pass of the extractor for each would waste time."""

Target = tuple[Tensor, Features]
"""Images (b, 3, h, w) and their features, as the objective takes them."""


@dataclass(frozen=True)
class Pace:
    """``iterations`` at most; first step size ``rate``, from which it falls along half a cosine, and ``looks`` of it
    for identity and brow style; a search ends after ``patience`` steps in none of which its best loss fell by more than
    ``tolerance`` of itself.

    Adam's steps are as long in numbers that hardly matter as in those that do; with steps of one length, 208 numbers of
    identity take up an expression before 23 AUs can.
    """

    iterations: int
    rate: float
    looks: float
    tolerance: float
    patience: int


@dataclass
class Found:
    """``numbers`` (n, 269), unbounded; ``loss`` (n,), infinite where none was finite; ``steps`` (n,) taken."""

    numbers: Tensor
    loss: Tensor
    steps: Tensor


@dataclass
class _Active:
    """Searches under way, a row each: ``which`` of the jobs, its numbers, Adam's two averages, its age in steps, the
    lowest loss so far and where, the loss that counts as the last gain, and when that was."""

    which: Tensor
    numbers: Tensor
    first: Tensor
    second: Tensor
    age: Tensor
    best: Tensor
    best_numbers: Tensor
    gained: Tensor
    gained_at: Tensor
    image: Tensor
    features: Features

    def __len__(self) -> int:
        return len(self.which)

    def kept(self, rows: Tensor) -> _Active:
        return _Active(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def joined(self, other: _Active) -> _Active:
        def both(mine: Any, its: Any) -> Any:
            return Features.cat([mine, its]) if isinstance(mine, Features) else torch.cat([mine, its])

        return _Active(**{f.name: both(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)})


def search(
    objective: Objective,
    starts: Tensor,
    target: Callable[[Tensor], Target],
    pace: Pace,
    batch: int,
    progress: Callable[[float], object] = lambda done: None,
) -> Found:
    """Minimise the objective from each of ``starts`` (n, 269) by Adam (Kingma and Ba 2015), ``batch`` at once.

    ``target`` gives images and features for rows of ``starts``. The answer is the best point that a search has seen; a
    search whose loss or gradient stops being finite ends there. ``progress`` is told how many have ended, those under
    way counting as far as they have come.
    """
    count, device = len(starts), starts.device
    found = Found(starts.detach().clone(), torch.full((count,), math.inf), torch.zeros(count, dtype=torch.long))
    active: _Active | None = None
    begun = ended = 0
    while ended < count:
        under_way = 0 if active is None else len(active)
        if begun < count and under_way <= batch * (1 - REFILL):
            which = torch.arange(begun, min(count, begun + batch - under_way), device=device)
            fresh = _begin(which, starts[which], *target(which))
            active = fresh if active is None or not under_way else active.joined(fresh)
            begun += len(which)
        assert active is not None
        over = _step(objective, active, pace)
        if over.any():
            rows = active.which[over]
            found.numbers[rows] = active.best_numbers[over]
            found.loss[rows.cpu()] = active.best[over].cpu()
            found.steps[rows.cpu()] = active.age[over].cpu()
            active = active.kept(~over)
            ended += len(rows)
        progress(ended + float(active.age.sum()) / (pace.iterations + 1))
    return found


def _begin(which: Tensor, numbers: Tensor, image: Tensor, features: Features) -> _Active:
    never = torch.full((len(which),), math.inf, device=numbers.device)
    age = torch.zeros_like(which)
    zeros = torch.zeros_like(numbers)
    return _Active(which, numbers, zeros, zeros, age, never, numbers, never, age, image, features)


def _step(objective: Objective, active: _Active, pace: Pace) -> Tensor:
    """One step of every search under way; returns which (b,) of them it ends. The last look takes no step, so that
    ``iterations`` steps are judged by as many losses and one more."""
    numbers = active.numbers.detach().requires_grad_()
    losses = objective(bounded(numbers), active.image, active.features)
    (gradient,) = torch.autograd.grad(losses.sum(), numbers)
    losses = losses.detach()
    # One image's NaN must not reach the others: rows meet in this sum only, whose gradient is 1 for each.
    sound = torch.isfinite(losses) & torch.isfinite(gradient).all(dim=1)
    better = sound & (losses < active.best)
    active.best = torch.where(better, losses, active.best)
    active.best_numbers = torch.where(better[:, None], active.numbers, active.best_numbers)
    gain = better & ~(losses > (1 - pace.tolerance) * active.gained)
    active.gained = torch.where(gain, losses, active.gained)
    active.gained_at = torch.where(gain, active.age, active.gained_at)
    over = ~sound | (active.age >= pace.iterations) | (active.age - active.gained_at >= pace.patience)

    age = (active.age + 1)[:, None].float()
    rate = pace.rate * 0.5 * (1 + torch.cos(math.pi * (age - 1).clamp(max=pace.iterations) / pace.iterations))
    active.first = torch.lerp(gradient, active.first, MOMENTUM)
    active.second = torch.lerp(gradient.square(), active.second, SQUARES)
    slope = active.first / (1 - MOMENTUM**age)
    spread = (active.second / (1 - SQUARES**age)).sqrt()
    rates = torch.ones_like(gradient[:1])
    rates[:, LOOKS] = pace.looks
    moved = active.numbers - rate * rates * slope / (spread + EPSILON)
    active.numbers = torch.where(over[:, None], active.numbers, moved)
    active.age = torch.where(over, active.age, active.age + 1)
    return over
