"""Helpers of shaders: compiled functions of one sample, the key light's shadow, and the tone curve.

The compiled functions use +, -, *, / and square roots only, which give the same bits on every machine. They are
compiled into the kernels that call them, and numba notices a change in a kernel's own file only: who changes one of
them deletes the compiled files (``*.nbi``, ``*.nbc`` in ``__pycache__``) of the engines.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from aubench.drawing.arrays import Floats, Ints
from aubench.drawing.raster import jit

F = np.float32
CURVE_SIZE, CURVE_MAX = 2048, 4.0
"""Entries of a tone curve, and the linear light that the last one stands for."""


class Shadow(NamedTuple):
    """What the key light sees.

    ``near`` (m, m): nearness of the nearest surface. ``matrix`` (3, 4): from space to its column, row and nearness.
    ``soft``: radius of the penumbra in its pixels; ``margin``: so many pixels at its border are taken as lit.
    ``bias``: how far a point is moved towards the light before it is compared. ``slack``: gap from which on a shadow
    begins, and ``fade``: how fast it deepens with the gap, both in units of nearness.
    """

    near: Floats
    matrix: Floats
    soft: float
    margin: float
    bias: float | np.floating[Any]
    slack: float
    fade: float


@jit
def clamp(x: Any, low: Any, high: Any) -> Any:
    """``x``, but not outside ``low`` and ``high``."""
    return min(max(x, low), high)


@jit
def smooth(x: Any, low: Any, high: Any) -> Any:
    """0 below ``low``, 1 above ``high``, a cubic between."""
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@jit
def between(px: Any, py: Any, points: Floats, first: int, second: int, third: int, fourth: int, fifth: int) -> Any:
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


@jit
def under_lids(px: Any, py: Any, landmarks: Floats) -> Any:
    """How far a point of the eye lies below the upper and above the lower lid of its side, in pixels; ``landmarks``
    (68, 2) in pixels, iBUG order."""
    if px < F(0.5) * (landmarks[39, 0] + landmarks[42, 0]):
        return (
            between(px, py, landmarks, 36, 37, 38, 39, 39), -between(px, py, landmarks, 36, 41, 40, 39, 39)
        )  # fmt: skip
    return between(px, py, landmarks, 42, 43, 44, 45, 45), -between(px, py, landmarks, 42, 47, 46, 45, 45)


@jit
def barycentric(screen: Floats, i: int, j: int, k: int, px: Any, py: Any) -> Any:
    """Perspective-correct weights of the corners ``i, j, k`` of a triangle at a place on the screen, and its depth z.
    ``screen`` (v, 3) is x, y, 1/z."""
    x0, y0 = screen[i, 0], screen[i, 1]
    x10, y10 = screen[j, 0] - x0, screen[j, 1] - y0
    x20, y20 = screen[k, 0] - x0, screen[k, 1] - y0
    inverse = F(1.0) / (x10 * y20 - x20 * y10)
    b1 = ((px - x0) * y20 - (py - y0) * x20) * inverse
    b2 = ((py - y0) * x10 - (px - x0) * y10) * inverse
    b0 = (F(1) - b1 - b2) * screen[i, 2]
    b1 *= screen[j, 2]
    b2 *= screen[k, 2]
    z = F(1.0) / (b0 + b1 + b2)
    return b0 * z, b1 * z, b2 * z, z


@jit
def gradients(vertices: Floats, uv: Floats, i: int, j: int, k: int, smallest: float, out: Floats) -> None:
    """Gradients of u and of v along the triangle ``i, j, k`` in space, into ``out`` (6,); zero where its doubled area,
    squared, is below ``smallest``."""
    ax, ay, az = vertices[j, 0] - vertices[i, 0], vertices[j, 1] - vertices[i, 1], vertices[j, 2] - vertices[i, 2]
    bx, by, bz = vertices[k, 0] - vertices[i, 0], vertices[k, 1] - vertices[i, 1], vertices[k, 2] - vertices[i, 2]
    nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    square = nx * nx + ny * ny + nz * nz
    if square < smallest:
        out[:] = 0.0
        return
    # grad f = (df_a (b x n) + df_b (n x a)) / |n|^2
    px, py, pz = by * nz - bz * ny, bz * nx - bx * nz, bx * ny - by * nx
    qx, qy, qz = ny * az - nz * ay, nz * ax - nx * az, nx * ay - ny * ax
    for c in range(2):
        da, db = uv[j, c] - uv[i, c], uv[k, c] - uv[i, c]
        out[3 * c] = (da * px + db * qx) / square
        out[3 * c + 1] = (da * py + db * qy) / square
        out[3 * c + 2] = (da * pz + db * qz) / square


@jit
def most_frequent(classes: Ints) -> int:
    """The value that occurs most often among four; the first of several."""
    best, votes = classes[0], 0
    for a in range(4):
        same = 0
        for b in range(4):
            same += classes[a] == classes[b]
        if same > votes:
            best, votes = classes[a], same
    return int(best)


@jit
def arriving(shadow: Shadow, x: float, y: float, z: float) -> float:
    """The share 0..1 of the key light that reaches a point: the mean over 3 x 3 places of the shadow map."""
    q, near, soft = shadow.matrix, shadow.near, shadow.soft
    column = q[0, 0] * x + q[0, 1] * y + q[0, 2] * z + q[0, 3]
    row = q[1, 0] * x + q[1, 1] * y + q[1, 2] * z + q[1, 3]
    nearness = q[2, 0] * x + q[2, 1] * y + q[2, 2] * z + q[2, 3] + shadow.bias
    side, margin = near.shape[0], shadow.margin
    if column < margin or row < margin or column > side - 1.0 - margin or row > side - 1.0 - margin:
        return 1.0
    total = 0.0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            # a comparison that fades over a small depth, instead of a step, hides the map's pixels
            gap = near[int(row + dy * soft + 0.5), int(column + dx * soft + 0.5)] - nearness
            total += 1.0 - min(max((gap - shadow.slack) * shadow.fade, 0.0), 1.0)
    return total / 9.0


def light_basis(direction: Floats) -> Floats:
    """A right-handed basis (3, 3), float64, whose last row is the unit vector ``direction`` (3,)."""
    away = np.asarray(direction, np.float64)
    x = np.cross([0.0, 1.0, 0.0] if abs(away[1]) < 0.9 else [1.0, 0.0, 0.0], away)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(away, x), away])


def doubled(screen: Floats) -> Floats:
    """Screen coordinates (v, 3) of an image for one of twice its side, whose samples lie around its pixels' centres."""
    fine = np.empty_like(screen)
    fine[:, :2], fine[:, 2] = 2 * screen[:, :2] + F(0.5), screen[:, 2]
    return fine


def tone_curve(
    contrast: float = 1.0, toe: float = 0.0, gain: float = 1.0, *, shoulder: tuple[float, float] = (9.0, 0.62)
) -> Floats:
    """Display value 0..255 of linear light, tabulated over the square root of light up to :data:`CURVE_MAX`: a filmic
    shoulder, then sRGB.

    Args:
        contrast: Bends the curve about middle grey.
        toe: Lifts the blacks, 0..1.
        gain: Multiplies the light.
        shoulder: a, b of the shoulder x (1 + x / a) / (1 + b x).

    Returns:
        (:data:`CURVE_SIZE`,) float32.
    """
    x = np.linspace(0.0, math.sqrt(CURVE_MAX), CURVE_SIZE) ** 2
    x = 0.18 * (gain * x / 0.18) ** contrast
    film = x * (1.0 + x / shoulder[0]) / (1.0 + shoulder[1] * x)
    srgb = np.where(film <= 0.0031308, 12.92 * film, 1.055 * np.maximum(film, 1e-9) ** (1 / 2.4) - 0.055)
    return (255.0 * np.clip(toe + (1 - toe) * srgb, 0.0, 1.0)).astype(np.float32)


def light_colour(rng: np.random.Generator, spread: float) -> Floats:
    """A random colour of light (3,) between candle-warm and sky-blue, of mean 1."""
    warmth = rng.normal(0.0, spread)
    colour = np.array([1 + 0.35 * warmth, 1 + 0.02 * warmth, 1 - 0.40 * warmth]).clip(0.25, 2.0)
    return np.asarray(colour / colour.mean())
