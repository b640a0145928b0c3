"""Facts of the face model that its parts share: names of parts, charts, and what a crease is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PARTS = ("skin", "ear", "neck", "cloth", "eyeball", "teeth", "tongue", "cavity", "lash", "hair")
CHART_SCALE, CHART_SHIFT = 0.2, (0.0, -0.03)
"""From places on the base face to its chart, see :mod:`.model`."""
EYE_UV_ANGLE, IRIS_ANGLE, PUPIL_ANGLE = 1.9, 0.50, 0.19
"""Angles from the optical axis, in radians, at which the eyeball's chart, the iris and the base pupil end."""


@dataclass(frozen=True)
class Crease:
    """A skin fold: a polyline (n, 2) in the face chart, ``width`` (chart units, half width at half depth), and how much
    each AU deepens it (strength = clipped sum of weight times AU)."""

    name: str
    uv: npt.NDArray[np.float32]
    weights: Mapping[str, float]
    width: float
