"""The resting shape of the head: a smooth union of anatomical volumes, and the rays that carry the face chart onto it.

Working space: unit = distance between the eye centres, x to the picture's right, y down, z away from the camera, z = 0
at the corneas. The head is symmetric, so every volume is written once for x >= 0. Sizes follow adult anthropometric
means (one unit is about 63 mm)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

EYE_CENTRE = (0.5, 0.0, 0.222)
EYE_RADIUS = 0.212
"""Slightly larger than the anatomical 12 mm: lids sit a little farther forward, which reads better at 128 px."""
LID_THICKNESS = 0.026

CHART_CENTRE = (0.0, 0.3)
CHART_AXES = (0.80, 1.15, 1.10)
"""Half axes of the front ellipse, inside which chart and front view coincide: sideways, upwards, downwards."""
FAN_DEPTH, FAN_RATE, FAN_EASE, FAN_LIMIT = 1.25, 1.30, 2.0, 0.85
"""Rays outside the front ellipse start at this depth and turn backwards by this many radians per unit of chart; past
the third number (radians) they ease towards it plus the fourth."""


def smooth_min(a: Array, b: Array, k: float) -> Array:
    """Polynomial smooth minimum of two distances; ``k`` is the width of the blend."""
    h = np.clip(k - np.abs(a - b), 0.0, None) / k
    return np.minimum(a, b) - h * h * k * 0.25


def ellipsoid(p: Array, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Array:
    """Approximate distance of points (n, 3) to an ellipsoid (first-order, exact on the surface)."""
    q = p - np.array(centre)
    r = np.array(radii)
    k0 = np.linalg.norm(q / r, axis=-1)
    k1 = np.linalg.norm(q / (r * r), axis=-1)
    out: Array = k0 * (k0 - 1.0) / np.maximum(k1, 1e-9)
    return out


def capsule(p: Array, a: tuple[float, float, float], b: tuple[float, float, float], ra: float, rb: float) -> Array:
    """Distance of points (n, 3) to a rod from ``a`` to ``b`` whose radius goes from ``ra`` to ``rb``."""
    start, axis = np.array(a), np.array(b) - np.array(a)
    t = np.clip(((p - start) @ axis) / (axis @ axis), 0.0, 1.0)
    out: Array = np.linalg.norm(p - start - t[:, None] * axis, axis=-1) - (ra + (rb - ra) * t)
    return out


def head_distance(points: Array) -> Array:
    """Signed distance (n,) of points (n, 3) to the head without nose, eyes and lips."""
    p = points.copy()
    p[:, 0] = np.sqrt(p[:, 0] ** 2 + 1e-6)
    d = ellipsoid(p, (0.0, -0.47, 1.40), (1.17, 1.45, 1.53))
    d = smooth_min(d, ellipsoid(p, (0.0, -0.55, 0.62), (0.90, 0.78, 0.77)), 0.25)  # frontal bone, squarer than an egg
    d = smooth_min(d, ellipsoid(p, (0.66, -0.10, 0.86), (0.40, 0.55, 0.50)), 0.25)  # temple
    d = smooth_min(d, ellipsoid(p, (0.0, 0.55, 1.15), (0.91, 1.25, 1.14)), 0.3)  # face mass
    d = smooth_min(d, ellipsoid(p, (0.0, 1.06, 0.40), (0.58, 0.54, 0.55)), 0.24)  # muzzle over the dental arches
    d = smooth_min(d, ellipsoid(p, (0.0, 1.60, 0.25), (0.30, 0.23, 0.35)), 0.22)  # chin
    d = smooth_min(d, capsule(p, (0.14, 1.67, 0.33), (0.70, 1.19, 1.08), 0.15, 0.15), 0.34)  # mandible
    d = smooth_min(d, ellipsoid(p, (0.42, 1.41, 0.60), (0.25, 0.26, 0.40)), 0.26)  # soft tissue along it
    d = smooth_min(d, capsule(p, (0.69, 1.09, 1.12), (0.89, 0.45, 1.32), 0.155, 0.16), 0.32)  # its ramus
    d = smooth_min(d, capsule(p, (0.60, 0.38, 0.32), (0.92, 0.30, 0.95), 0.19, 0.17), 0.34)  # zygoma
    d = smooth_min(d, ellipsoid(p, (0.57, 0.82, 0.78), (0.275, 0.50, 0.46)), 0.24)  # masseter
    d = smooth_min(d, ellipsoid(p, (0.47, 0.74, 0.43), (0.42, 0.48, 0.42)), 0.25)  # cheek fat
    d = smooth_min(d, capsule(p, (0.08, -0.24, 0.04), (0.52, -0.31, 0.10), 0.15, 0.16), 0.18)  # superciliary arch
    d = smooth_min(d, capsule(p, (0.50, -0.31, 0.10), (0.84, -0.12, 0.46), 0.17, 0.15), 0.20)  # orbital rim
    orbit = ellipsoid(p, (0.48, 0.04, -0.09), (0.34, 0.17, 0.25))
    d = -smooth_min(-d, orbit, 0.16)
    canthus = ellipsoid(p, (0.20, 0.06, -0.12), (0.10, 0.16, 0.16))
    return -smooth_min(-d, canthus, 0.12)


def face_distance(points: Array) -> Array:
    """Signed distance (n,) to the whole head: with nose and covered eyeballs."""
    p = points.copy()
    p[:, 0] = np.sqrt(p[:, 0] ** 2 + 1e-6)
    d = head_distance(points)
    d = smooth_min(d, ellipsoid(p, EYE_CENTRE, (EYE_RADIUS + LID_THICKNESS,) * 3), 0.07)
    nose = capsule(p, (0.0, -0.12, 0.07), (0.0, 0.30, -0.13), 0.105, 0.095)
    nose = smooth_min(nose, capsule(p, (0.0, 0.28, -0.12), (0.0, 0.52, -0.30), 0.095, 0.10), 0.08)
    nose = smooth_min(nose, ellipsoid(p, (0.035, 0.585, -0.325), (0.125, 0.118, 0.135)), 0.09)
    nose = smooth_min(nose, capsule(p, (0.10, 0.30, 0.06), (0.13, 0.55, -0.07), 0.11, 0.10), 0.16)  # side walls
    d = smooth_min(d, nose, 0.14)
    ala = ellipsoid(p, (0.170, 0.650, -0.125), (0.100, 0.098, 0.165))
    d = smooth_min(d, ala, 0.075)
    d = smooth_min(d, capsule(p, (0.0, 0.62, -0.33), (0.0, 0.775, -0.06), 0.060, 0.050), 0.085)  # columella
    nostril = ellipsoid(p, (0.100, 0.728, -0.18), (0.052, 0.044, 0.12))
    return -smooth_min(-d, nostril, 0.05)


def rays(chart: Array) -> tuple[Array, Array]:
    """Start points and outward directions (n, 3) that carry chart points (n, 2) onto the head."""
    x, y = chart[:, 0] - CHART_CENTRE[0], chart[:, 1] - CHART_CENTRE[1]
    axis_y = np.where(y < 0, CHART_AXES[1], CHART_AXES[2])
    ratio = np.sqrt((x / CHART_AXES[0]) ** 2 + (y / axis_y) ** 2)
    length = np.hypot(x, y)
    beyond = np.clip(length * (1.0 - 1.0 / np.maximum(ratio, 1e-9)), 0.0, None)
    inside = np.where(ratio > 1.0, 1.0 / np.maximum(ratio, 1e-9), 1.0)
    # The turn starts gently, so that the chart stays smooth across the ellipse.
    angle = FAN_RATE * beyond * beyond / (beyond + 0.12)
    over = np.clip(angle - FAN_EASE, 0.0, None)
    angle = np.minimum(angle, FAN_EASE) + FAN_LIMIT * (1 - np.exp(-over / FAN_LIMIT))
    unit = np.stack([x, y], axis=1) / np.maximum(length, 1e-9)[:, None]
    # Core points slide outwards a little before the fan turns, which keeps the spacing even.
    core = np.stack([x, y], axis=1) * inside[:, None] + unit * (0.12 * (1 - np.exp(-beyond / 0.12)))[:, None]
    start = np.stack([core[:, 0] + CHART_CENTRE[0], core[:, 1] + CHART_CENTRE[1], np.full(len(x), FAN_DEPTH)], axis=1)
    direction = np.concatenate([unit * np.sin(angle)[:, None], -np.cos(angle)[:, None]], axis=1)
    return start, direction


def lift(chart: Array) -> Array:
    """Points (n, 3) of the resting head under chart points (n, 2): the outermost crossing of each ray."""
    start, direction = rays(chart)
    steps = np.linspace(2.6, 0.0, 105)
    outside = np.full(len(chart), steps[0])
    found = np.zeros(len(chart), dtype=bool)
    for reach in steps:
        todo = np.flatnonzero(~found)
        if not len(todo):
            break
        hit = face_distance(start[todo] + reach * direction[todo]) < 0
        found[todo[hit]] = True
        outside[todo[~hit]] = reach
    low, high = outside - (steps[0] - steps[1]), outside
    for _ in range(12):
        middle = 0.5 * (low + high)
        within = face_distance(start + middle[:, None] * direction) < 0
        low, high = np.where(within, middle, low), np.where(within, high, middle)
    out: Array = start + (0.5 * (low + high))[:, None] * direction
    return out
