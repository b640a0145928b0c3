"""The parsing class of the bare face, drawn on the face chart from its landmarks: lips, nose, ears, neck, skin.

Chart units are those of the texture: u to the picture's right, v upwards, both 0..1. Outlines are smooth lines through
the 68 landmarks' places on the chart, so that they follow whatever the asset puts there.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

from aubench.contracts import PARSING_CLASSES
from aubench.drawing.arrays import Bytes, Floats, Ints

from .materials import EYE_SOCKET, EYEBALL, FACE, GUMS, HEAD, LASHES, MOUTH_SOCKET, TEETH
from .source import Source

_CLASS = {name: n for n, name in enumerate(PARSING_CLASSES)}
OUTER_UPPER, OUTER_LOWER = (48, 49, 50, 51, 52, 53, 54), (48, 59, 58, 57, 56, 55, 54)
INNER_UPPER, INNER_LOWER = (60, 61, 62, 63, 64), (60, 67, 66, 65, 64)
"""iBUG points of the lips' outlines and of where they meet, from the picture's left to its right."""
WET = 0.5
"""How much of the red that is hidden by closed lips counts as lip; the rest, towards the teeth, as mouth."""
_NOSE = (
    (0.0, 1.06), (0.22, 1.05), (0.34, 0.86), (0.46, 0.66), (0.78, 0.47), (1.22, 0.33), (1.40, 0.20), (1.22, 0.09),
    (0.75, 0.06), (0.0, 0.08),
)  # fmt: skip
"""Half of the nose's outline: u in steps from the septum (33) to the wing's base (35), v from 33 to the root (27)."""
_EAR = ((-0.01, 0.700), (0.045, 0.695), (0.085, 0.66), (0.099, 0.60), (0.103, 0.55), (0.106, 0.50), (0.106, 0.452))
"""Where the ear on the picture's left joins the head, from above; it lies to the left of this line."""
_SIDE = ((-0.01, 0.452), (0.106, 0.452), (0.150, 0.430))
"""From the lobe to the jaw's landmarks: the upper edge of the neck."""


def spline(points: Floats, count: int = 24) -> Floats:
    """A smooth line (count, d) through points (n, d)."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    out: Floats = CubicSpline(along, points)(np.linspace(0.0, along[-1], count))
    return out


def mirrored(line: Floats, axis: float) -> Floats:
    """The line reflected at u = ``axis``."""
    return np.stack([2 * axis - line[:, 0], line[:, 1]], axis=1)


def lip_lines(points: Floats) -> dict[str, Floats]:
    """Outer outlines and contact lines of the lips (24, 2), from the picture's left to its right, given the landmarks'
    places (68, 2)."""
    lines = {
        "outer_upper": OUTER_UPPER,
        "outer_lower": OUTER_LOWER,
        "inner_upper": INNER_UPPER,
        "inner_lower": INNER_LOWER,
    }
    return {name: spline(points[list(ids)]) for name, ids in lines.items()}


def outlines(points: Floats) -> list[tuple[str, Floats]]:
    """Class names and closed polygons (k, 2) on the chart, to be painted one over another on skin."""
    axis = float(points[[27, 28, 29, 30, 33, 51, 57, 8], 0].mean())
    side = np.array(_SIDE)
    jaw = spline(np.concatenate([side[1:], points[4:9] - (0.0, 0.012)]), 60)
    right = mirrored(jaw, axis)[::-1]
    edge = mirrored(side[:1], axis)
    neck = np.concatenate([side[:1], jaw, right, edge, [[1.01, -0.01], [-0.01, -0.01]]])
    ear = np.concatenate([np.array(_EAR), [[-0.01, 0.452]]])
    step, height = points[35, 0] - points[33, 0], points[27, 1] - points[33, 1]
    half = spline(np.array(_NOSE) * (step, height) + (axis, points[33, 1]), 60)
    lips = lip_lines(points)
    corners = points[[48]], points[[54]]
    whole = {n: np.concatenate([corners[0], lips[f"inner_{n}"], corners[1]]) for n in ("upper", "lower")}
    red = {name: np.concatenate([lips[f"outer_{name}"], line[::-1]]) for name, line in whole.items()}
    inside = np.concatenate([lips["inner_upper"], lips["inner_lower"][::-1]])
    middle = 0.5 * (lips["inner_upper"] + lips["inner_lower"])
    shut = {name: np.concatenate([lips[f"inner_{name}"], middle[::-1]]) for name in ("upper", "lower")}
    deep = middle[:, None].repeat(2, axis=1)
    for k, name in enumerate(("inner_upper", "inner_lower")):
        deep[:, k] += (1 - WET * 0.7) * (lips[name] - middle)
    return [
        ("neck", neck), ("l_ear", mirrored(ear, axis)), ("r_ear", ear),
        ("nose", np.concatenate([half, mirrored(half, axis)[::-1]])), ("mouth", inside),
        ("u_lip", red["upper"]), ("l_lip", red["lower"]), ("u_lip", shut["upper"]), ("l_lip", shut["lower"]),
        ("mouth", np.concatenate([deep[:, 0], deep[::-1, 1]])),
    ]  # fmt: skip


def paint(polygons: list[tuple[str, Floats]], side: int) -> Bytes:
    """Class indices (side, side) of the chart, row 0 at v = 1."""
    out = np.full((side, side), _CLASS["skin"], np.uint8)
    for name, polygon in polygons:
        pixels = np.stack([polygon[:, 0] * side - 0.5, (1 - polygon[:, 1]) * side - 0.5], axis=1)
        cv2.fillPoly(out, [np.round(pixels * 256).astype(np.int32)], int(_CLASS[name]), cv2.LINE_8, 8)
    return out


@lru_cache(maxsize=4)
def _painted(points: tuple[tuple[float, float], ...], side: int) -> Bytes:
    return paint(outlines(np.array(points)), side)


def chart_classes(landmarks: Ints, chart: Floats, side: int = 1024) -> Bytes:
    """Parsing classes (side, side) of the face chart, row 0 at v = 1; ``chart`` (n, 2) is the topology's."""
    return _painted(tuple(map(tuple, chart[landmarks].astype(float).tolist())), side)


def triangle_classes(source: Source, chart: Floats) -> Bytes:
    """Parsing class (m,) of each triangle of the bare head."""
    side, x = 1024, source.neutral[:, 0]
    triangles, material = source.triangles, source.material
    out = np.full(len(triangles), _CLASS["skin"], np.uint8)
    face = material == FACE
    picture = chart_classes(source.landmarks, chart, side)
    middle = chart[triangles[face]].mean(axis=1)
    cells = np.clip((middle * (1, -1) + (0, 1)) * side, 0, side - 1).astype(np.int64)
    out[face] = picture[cells[:, 1], cells[:, 0]]
    for surface in (MOUTH_SOCKET, GUMS, TEETH):
        out[material == surface] = _CLASS["mouth"]
    eyes = (material == EYEBALL) | (material == EYE_SOCKET)
    out[eyes] = np.where(x[triangles[eyes, 0]] > 0, _CLASS["l_eye"], _CLASS["r_eye"])
    low = source.neutral[triangles, 1].mean(axis=1) < source.neutral[source.landmarks[8], 1]
    out[(material == HEAD) & low] = _CLASS["neck"]
    out[material == LASHES] = _CLASS["skin"]
    return out
