"""The drawn lines of the base face, in chart units: lids, lips, brows, nostrils, hairline, outlines for painters.

Chart units are those of the front view of the base face (see :mod:`.sculpt`): eye centres at (-+0.5, 0), y down. Lines
are given for the picture's right side (x > 0) and mirrored.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

Array = npt.NDArray[np.float64]

EYE_INNER, EYE_OUTER = (0.258, 0.036), (0.744, -0.014)
MOUTH_HALF_WIDTH, MOUTH_CORNER_Y = 0.405, 1.137


def _curve(points: list[tuple[float, float]], x: Array) -> Array:
    knots = np.array(points)
    out: Array = PchipInterpolator(knots[:, 0], knots[:, 1], extrapolate=True)(x)
    return out


def upper_lid(x: Array) -> Array:
    """y of the upper lid margin at x in the eye's opening."""
    return _lid(x, -0.080, 0.43, 0.62)


def lower_lid(x: Array) -> Array:
    """y of the lower lid margin."""
    return _lid(x, 0.084, 0.56, 0.66)


def _lid(x: Array, height: float, peak: float, power: float) -> Array:
    u = np.clip((x - EYE_INNER[0]) / (EYE_OUTER[0] - EYE_INNER[0]), 0.0, 1.0)
    chord = EYE_INNER[1] + u * (EYE_OUTER[1] - EYE_INNER[1])
    warp = u ** (np.log(0.5) / np.log(peak))
    out: Array = chord + (height - EYE_INNER[1] * 0.5) * np.power(np.clip(4 * warp * (1 - warp), 0.0, 1.0), power)
    return out


def lip_line(x: Array) -> Array:
    """y where the closed lips meet, at |x|."""
    return _curve(
        [(0.0, 1.147), (0.06, 1.142), (0.15, 1.131), (0.28, 1.134), (MOUTH_HALF_WIDTH, MOUTH_CORNER_Y)], np.abs(x)
    )


def upper_lip(x: Array) -> Array:
    """y of the upper vermilion border, with the cupid's bow."""
    return _curve(
        [
            (0.0, 1.018),
            (0.035, 1.010),
            (0.085, 0.996),
            (0.15, 1.016),
            (0.26, 1.072),
            (MOUTH_HALF_WIDTH, MOUTH_CORNER_Y),
        ],
        np.abs(x),
    )


def lower_lip(x: Array) -> Array:
    """y of the lower vermilion border."""
    return _curve(
        [(0.0, 1.300), (0.09, 1.298), (0.19, 1.272), (0.30, 1.210), (MOUTH_HALF_WIDTH, MOUTH_CORNER_Y)], np.abs(x)
    )


def eye_ring(count: int) -> Array:
    """Lid margin (count, 2), from the inner canthus over the upper lid to the outer one and back; even ``count``."""
    half = count // 2
    turn = np.linspace(0.0, np.pi, half + 1)
    u = 0.5 - 0.5 * np.cos(turn)
    u = 0.65 * u + 0.35 * turn / np.pi
    x = EYE_INNER[0] + u * (EYE_OUTER[0] - EYE_INNER[0])
    over = np.stack([x, upper_lid(x)], axis=1)
    under = np.stack([x, lower_lid(x)], axis=1)
    return np.concatenate([over, under[-2:0:-1]])


def mouth_columns(count: int) -> Array:
    """x >= 0 of mouth columns, ``count`` of them from the median to the corner, denser at the corner."""
    t = np.linspace(0.0, 1.0, count)
    return MOUTH_HALF_WIDTH * (0.72 * np.sin(t * np.pi / 2) + 0.28 * t)


BROW = np.array(
    [(0.185, -0.285), (0.27, -0.335), (0.40, -0.372), (0.54, -0.392), (0.66, -0.385), (0.77, -0.345), (0.87, -0.275)]
)
BROW_WIDTH = np.array(
    [(0.052, 0.052), (0.055, 0.05), (0.048, 0.046), (0.042, 0.042), (0.034, 0.034), (0.022, 0.022), (0.008, 0.008)]
)
NOSE_OUTLINE = np.array(
    [(0.0, -0.16), (0.09, -0.10), (0.12, 0.05), (0.145, 0.25), (0.185, 0.42), (0.25, 0.53), (0.287, 0.62),
     (0.285, 0.70), (0.235, 0.765), (0.15, 0.775), (0.07, 0.790), (0.0, 0.800)]
)  # fmt: skip
NOSTRIL = np.array(
    [(0.058, 0.738), (0.072, 0.714), (0.105, 0.700), (0.138, 0.704), (0.150, 0.724), (0.125, 0.744), (0.085, 0.752)]
)
HAIRLINE = np.array(
    [
        (0.0, -1.06),
        (0.25, -1.06),
        (0.50, -1.00),
        (0.70, -0.86),
        (0.80, -0.66),
        (0.87, -0.45),
        (1.00, -0.32),
        (1.18, -0.14),
        (1.36, 0.04),
        (1.44, 0.30),
        (1.42, 0.52),
    ]
)
JAW = np.array([(1.42, 0.52), (1.38, 0.85), (1.22, 1.15), (0.92, 1.45), (0.62, 1.67), (0.33, 1.74), (0.0, 1.76)])
BEARD = np.array(
    [(0.0, 0.83), (0.12, 0.83), (0.28, 0.84), (0.42, 0.92), (0.56, 1.08), (0.74, 1.00), (0.98, 0.84), (1.22, 0.60),
     (1.40, 0.40), (1.55, 0.45), (1.45, 1.00), (1.10, 1.50), (0.62, 1.82), (0.0, 1.92)]
)  # fmt: skip
LID_CREASE_LIFT = 0.062

JAW_LANDMARKS = np.array(
    [
        (1.15, 0.02),
        (1.15, 0.28),
        (1.14, 0.54),
        (1.10, 0.82),
        (1.02, 1.10),
        (0.87, 1.38),
        (0.65, 1.60),
        (0.35, 1.68),
        (0.0, 1.68),
    ]
)
NOSE_LANDMARKS = np.array(
    [(0.0, 0.03), (0.0, 0.22), (0.0, 0.41), (0.0, 0.585), (0.0, 0.775), (0.11, 0.765), (0.215, 0.735)]
)


ALA_CENTRE, ALA_RADII = (0.170, 0.650), (0.100, 0.098)
NOSTRIL_CENTRE = (0.100, 0.728)


def nose_loops() -> list[Array]:
    """Mesh lines inside and outside the wing's edge, and around the nostril."""
    turn = np.radians(np.arange(-35.0, 116.0, 15.0))
    edge = np.stack([np.cos(turn) * ALA_RADII[0], np.sin(turn) * ALA_RADII[1]], axis=1)
    loops = [np.array(ALA_CENTRE) + edge * grow for grow in (0.80, 0.96, 1.10, 1.36)]
    round_ = np.radians(np.arange(0.0, 360.0, 36.0))
    hole = np.stack([np.cos(round_) * 0.040, np.sin(round_) * 0.024 - np.cos(round_) * 0.008], axis=1)
    return [*loops, np.array(NOSTRIL_CENTRE) + hole, np.array([NOSTRIL_CENTRE])]


def mirror(line: Array) -> Array:
    """The line of the other side of the face."""
    out: Array = line * np.array([-1.0, 1.0])
    return out


def closed(half: Array) -> Array:
    """A closed outline from its half, which starts and ends on the median."""
    return np.concatenate([half, mirror(half)[-2:0:-1]])
