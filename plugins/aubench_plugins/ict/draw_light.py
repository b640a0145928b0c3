"""Light in numbers: spherical harmonics of an environment, lamps, and the tone curve.

Directions live in camera space: x right, y up, z towards the camera. Irradiance from spherical harmonics after
Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps" (2001).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from aubench.drawing.raster import jit

from .arrays import Floats

CURVE_SIZE, CURVE_MAX = 2048, 4.0
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
def clamp(x, low, high):  # type: ignore[no-untyped-def]
    return min(max(x, low), high)


@jit
def smooth(x, low, high):  # type: ignore[no-untyped-def]
    """0 below ``low``, 1 above ``high``, a cubic between."""
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@jit
def glossy(nh, lh, nl, alpha):  # type: ignore[no-untyped-def]
    """One GGX lobe with Schlick's Fresnel term from 0.04: ``nh, lh, nl`` cosines, ``alpha`` roughness squared."""
    a2 = alpha * alpha
    d = nh * nh * (a2 - 1.0) + 1.0
    m = 1.0 - lh
    m2 = m * m
    fresnel = 0.04 + 0.96 * m2 * m2 * m
    return nl * fresnel * a2 / (d * d * 4.0 * max(0.1, lh * lh) * (alpha + 0.5))


def tone_curve(contrast: float = 1.0, toe: float = 0.0, gain: float = 1.0) -> Floats:
    """Display value 0..255 of linear light, tabulated over the square root of light up to ``CURVE_MAX``: a filmic
    shoulder, then sRGB. ``gain`` multiplies the light; ``contrast`` bends about middle grey; ``toe`` lifts the
    blacks."""
    x = np.linspace(0.0, math.sqrt(CURVE_MAX), CURVE_SIZE) ** 2
    x = 0.18 * (gain * x / 0.18) ** contrast
    film = x * (1.0 + x / 12.0) / (1.0 + 0.55 * x)
    srgb = np.where(film <= 0.0031308, 12.92 * film, 1.055 * np.maximum(film, 1e-9) ** (1 / 2.4) - 0.055)
    return (255.0 * np.clip(toe + (1 - toe) * srgb, 0.0, 1.0)).astype(np.float32)


def shadow_basis(direction: Floats) -> Floats:
    """A right-handed basis (3, 3) whose last row points to the light."""
    away = np.asarray(direction, np.float64)
    x = np.cross([0.0, 1.0, 0.0] if abs(away[1]) < 0.9 else [1.0, 0.0, 0.0], away)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(away, x), away])
