"""A sound engine, dots on noise, and broken ones."""

from __future__ import annotations

import numpy as np
import torch

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.contracts import TEMPLATE, Drawn
from aubench.parameters import BROW_SIZE, SIZE, FacialParameters
from broken import cards


class Options(Config):
    size: int = 12


class Engine:
    """dots on noise"""

    Options = Options
    breaks = ""
    differentiable = False

    def __init__(self, config: Options) -> None:
        self.size = config.size
        self.pixels = 3 * self.size**2
        self.matrix = np.random.default_rng(1).normal(size=(SIZE, self.pixels)) * 0.1
        self.shift = np.random.default_rng(2).normal(size=(9, self.pixels))

    def draw(self, parameters, *, style="game", looks=None, shots=None, nuisance=None) -> Drawn:
        b = len(parameters)
        light = parameters.vector().detach().double().numpy() @ self.matrix
        if nuisance is not None:
            light = light + self.moved(nuisance)
        for row in range(b):
            light[row] += self.noise(row, style, looks[row] if looks else 0, shots[row] if shots else 0)
        image = torch.from_numpy(1 / (1 + np.exp(-light))).float().reshape(b, 3, self.size, self.size)
        parsing = torch.zeros(b, self.size, self.size, dtype=torch.int64)
        return Drawn(image, parsing, self.points().expand(b, -1, -1))

    def moved(self, nuisance: np.ndarray) -> np.ndarray:
        return nuisance.astype(np.float64) @ self.shift

    def noise(self, row: int, style: str, look: int, shot: int) -> np.ndarray:
        if style == "game":
            return np.zeros(self.pixels)
        return np.random.default_rng([look, shot]).normal(size=self.pixels)

    def points(self) -> torch.Tensor:
        left, right, nose, *mouth = (torch.tensor(place) * self.size - 0.5 for place in TEMPLATE)
        points = nose.repeat(1, 68, 1)
        points[0, 36:42], points[0, 42:48], points[0, 48], points[0, 54] = left, right, mouth[0], mouth[1]
        return points

    def sample(self, count: int, seed: int) -> FacialParameters:
        dice = torch.Generator().manual_seed(seed)
        brow = torch.eye(BROW_SIZE)[torch.randint(BROW_SIZE, (count,), generator=dice)]
        return FacialParameters(*(torch.rand(count, n, generator=dice) for n in (2, 23, 208)), brow)


class Boasts(Engine):
    """says that it is differentiable"""

    breaks = "says that it is not differentiable"
    differentiable = True


class Grain(Engine):
    """film grain of its own in the game style"""

    breaks = "equal arguments give equal pixels"

    def noise(self, row, style, look, shot):
        grain = 0.01 * torch.randn(self.pixels).double().numpy() if style == "game" else 0.0
        return super().noise(row, style, look, shot) + grain


class ByPlace(Engine):
    """noise by the place in the batch"""

    breaks = "batch size changes nothing"

    def noise(self, row, style, look, shot):
        return super().noise(row, style, look + row, shot)


class NoShots(Engine):
    """every frame has the same noise"""

    breaks = "looks and shots seed the photo style"

    def noise(self, row, style, look, shot):
        return super().noise(row, style, look, 0)


class OneStyle(Engine):
    """photo only"""

    breaks = "styles differ"

    def noise(self, row, style, look, shot):
        return super().noise(row, "photo", look, shot)


class Staring(Engine):
    """the gaze does not move"""

    breaks = "nuisance moves the picture"

    def moved(self, nuisance):
        return super().moved(nuisance * np.array([0, 0, 1, 1, 1, 1, 1, 1, 1], np.float32))


class Misaligned(Engine):
    """everything a tenth too low"""

    breaks = "draws aligned crops"

    def points(self):
        return super().points() + torch.tensor([0.0, 0.1 * self.size])


class OneSample(Engine):
    """every seed samples the same faces"""

    breaks = "samples faces"

    def sample(self, count, seed):
        return super().sample(count, 0)


class NewClass(Engine):
    """a parsing class that there is not"""

    breaks = "extras have their shapes"

    def draw(self, parameters, **arguments):
        made = super().draw(parameters, **arguments)
        return Drawn(made.image, made.parsing + 19, made.landmarks)


@hookimpl
def aubench_renderers() -> list[Component]:
    return cards("renderer", Engine)
