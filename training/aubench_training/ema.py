"""Exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Ema:
    """Keeps ``shadow``, a copy of ``network`` whose floating weights follow it: ``s ← d s + (1 − d) w``.

    The decay grows from 0.1 to ``decay`` in the manner of TensorFlow's ``min(decay, (1 + t) / (10 + t))``, so a short
    run is not averaged with its random start. Buffers (batch statistics) are averaged as well, counters copied.
    """

    def __init__(self, network: nn.Module, decay: float = 0.995) -> None:
        self.decay, self.updates = decay, 0
        self.shadow = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        pairs = list(zip(self.shadow.state_dict().values(), network.state_dict().values(), strict=True))
        floats = [(mine, theirs) for mine, theirs in pairs if mine.is_floating_point()]
        torch._foreach_lerp_([mine for mine, _ in floats], [theirs for _, theirs in floats], 1 - decay)
        for mine, theirs in pairs:
            if not mine.is_floating_point():
                mine.copy_(theirs)

    def state_dict(self) -> dict[str, object]:
        return {"updates": self.updates, "shadow": dict(self.shadow.state_dict())}

    def load_state_dict(self, state: dict[str, object]) -> None:
        self.updates = int(state["updates"])  # type: ignore[call-overload]
        self.shadow.load_state_dict(state["shadow"])  # type: ignore[arg-type]
