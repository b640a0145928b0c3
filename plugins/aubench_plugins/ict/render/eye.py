"""Eyeballs, and the shade of lids and lips on what lies behind them."""

from __future__ import annotations

import math

import numpy as np

from aubench.drawing.arrays import Floats
from aubench.drawing.raster import jit
from aubench.drawing.shading import between, clamp, smooth

from . import ids as m
from .light import Lights, harmonic
from .shade import Looks, Number

F = np.float32
assert m.FORM == 2  # see there
POLE_U, POLE_V, IRIS = 0.493, 0.497, 0.128
"""Where the pupil lies in the chart of ICT-FaceKit's eyeballs (v downwards), and the radius of the iris in it."""


@jit
def eye(
    u: Number, v: Number, slope: Floats, n: Floats, view: Floats, lid: Number, low: Number, open_sky: Number,
    first: Number,    streak: Floats, looks: Looks, lights: Lights, basis: Floats, out: Floats,
) -> None:  # fmt: skip
    """An eyeball: sclera with veins, iris, pupil, limbus, the lids' shade and the lights mirrored in the cornea.
    ``lid`` and ``low``: how far below the upper and above the lower lid, in interocular distances; ``streak`` (8,) a
    sample of the noise tile."""
    q, tints, sky, lamps = looks.amounts, looks.tints, lights.sky, lights.lamps
    eu, ev = u - POLE_U, v - POLE_V
    radius = math.sqrt(eu * eu + ev * ev)
    r = radius / IRIS
    turn = math.atan2(ev, eu)
    fibre = 0.5 + 0.18 * math.sin(23.0 * turn + 4.0 * r) + 0.14 * math.sin(41.0 * turn - 6.0 * r)
    fibre += 0.7 * (streak[0] - 0.5)
    pupil = 0.20 + 0.30 * q[m.Q_PUPIL]
    ring = smooth(r, 0.93, 1.10)
    hole = 1.0 - smooth(r, pupil - 0.06, pupil + 0.06)
    limbus = smooth(r, 0.66, 1.0)
    inner = 1.0 - smooth(r, pupil + 0.05, pupil + 0.42)
    # light enters from above and gathers on the far side of the iris
    gather = 1.0 + 0.45 * clamp(ev / IRIS, -1.0, 1.0)
    harmonic(n[0], n[1], n[2], basis)
    cover = 0.22 + 0.78 * smooth(lid, -0.012, 0.07)
    cover *= 0.75 + 0.25 * smooth(low, -0.012, 0.03)
    cover = (1.0 + q[m.Q_LID_SHADE] * (cover - 1.0)) * (1.0 - 0.35 * smooth(r, 1.5, 3.2)) * (0.4 + 0.6 * open_sky)
    vein = clamp((streak[7] - 0.56) * 3.0, 0.0, 1.0) * smooth(r, 1.3, 2.6)
    key = clamp((n[0] * lamps[0, 0] + n[1] * lamps[0, 1] + n[2] * lamps[0, 2]) * 0.8 + 0.2, 0.0, 1.0)
    key *= first * (0.25 + 0.75 * smooth(lid, 0.0, 0.06))
    for c in range(3):
        iris = tints[m.T_IRIS_OUT, c] + inner * (tints[m.T_IRIS_IN, c] - tints[m.T_IRIS_OUT, c])
        iris *= (0.55 + 0.9 * fibre) * gather * (1.0 - 0.72 * limbus * limbus)
        iris += hole * (0.004 - iris)
        white = tints[m.T_SCLERA, c]
        white *= 1.0 - (0.03 if c == 0 else 0.14) * smooth(r, 1.4, 3.0) - (0.06 if c == 0 else 0.30) * vein
        albedo = max(iris + ring * (white - iris), 0.0)
        value = basis[0] * sky[0, c]
        for k in range(1, 4):
            value += F(0.6667) * basis[k] * sky[k, c]
        for k in range(4, 9):
            value += F(0.25) * basis[k] * sky[k, c]
        out[c] = albedo * (max(value, F(0.0)) * cover + lamps[0, 3 + c] * key * cover)
    # the cornea bulges: its normal turns faster than the eyeball's
    bend = 0.30 * min(r, 1.25) / (radius + 1e-6) * (1.0 - smooth(r, 1.0, 1.35))
    s = 1.0 / (math.sqrt(slope[0] ** 2 + slope[1] ** 2 + slope[2] ** 2) + 1e-9)
    w = 1.0 / (math.sqrt(slope[3] ** 2 + slope[4] ** 2 + slope[5] ** 2) + 1e-9)
    nx = n[0] + bend * (eu * slope[0] * s + ev * slope[3] * w)
    ny = n[1] + bend * (eu * slope[1] * s + ev * slope[4] * w)
    nz = n[2] + bend * (eu * slope[2] * s + ev * slope[5] * w)
    scale = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    nv = nx * view[0] + ny * view[1] + nz * view[2]
    rx, ry, rz = 2 * nv * nx - view[0], 2 * nv * ny - view[1], 2 * nv * nz - view[2]
    clear = smooth(lid, 0.0, 0.028)
    for k in range(lamps.shape[0]):
        mirrored = rx * lamps[k, 0] + ry * lamps[k, 1] + rz * lamps[k, 2]
        if mirrored < 0.3:
            continue
        if lamps[k, 7] > 0.5:  # a window: a square patch with a bar
            reach = math.sqrt(max(1.0 - lamps[k, 6] * lamps[k, 6], 1e-4))
            dx, dy = abs(rx - lamps[k, 0]), abs(ry - lamps[k, 1])
            spot = (1.0 - smooth(dx, reach * 0.75, reach * 0.95)) * (1.0 - smooth(dy, reach * 0.9, reach * 1.1))
            spot *= 0.35 + 0.65 * smooth(dx, 0.02, 0.10)
        else:
            spot = smooth(mirrored, lamps[k, 6] - 0.03, lamps[k, 6] + 0.02)
        spot *= clear * q[m.Q_CATCH] * (first if k == 0 else 1.0)
        for c in range(3):
            out[c] += spot * lamps[k, 3 + c] * 0.40
    grazing = (1.0 - clamp(nv, 0.0, 1.0)) ** 2
    for c in range(3):
        mirror = lights.eye[1, c] + smooth(ry, -0.15, 0.35) * (lights.eye[0, c] - lights.eye[1, c])
        out[c] += mirror * (0.022 + 0.22 * grazing) * clear * cover


@jit
def mouth_cover(px: Number, py: Number, points: Floats, unit: float, behind: Number) -> float:
    """The share of light 0..1 that reaches a point in the mouth: darker under the upper lip, at the corners and towards
    the throat. ``points`` (68, 2) landmarks in pixels; ``unit`` interocular distance in pixels; ``behind`` centimetres
    behind the lips."""
    lid = between(px, py, points, 60, 61, 62, 63, 64) / unit
    low = -between(px, py, points, 60, 67, 66, 65, 64) / unit
    across = (px - points[60, 0]) / (points[64, 0] - points[60, 0] + F(1e-3))
    cover = (0.40 + 0.60 * smooth(lid, -0.02, 0.075)) * (0.65 + 0.35 * smooth(low, -0.02, 0.05))
    cover *= 0.30 + 0.70 * smooth(min(across, 1.0 - across), -0.03, 0.24)
    deep = max(behind - 0.9, 0.0)
    return float(cover / (1.0 + 0.22 * deep * deep))
