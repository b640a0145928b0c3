"""Light in numbers: spherical harmonics of an environment, lamps, and highlights.

Directions live in camera space: x right, y up, z towards the camera. Irradiance from spherical harmonics after
Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps" (2001).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from aubench.drawing.arrays import Floats
from aubench.drawing.raster import jit

SHOULDER = (12.0, 0.55)
"""Of the tone curve, see :func:`aubench.drawing.shading.tone_curve`."""
BANDS = np.array([0, 1, 1, 1, 2, 2, 2, 2, 2])
COSINE = np.array([math.pi, 2 * math.pi / 3, math.pi / 4])[BANDS] / math.pi
"""The clamped cosine's share of each band, over pi: albedo times irradiance is then radiance."""


class Lights(NamedTuple):
    """``lamps`` (l, 8): unit vector to the light, colour, cosine of its half angle, and 1 where it is a window (square)
    instead of a disc; the first is the key light, which casts the sharp shadow. ``sky`` (9, 3) coefficients of all
    other light; ``eye`` (2, 3) what an eye mirrors above and below its horizon."""

    lamps: Floats
    sky: Floats
    eye: Floats


def harmonics(directions: Floats) -> Floats:
    """The nine real spherical harmonics (n, 9) of unit vectors (n, 3)."""
    x, y, z = directions[:, 0], directions[:, 1], directions[:, 2]
    one = np.ones_like(x)
    return np.stack(
        [
            0.282095 * one, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
            0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
        ],
        axis=1,
    )  # fmt: skip


def soft_lamp(direction: Floats, colour: Floats, width: float) -> Floats:
    """Coefficients (9, 3) of a soft light: a lobe around ``direction`` that gives an irradiance of ``colour`` to a
    surface facing it. ``width`` 0 is a point, 1 a hemisphere-wide glow; bands fade as a Gaussian's do."""
    unit = np.asarray(direction, np.float64)
    unit = unit / np.linalg.norm(unit)
    fade = np.exp(-0.5 * (0.9 * width) ** 2 * (BANDS * (BANDS + 1)))
    shape = fade * harmonics(unit[None])[0]
    peak = float((shape * COSINE) @ harmonics(unit[None])[0])
    return np.asarray(shape[:, None] * np.asarray(colour)[None] / peak)


@jit
def harmonic(x, y, z, out):  # type: ignore[no-untyped-def]
    """As :func:`harmonics`, for one vector, into ``out`` (9,)."""
    out[0] = 0.282095
    out[1] = 0.488603 * y
    out[2] = 0.488603 * z
    out[3] = 0.488603 * x
    out[4] = 1.092548 * x * y
    out[5] = 1.092548 * y * z
    out[6] = 0.315392 * (3 * z * z - 1)
    out[7] = 1.092548 * x * z
    out[8] = 0.546274 * (x * x - y * y)


@jit
def glossy(nh, lh, nl, alpha):  # type: ignore[no-untyped-def]
    """One GGX lobe with Schlick's Fresnel term from 0.04: ``nh, lh, nl`` cosines, ``alpha`` roughness squared."""
    a2 = alpha * alpha
    d = nh * nh * (a2 - 1.0) + 1.0
    m = 1.0 - lh
    m2 = m * m
    fresnel = 0.04 + 0.96 * m2 * m2 * m
    return nl * fresnel * a2 / (d * d * 4.0 * max(0.1, lh * lh) * (alpha + 0.5))
