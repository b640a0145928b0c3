"""What shines on its own terms: the eyeball under its cornea, and strands of hair."""

from __future__ import annotations

import math

from aubench.drawing.arrays import Floats
from aubench.drawing.raster import jit
from aubench.drawing.shading import clamp, smooth

from . import materials as m
from .constants import EYE_UV_ANGLE, IRIS_ANGLE
from .shade import Look, Paints, fetch, lit

EYE_WINDOW = 0.25
"""Half width of the painted window of the eye chart around the pole."""


@jit
def eye(
    u: float, v: float, slopes: Floats, n: Floats, view: Floats, lid: float, low: float,
    paints: Paints, look: Look, work: Floats, rgb: Floats, out: Floats,
) -> None:  # fmt: skip
    """An eyeball: sclera with veins, iris, pupil, limbus, the lids' shade, and the lights mirrored in the cornea.
    ``lid`` and ``low``: how far below the upper and above the lower lid, in interocular distances."""
    eu, ev = u - 0.5, v - 0.5
    radius = math.sqrt(eu * eu + ev * ev)
    angle = radius * EYE_UV_ANGLE / 0.5
    fetch(paints.iris, 0.5 + eu / (2 * EYE_WINDOW), 0.5 + ev / (2 * EYE_WINDOW), work)
    pupil = look.amounts[m.Q_PUPIL]
    ring = smooth(angle, IRIS_ANGLE - 0.10, IRIS_ANGLE + 0.06)
    hole = 1.0 - smooth(angle, pupil - 0.035, pupil + 0.035)
    limbus = smooth(angle, IRIS_ANGLE - 0.20, IRIS_ANGLE - 0.02)
    # light enters from above and gathers on the far side of the iris
    gather = 1.0 + 0.5 * ev / (radius + 1e-6) * clamp(angle / IRIS_ANGLE, 0.0, 1.0)
    fibre = 1.0 + 0.24 * work[0]
    for c in range(3):
        iris = (
            (look.tints[m.IRIS_OUT, c] + work[1] * (look.tints[m.IRIS_IN, c] - look.tints[m.IRIS_OUT, c]))
            * fibre
            * gather
        )
        iris *= 1.0 - 0.62 * limbus
        iris += hole * (0.006 - iris)
        white = look.tints[m.SCLERA, c]
        far = smooth(angle, 0.55, 1.25)
        white *= 1.0 - (0.05 if c == 0 else 0.22) * far
        white *= 1.0 - (0.10 if c == 0 else 0.45) * clamp(work[2], 0.0, 1.0)
        rgb[c] = max(iris + ring * (white - iris), 0.0)
    cover = 0.30 + 0.70 * smooth(lid, -0.01, 0.075)
    cover *= 0.72 + 0.28 * smooth(low, -0.01, 0.035)
    cover *= 1.0 - 0.35 * smooth(angle, 0.75, 1.3)
    lit(rgb, n, view, cover, 0.5, 0.5, 0.0, 1.0, look, out)
    for c in range(3):
        out[c] *= 0.35 + 0.65 * cover
    # the cornea bulges: its normal turns half as fast again as the eyeball's
    bend = 0.55 * min(angle, 0.62) / (radius + 1e-6)
    nx = n[0] + bend * (eu * slopes[0] + ev * slopes[3]) / (
        math.sqrt(slopes[0] ** 2 + slopes[1] ** 2 + slopes[2] ** 2) + 1e-9
    )
    ny = n[1] + bend * (eu * slopes[1] + ev * slopes[4]) / (
        math.sqrt(slopes[3] ** 2 + slopes[4] ** 2 + slopes[5] ** 2) + 1e-9
    )
    nz = n[2] + bend * (eu * slopes[2] + ev * slopes[5]) / (
        math.sqrt(slopes[0] ** 2 + slopes[1] ** 2 + slopes[2] ** 2) + 1e-9
    )
    scale = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    nv = nx * view[0] + ny * view[1] + nz * view[2]
    rx, ry, rz = 2 * nv * nx - view[0], 2 * nv * ny - view[1], 2 * nv * nz - view[2]
    clear = smooth(lid, 0.0, 0.03)
    for k in range(look.lights.shape[0]):
        light = look.lights[k]
        mirrored = rx * light[0] + ry * light[1] + rz * light[2]
        spot = smooth(mirrored, light[7] - 0.05, light[7] + 0.02) * clear
        for c in range(3):
            out[c] += spot * light[3 + c] * 0.42
    grazing = (1.0 - clamp(nv, 0.0, 1.0)) ** 2
    for c in range(3):
        out[c] += look.ambient[2, c] * (0.02 + 0.25 * grazing) * clear * (0.5 - 0.5 * ry)


@jit
def strand_light(rgb: Floats, n: Floats, view: Floats, tx: float, ty: float, tz: float, open_sky: float, shift: float,
                  first: float, look: Look, out: Floats) -> None:  # fmt: skip
    """Hair: diffuse light and a highlight across the strands, whose direction is (tx, ty, tz)."""
    lit(rgb, n, view, open_sky, 0.6, 0.6, 0.0, first, look, out)
    tx, ty, tz = tx + shift * n[0], ty + shift * n[1], tz + shift * n[2]
    scale = 1.0 / (math.sqrt(tx * tx + ty * ty + tz * tz) + 1e-9)
    for k in range(look.lights.shape[0]):
        light = look.lights[k]
        cosine = n[0] * light[0] + n[1] * light[1] + n[2] * light[2]
        if cosine < -0.2:
            continue
        hx, hy, hz = light[0] + view[0], light[1] + view[1], light[2] + view[2]
        along = (tx * hx + ty * hy + tz * hz) * scale / (math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9)
        across = max(1.0 - along * along, 0.0)
        p4 = across * across * across * across
        p16 = p4 * p4 * p4 * p4
        band = (
            look.amounts[m.Q_HAIR_SHINE]
            * (0.10 * p16 * p16 * p16 + 0.06 * p4 * p4)
            * clamp(cosine + 0.3, 0.0, 1.0)
            * open_sky
        )
        for c in range(3):
            out[c] += band * light[3 + c] * (0.25 + 1.6 * rgb[c])
