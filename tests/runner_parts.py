"""Losses that go wrong on purpose, found through ``$AUBENCH_PLUGINS`` beside :mod:`tiny_parts`."""

from __future__ import annotations

import os

import torch

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.parameters import FacialParameters


class HungryConfig(Config):
    most: int = 4
    """The largest batch for which there is memory."""


class Hungry:
    def __init__(self, config: HungryConfig) -> None:
        self.most = config.most

    def __call__(self, *, parameters: FacialParameters) -> torch.Tensor:
        if len(parameters) > self.most:
            raise torch.OutOfMemoryError(f"CUDA out of memory: a batch of {len(parameters)}")
        return parameters.au.square().mean()


class Fragile:
    """Breaks while ``$RUNNER_BREAKS`` is set."""

    def __init__(self, config: Config) -> None:
        pass

    def __call__(self, *, parameters: FacialParameters) -> torch.Tensor:
        if os.environ.get("RUNNER_BREAKS"):
            raise RuntimeError("the loss is broken,\nsadly")
        return parameters.au.square().mean()


class Needy:
    """Needs what nobody makes."""

    def __init__(self, config: Config) -> None:
        pass

    def __call__(self, *, moonlight: torch.Tensor) -> torch.Tensor:
        return moonlight


@hookimpl
def aubench_losses() -> list[Component]:
    return [
        Component("loss", "hungry", "wants much memory", f"{__name__}:Hungry", HungryConfig),
        Component("loss", "fragile", "breaks", f"{__name__}:Fragile"),
        Component("loss", "needy", "wants the moon", f"{__name__}:Needy"),
    ]
