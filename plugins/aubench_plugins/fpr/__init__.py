"""The regressor ``fpr`` (facial parameter regressor): from an extractor's features to facial parameters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from aubench import hookimpl
from aubench.component import Component, Config


class FprConfig(Config):
    """``fusion: conv`` and ``au_uses_brows: false`` are as printed. "flat" is the default because it read
    held-out drawn faces better (one seed); the other defaults were not compared."""

    fusion: Literal["flat", "conv"] = "flat"
    """How maps become one vector. "conv", the paper: pooled to one size, joined, a convolution of stride 2, batch
    norm. "flat": every number of every map, which keeps where in the face something is."""
    hidden: int = Field(192, ge=8)
    """Width of the attention blocks and of the first of the two fully connected layers behind them."""
    channels: int = Field(256, ge=8)
    """Channels of the convolution of "conv"."""
    windows: bool = True
    """"flat" only: of each regional map, read the part of the aligned crop where the region can be."""
    dropout: float = Field(0.2, ge=0.0, lt=1.0)
    """Share of the activations dropped in training before each fully connected layer behind the fusion."""
    au_uses_brows: bool = True
    """Let the AU network read the brows' map too. The paper lists eyes, nose, mouth and face, though AU1, AU2 and AU4
    move the brows."""
    person: int = Field(0, ge=0)
    """Read AUs also as departures from a person's own neutral face, see :class:`aubench.contracts.PersonRegressor`: how
    many numbers of a face its entry has beside those of the AU network's first layer; 0 for no such network. Needs
    "flat", which is linear."""

    @model_validator(mode="after")
    def _linear(self) -> FprConfig:
        if self.person and self.fusion != "flat":
            raise ValueError("person needs fusion: flat, since departures are taken from linear entries")
        return self


@hookimpl
def aubench_regressors() -> list[Component]:
    """One card: four sub-networks with attention blocks."""
    return [
        Component(
            "regressor",
            "fpr",
            "Four sub-networks with attention blocks: pose, AUs, identity, brow style",
            f"{__name__}.network:Fpr",
            FprConfig,
        )
    ]
