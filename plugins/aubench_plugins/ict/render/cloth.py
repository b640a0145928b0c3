"""Clothes painted on neck and shoulders, and woven patterns."""

from __future__ import annotations

import math

from aubench.drawing.arrays import Floats
from aubench.drawing.raster import jit
from aubench.drawing.shading import clamp

from . import ids as m
from .shade import Looks

assert m.FORM == 2  # see there


@jit
def dressed(x: float, y: float, z: float, looks: Looks) -> float:
    """How far (cm) a point of the mean face lies inside the clothes."""
    q = looks.amounts
    line = q[m.Q_NECKLINE] - q[m.Q_VEE] * max(0.0, 1.0 - abs(x) / 4.5) * (1.0 if z > 0.0 else 0.0)
    return float(line - y + 0.12 * abs(x) + (0.25 * max(0.0, 2.0 - z) if z < 2.0 else 0.0))


@jit
def cloth_albedo(x: float, y: float, fine: Floats, looks: Looks, first: int, rgb: Floats) -> None:
    """A woven cloth, plain or striped or checked, into ``rgb`` (3,)."""
    q, tints = looks.amounts, looks.tints
    kind = q[m.Q_PATTERN]
    mix = 0.0
    if kind > 2.5:
        mix = 0.5 * (math.sin(2.6 * x) > 0.0) + 0.5 * (math.sin(2.6 * y) > 0.0)
    elif kind > 1.5:
        mix = 1.0 if math.sin(3.1 * y) > 0.35 else 0.0
    elif kind > 0.5:
        mix = clamp((fine[1] - 0.5) * 5.0, 0.0, 1.0)
    for c in range(3):
        value = tints[first, c] + mix * (tints[m.T_CLOTH_B, c] - tints[first, c])
        rgb[c] = value * (0.75 + 0.5 * fine[6])
