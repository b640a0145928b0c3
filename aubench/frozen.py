"""Networks that are used and not trained: gradients pass through them to their input and change nothing in them."""

from __future__ import annotations

from typing import Self

from torch import nn


class Frozen(nn.Module):
    """A module that starts frozen and stays in evaluation mode for as long as none of its parameters may learn.

    A frozen network is often a part of something whose ``train()`` is called; its batch statistics must not move
    then. Pretraining thaws it: ``module.requires_grad_(True).train()``, in this order.
    """

    def freeze(self) -> Self:
        """No parameter learns; evaluation mode."""
        return self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Training mode, where some parameter may learn; otherwise evaluation mode."""
        return super().train(mode and any(parameter.requires_grad for parameter in self.parameters()))
