"""Looks: who is drawn, with which camera and in which light. One game look, and a photo look for every seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from aubench.drawing.arrays import Floats
from aubench.drawing.shading import tone_curve

from ..light import lamp
from ..materials import AMOUNTS, TINTS
from ..shade import Look


@dataclass(frozen=True)
class Person:
    """A look and what else belongs to a person and a camera.

    ``distance`` of the camera in interocular distances; ``hair`` one of :data:`HAIR_STYLES`; ``glasses``: 0 none, 1
    round, 2 square, 3 sunglasses; ``hat``: whether a cap covers the crown; ``backdrop``: seed of the background, None
    for the game's; ``lens_blur``, ``noise``: blur radius as a fraction of the side, sensor noise on 0..255;
    ``vignette`` 0..1; ``resolution``: side of the face's picture before it was enlarged, as a share of the crop's;
    ``grey``: without colour.
    """

    look: Look
    distance: float
    hair: str = "cap"
    glasses: int = 0
    hat: bool = False
    backdrop: int | None = None
    lens_blur: float = 0.0
    noise: float = 0.0
    vignette: float = 0.0
    resolution: float = 1.0
    grey: bool = False


HAIR_STYLES = ("cap", "bald", "fringe", "long")

_TINTS: dict[str, tuple[float, float, float]] = {
    "skin": (0.63, 0.37, 0.262),
    "flush": (1.06, 0.70, 0.66),
    "freckle": (0.70, 0.52, 0.40),
    "lip": (0.50, 0.185, 0.165),
    "iris_in": (0.30, 0.36, 0.30),
    "iris_out": (0.10, 0.22, 0.33),
    "brow": (0.030, 0.017, 0.011),
    "hair": (0.075, 0.040, 0.022),
    "stubble": (0.55, 0.55, 0.60),
    "cloth": (0.060, 0.085, 0.13),
    "hat": (0.10, 0.04, 0.04),
    "frame": (0.02, 0.02, 0.02),
    "sclera": (0.70, 0.67, 0.64),
    "shadow": (0.80, 0.70, 0.72),
    "teeth": (0.74, 0.69, 0.60),
    "gum": (0.42, 0.13, 0.12),
}
_AMOUNTS: dict[str, float] = {
    "mottle": 0.030, "blotch": 0.035, "freckle": 0.18, "flush": 0.75, "lip": 0.92, "socket": 0.55, "pore": 1.0,
    "age": 0.04,
    "crease": 0.9, "brow": 1.05, "stubble": 0.0, "beard": 0.0, "liner": 0.62, "rough": 0.54, "oil": 0.35, "shine": 0.30,
    "gloss": 2.4, "hair_shine": 1.0, "pupil": 0.19, "exposure": 1.0, "scalp": 0.85, "umbra": 0.55,
}  # fmt: skip


def assemble(
    tints: dict[str, tuple[float, float, float]],
    amounts: dict[str, float],
    lights: list[Floats],
    ambient: Floats,
    curve: Floats | None = None,
) -> Look:
    """A look from named colours and amounts, the game's where a name is missing."""
    table = np.array([{**_TINTS, **tints}[name] for name in TINTS], np.float32)
    values = np.array([{**_AMOUNTS, **amounts}[name] for name in AMOUNTS], np.float32)
    if curve is None:
        curve = np.repeat(tone_curve()[None], 3, axis=0)
    return Look(table, values, np.stack(lights).astype(np.float32), np.ascontiguousarray(ambient, np.float32), curve)


@lru_cache(maxsize=1)
def game_person() -> Person:
    """The one look of the ``game`` style: soft light from three sides."""
    lights = [
        lamp((-0.58, -0.62, -0.70), (1.26, 1.16, 1.05), 0.26, 0.42),
        lamp((0.80, -0.10, -0.60), (0.24, 0.27, 0.32), 0.50, 0.30),
        lamp((0.75, -0.55, 0.62), (0.75, 0.72, 0.70), 0.05, 0.20),
        lamp((-0.90, -0.25, 0.55), (0.22, 0.27, 0.36), 0.05, 0.20),
    ]
    ambient = np.array([[0.33, 0.34, 0.37], [0.15, 0.125, 0.11], [0.8, 0.85, 0.95]], np.float32)
    return Person(assemble({}, {}, lights, ambient), distance=13.0)
