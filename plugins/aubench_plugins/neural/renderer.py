"""The frozen generator as a renderer."""

from __future__ import annotations

from aubench.contracts import Drawn
from aubench.frozen import Frozen
from aubench.parameters import FacialParameters
from aubench.weights import load_into, resolve

from . import NeuralConfig
from .network import Generator


class Neural(Generator, Frozen):
    """The generator with its weights; see :class:`NeuralConfig`. ``forward`` takes vectors (b, 269)."""

    differentiable = True

    def __init__(self, config: NeuralConfig) -> None:
        super().__init__(config.size, config.channels, config.norm)
        self.config = config
        self.size = config.size
        path = resolve(__file__, config.weights, "aubench pretrain generator")
        if path is not None:
            load_into(self, path)
        self.freeze()

    def draw(self, parameters: FacialParameters) -> Drawn:
        """Pictures of aligned faces, in [0, 1]; gradients flow to the parameters."""
        return Drawn(self(parameters.vector()))
