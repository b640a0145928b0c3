"""Light in numbers: the small compiled functions of shading, and the tone curve. Only +, -, *, / and square roots,
which give the same bits on every machine."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from .arrays import Floats

_jit = nb.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def clamp(x, low, high):  # type: ignore[no-untyped-def]
    return min(max(x, low), high)


@_jit
def smooth(x, low, high):  # type: ignore[no-untyped-def]
    """0 below ``low``, 1 above ``high``, a cubic between."""
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@_jit
def two_lobes(nh, lh, nl, roughness, broad, tight):  # type: ignore[no-untyped-def]
    """Specular light of skin: 65 % of a broad and 35 % of a tight GGX lobe, with Schlick's Fresnel term from 0.035.

    ``nh, lh, nl`` are cosines; ``broad`` and ``tight`` the lobes' a² (roughness to the fourth power).
    """
    d1 = nh * nh * (broad - 1.0) + 1.0
    d2 = nh * nh * (tight - 1.0) + 1.0
    d1, d2 = d1 * d1 + 1e-7, d2 * d2 + 1e-7
    m = 1.0 - lh
    m2 = m * m
    fresnel = 0.035 + 0.965 * m2 * m2 * m
    return (
        nl * fresnel * (0.65 * broad * d2 + 0.35 * tight * d1) / (d1 * d2 * 4.0 * max(0.1, lh * lh) * (roughness + 0.5))
    )


def lamp(
    direction: tuple[float, float, float], colour: tuple[float, float, float], wrap: float, spread: float
) -> Floats:
    """A light as shading wants it (11,): the unit vector to it, its colour, how far its diffuse light reaches round the
    terminator, the cosine of its half angle ``spread`` (radians), and the same reach for red, green and blue under
    skin.

    Wrapped diffuse light of width w is (cos + w) / (1 + w) = cos (1 - r) + r with the reach r = w / (1 + w).
    """
    unit = np.array(direction, np.float64)
    unit /= np.linalg.norm(unit)
    widths = wrap + np.array([0.0, 0.32, 0.14, 0.08])
    reach = widths / (1.0 + widths)
    return np.array([*unit, *colour, reach[0], np.cos(spread), *reach[1:]], np.float32)


@_jit
def between(px, py, points, first, second, third, fourth, fifth):  # type: ignore[no-untyped-def]
    """How far ``py`` lies below the polyline through five rows of ``points`` (n, 2) at ``px``; the ends are
    extended."""
    x0, y0 = points[first, 0], points[first, 1]
    for n in range(4):
        k = second if n == 0 else (third if n == 1 else (fourth if n == 2 else fifth))
        x1, y1 = points[k, 0], points[k, 1]
        if px <= x1 or n == 3:
            t = (px - x0) / (x1 - x0 + 1e-6)
            return py - (y0 + min(max(t, 0.0), 1.0) * (y1 - y0))
        x0, y0 = x1, y1
    return 0.0


CURVE_SIZE, CURVE_MAX = 2048, 4.0


def tone_curve(contrast: float = 1.0, toe: float = 0.0, gain: float = 1.0) -> Floats:
    """Display value 0..255 of linear light, tabulated over the square root of light up to ``CURVE_MAX``: a filmic
    shoulder, then sRGB. ``gain`` multiplies the light; ``contrast`` bends about middle grey; ``toe`` lifts the
    blacks."""
    x = np.linspace(0.0, math.sqrt(CURVE_MAX), CURVE_SIZE) ** 2
    x = 0.18 * (gain * x / 0.18) ** contrast
    film = x * (1.0 + x / 9.0) / (1.0 + 0.62 * x)
    srgb = np.where(film <= 0.0031308, 12.92 * film, 1.055 * np.maximum(film, 1e-9) ** (1 / 2.4) - 0.055)
    return (255.0 * np.clip(toe + (1 - toe) * srgb, 0.0, 1.0)).astype(np.float32)
