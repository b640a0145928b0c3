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
        return Drawn(image, parsing, self.points().repeat(b, 1, 1))

    def moved(self, nuisance: np.ndarray) -> np.ndarray:
        return nuisance.astype(np.float64) @ self.shift

    def noise(self, row: int, style: str, look: int, shot: int) -> np.ndarray:
        if style == "game":
            return np.zeros(self.pixels)
        return np.random.default_rng([look, shot]).normal(size=self.pixels)

    def points(self) -> torch.Tensor:
        left, right, nose, *mouth = (torch.tensor(place) for place in TEMPLATE)
        points = torch.full((1, 68, 2), 0.5)
        points[0, :17] = line((0.2, 0.4), (0.8, 0.4), 17)
        points[0, :17, 1] += 0.5 * torch.sin(torch.linspace(0, torch.pi, 17))
        points[0, 17:22], points[0, 22:27] = line((0.25, 0.3), (0.43, 0.3), 5), line((0.57, 0.3), (0.75, 0.3), 5)
        points[0, 27:31], points[0, 31:36] = line((0.5, 0.4), nose, 4), line((0.45, 0.6), (0.55, 0.6), 5)
        for start, eye in ((36, left), (42, right)):
            points[0, start : start + 6] = eye + 0.03 * around(6)
        points[0, 48:60] = (mouth[0] + mouth[1]) / 2 + around(12) * torch.tensor([(mouth[1] - mouth[0])[0] / 2, 0.05])
        points[0, 60:68] = (mouth[0] + mouth[1]) / 2 + 0.04 * around(8)
        return points * self.size - 0.5

    def sample(self, count: int, seed: int) -> FacialParameters:
        dice = torch.Generator().manual_seed(seed)
        brow = torch.eye(BROW_SIZE)[torch.randint(BROW_SIZE, (count,), generator=dice)]
        return FacialParameters(*(torch.rand(count, n, generator=dice) for n in (2, 23, 208)), brow)


def line(start, end, count: int) -> torch.Tensor:
    part = torch.linspace(0, 1, count)[:, None]
    return torch.as_tensor(start) * (1 - part) + torch.as_tensor(end) * part


def around(count: int) -> torch.Tensor:
    """Points on a circle from the left over the top, as iBUG goes round eyes and lips."""
    angle = torch.arange(count) * 2 * torch.pi / count
    return torch.stack([-torch.cos(angle), -torch.sin(angle)], 1)


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


class Mirrored(Engine):
    """numbers the jaw from right to left"""

    breaks = "landmarks are in order"

    def points(self):
        points = super().points()
        points[0, :17] = points[0, :17].flip(0)
        return points


class FinePoints(Engine):
    """landmarks in float64"""

    breaks = "extras have their shapes"

    def points(self):
        return super().points().double()


class Sleepy(Engine):
    """sets NumPy's global seed while it draws"""

    breaks = "leaves the process as it was"

    def noise(self, row, style, look, shot):
        np.random.seed(look % 1000)  # noqa: NPY002
        return super().noise(row, style, look, shot)


class Unsteady(Engine):
    """another digest for every object"""

    breaks = "digest is a text that stays"

    def __init__(self, config: Options) -> None:
        super().__init__(config)
        self.digest = str(id(self))


@hookimpl
def aubench_renderers() -> list[Component]:
    return cards("renderer", Engine)
