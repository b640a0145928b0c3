"""A drawing of a face made of ellipses, fast enough to train on inside a test. Stands in for an engine."""

from __future__ import annotations

import os
import signal

import numpy as np
import torch

from aubench.component import Component, Config
from aubench.contracts import Drawn
from aubench.parameters import AU_SIZE, BROW_SIZE, IDENTITY_SIZE, FacialParameters, au_index

DIGEST = "fake-1"


class FakeConfig(Config):
    size: int = 32
    marker: str | None = None
    """A file that gets one line per drawn batch, to count the work done."""
    fail_after: int = -1
    kill: bool = False
    """The process that draws is killed, as by a system without memory."""


class FakeFace:
    differentiable = False

    def __init__(self, config: FakeConfig) -> None:
        self.size, self.config, self.calls = config.size, config, 0

    def sample(self, count: int, seed: int) -> FacialParameters:
        random = np.random.default_rng(seed)
        brow = np.eye(BROW_SIZE)[random.integers(0, BROW_SIZE, count)]
        parts = [
            random.random((count, 2)),
            random.random((count, AU_SIZE)),
            random.random((count, IDENTITY_SIZE)),
            brow,
        ]
        return FacialParameters(*(torch.from_numpy(part.astype(np.float32)) for part in parts))

    def draw(self, parameters, *, style="game", looks=None, shots=None, nuisance=None) -> Drawn:
        self.calls += 1
        if self.config.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if 0 <= self.config.fail_after < self.calls:
            raise RuntimeError("killed")
        if self.config.marker:
            with open(self.config.marker, "a") as handle:
                handle.write(f"{len(parameters)}\n")
        count, size = len(parameters), self.size
        y, x = torch.meshgrid(torch.arange(size) / size, torch.arange(size) / size, indexing="ij")
        x, y = x[None], y[None]
        au, identity = parameters.au, parameters.identity

        def ellipse(cx, cy, rx, ry):
            shape = [torch.as_tensor(v, dtype=torch.float32).reshape(-1, 1, 1) for v in (cx, cy, rx, ry)]
            return (((x - shape[0]) / shape[2]) ** 2 + ((y - shape[1]) / shape[3]) ** 2) < 1

        raise_brow, drop, smile = au[:, au_index("AU01")], au[:, au_index("AU26")], au[:, au_index("AU12")]
        wide = 0.10 + 0.06 * identity[:, 1]
        parsing = torch.zeros(count, size, size, dtype=torch.int64)
        colour = torch.full((count, 3), 0.7)
        light = torch.zeros(count)
        if style == "photo":
            for i in range(count):
                own = np.random.default_rng(looks[i] if looks is not None else 0)
                colour[i] = torch.from_numpy(own.uniform(0.3, 0.9, 3).astype(np.float32))
                light[i] = own.uniform(-0.2, 0.2)
        image = torch.full((count, 3, size, size), 0.2)
        face = ellipse(0.5, 0.5, 0.32 + 0.12 * identity[:, 0], 0.45)
        ry = 0.05 + 0.05 * identity[:, 2]
        parts = [
            (1, face.expand(count, -1, -1), None),
            (2, ellipse(0.36, 0.30 - 0.08 * raise_brow, wide, 0.05).expand(count, -1, -1), 0.1),
            (3, ellipse(0.64, 0.30 - 0.08 * raise_brow, wide, 0.05).expand(count, -1, -1), 0.1),
            (4, ellipse(0.36, 0.42, 0.09, ry), 0.95),
            (5, ellipse(0.64, 0.42, 0.09, ry), 0.95),
            (10, ellipse(0.5, 0.57, 0.05 + 0.04 * identity[:, 3], 0.08), 0.5),
            (11, ellipse(0.5, 0.74 + 0.04 * drop, 0.10 + 0.08 * smile, 0.05 + 0.08 * drop), 0.3),
        ]
        for index, mask, tone in parts:
            parsing[mask] = index
            fill = colour if tone is None else torch.full((count, 3), tone)
            image = torch.where(mask[:, None], fill[:, :, None, None], image)
        image = image + light[:, None, None, None]
        if style == "photo":
            for i in range(count):
                noise = np.random.default_rng(shots[i] if shots is not None else 0).normal(0, 0.02, (3, size, size))
                image[i] += torch.from_numpy(noise.astype(np.float32))
        landmarks = torch.full((count, 68, 2), size / 2)
        landmarks[:, 36:42, 0], landmarks[:, 42:48, 0] = 0.36 * size, 0.64 * size
        landmarks[:, 17:27, 1] = (size * (0.30 - 0.08 * raise_brow))[:, None]
        landmarks[:, 48:68, 1] = (size * (0.74 + 0.04 * drop))[:, None]
        return Drawn(image.clamp(0, 1), parsing, landmarks)


CARD = Component("renderer", "fake", "ellipses", f"{__name__}:FakeFace", FakeConfig)
