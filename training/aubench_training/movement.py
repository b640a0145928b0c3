"""How far R goes in the label-free phase, and what that does to its agreement on faces that the engine drew."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from .bench import Bench


class Departed:
    """The averaged regressor at the start of the label-free phase, ``start``, and facts on what became of it."""

    def __init__(self, start: nn.Module, facts: dict[str, float]) -> None:
        self.start, self.facts = start, facts

    @classmethod
    def at_start(cls, bench: Bench, regressor: nn.Module) -> Departed:
        """Keep a copy of the averaged ``regressor``, and what it reads of drawn faces."""
        start = copy.deepcopy(regressor).eval().requires_grad_(False)
        read = bench.in_domain(start)["in_domain/icc31"]
        return cls(start, {"label_free_in_domain_icc31_before": round(read, 4)})

    @classmethod
    def restored(cls, bench: Bench, state: Mapping[str, Any]) -> Departed:
        """From a checkpoint."""
        start = copy.deepcopy(bench.combination.regressor).eval().requires_grad_(False)
        start.load_state_dict(state["start"])
        return cls(start, dict(state["facts"]))

    def state_dict(self) -> dict[str, Any]:
        return {"start": dict(self.start.state_dict()), "facts": self.facts}

    def arrive(self, bench: Bench, regressor: nn.Module) -> None:
        """Add what the phase has made of ``regressor``, whose weights are averaged."""
        self.facts |= {
            "label_free_in_domain_icc31_after": round(bench.in_domain(regressor)["in_domain/icc31"], 4),
            "label_free_au_weights_moved": float(f"{relative_distance(bench, self.start, regressor):.4g}"),
        }


def relative_distance(bench: Bench, start: nn.Module, end: nn.Module) -> float:
    """``‖w − w₀‖ / ‖w₀‖`` over the weights on which AUs depend; ``start`` has w₀, ``end`` has w."""
    names = au_weights(bench, start)
    before, after = dict(start.named_parameters()), dict(end.named_parameters())
    moved = sum(float((after[name] - before[name]).double().square().sum()) for name in names)
    length = sum(float(before[name].double().square().sum()) for name in names)
    return float(np.sqrt(moved / max(length, 1e-30)))


def au_weights(bench: Bench, regressor: nn.Module) -> tuple[str, ...]:
    """Names of the weights on which the AUs of a drawn face depend."""
    drawn = bench.pools.held_out[0]
    features = drawn.pool.features(np.arange(1), bench.device)
    probe = copy.deepcopy(regressor).eval().requires_grad_(True)
    with torch.enable_grad():
        total = bench.combination.regress(features, drawn.domain, probe).au.sum()
        names, weights = zip(*probe.named_parameters(), strict=True)
        grads = torch.autograd.grad(total, weights, allow_unused=True)
    return tuple(name for name, grad in zip(names, grads, strict=True) if grad is not None)
