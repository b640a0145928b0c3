"""A sound renderer of one matrix, and broken ones."""

from __future__ import annotations

import torch

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.contracts import Drawn
from aubench.frozen import Frozen
from aubench.parameters import SIZE, FacialParameters
from broken import cards


class Options(Config):
    size: int = 8


class Sound(Frozen):
    """one matrix"""

    Options = Options
    breaks = ""
    differentiable = True

    def __init__(self, config: Options) -> None:
        super().__init__()
        self.size = config.size
        self.matrix = torch.nn.Linear(SIZE, 3 * config.size**2)
        self.freeze()

    def draw(self, parameters: FacialParameters) -> Drawn:
        image = torch.sigmoid(self.matrix(parameters.vector()).float())
        return Drawn(image.unflatten(1, (3, self.size, self.size)))


class Large(Sound):
    """draws twice as large as it says"""

    breaks = "pictures have their size"

    def draw(self, parameters: FacialParameters) -> Drawn:
        return Drawn(super().draw(parameters).image.repeat(1, 1, 2, 2))


class Bytes(Sound):
    """0 to 255"""

    breaks = "pictures stay in range"

    def draw(self, parameters: FacialParameters) -> Drawn:
        return Drawn(super().draw(parameters).image * 255)


class SameBrows(Sound):
    """one brow for all, with the gradient of another"""

    breaks = "all parameters are drawn"

    def draw(self, parameters: FacialParameters) -> Drawn:
        p = parameters
        brow = p.brow - p.brow.detach() + 1 / 36
        return super().draw(FacialParameters(p.pose, p.au, p.identity, brow))


class Stiff(Sound):
    """no gradient into the pose"""

    breaks = "gradients reach every parameter"

    def draw(self, parameters: FacialParameters) -> Drawn:
        p = parameters
        return super().draw(FacialParameters(p.pose.detach(), p.au, p.identity, p.brow))


class Shy(Sound):
    """says that it is not differentiable"""

    breaks = "says that it is differentiable"
    differentiable = False


class Parses(Sound):
    """a parsing map of floats"""

    breaks = "extras have their shapes"

    def draw(self, parameters: FacialParameters) -> Drawn:
        image = super().draw(parameters).image
        return Drawn(image, parsing=image.mean(1))


@hookimpl
def aubench_renderers() -> list[Component]:
    return cards("renderer", Sound)
