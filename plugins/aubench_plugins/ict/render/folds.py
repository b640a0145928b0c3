"""Wrinkles: creases painted as heights in the face chart, each driven by action units and by age.

A crease is a groove with a soft roll beside it. What shading needs are its slopes along u and v and how dark it
is; a frame adds up the patches of those creases that are at work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aubench.drawing.arrays import Floats, Ints
from aubench.drawing.raster import jit
from aubench.parameters import AU_NAMES

from .chart import curve

_AU = {name: n for n, name in enumerate(AU_NAMES)}
UNIT_CM = 24.0
"""Centimetres of skin in one unit of the chart."""


@dataclass(frozen=True, eq=False)
class Folds:
    """``data`` (n, 3) slopes along u and v, and darkness, of all patches; ``boxes`` (k, 5) left, top, width, height,
    first row; ``drive`` (k, 23) strength per AU; ``age`` (k,) strength per age."""

    data: Floats
    boxes: Ints
    drive: Floats
    age: Floats

    def strengths(self, au: Floats, age: float, crease: float) -> Floats:
        """Strength (k,) of every crease for AUs (23,) in 0..1 and an age and skin's readiness in 0..1."""
        moved = np.clip(self.drive @ np.clip(au, 0.0, 1.0), 0.0, 1.3)
        value = crease * (0.75 + 0.6 * age) * moved + self.age * age * (1.0 + 0.4 * moved)
        return np.asarray(np.minimum(value, 1.7), np.float32)


Line = tuple[list[tuple[float, float]], float, float, dict[str, float], float]
"""Points in the chart, width and depth in centimetres, strength per AU, strength per age."""


def _brow_lines(p: Floats) -> list[Line]:
    """Creases of forehead and nose root, of the picture's right half or across the middle. ``p`` (68, 2)."""
    out: list[Line] = []
    level, inner = float(p[22:27, 1].mean()), float(p[22, 0])
    for k, (rise, lift) in enumerate(((0.034, 0.010), (0.055, 0.014), (0.077, 0.016), (0.098, 0.014))):
        top, wave = level - rise, 0.003 * (-1) ** k
        line = [
            (0.5, top + 0.004),
            (0.56, top - lift * 0.4 + wave),
            (0.63, top - lift),
            (0.70, top - lift * 0.6 - wave),
        ]
        out.append((line, 0.13, 0.030, {"AU01": 0.75, "AU02": 0.55}, 0.50 - 0.08 * k))
    line = [(inner - 0.014, level - 0.036), (inner - 0.019, level - 0.015), (inner - 0.017, level + 0.012)]
    out.append((line, 0.14, 0.045, {"AU04": 1.0, "AU09": 0.3}, 0.30))
    line = [(inner + 0.012, level - 0.030), (inner + 0.006, level - 0.012)]
    out.append((line, 0.13, 0.030, {"AU04": 0.8, "AU01": 0.15}, 0.15))
    line = [(0.5, p[27, 1] - 0.030), (0.525, p[27, 1] - 0.028), (0.543, p[27, 1] - 0.020)]
    out.append((line, 0.12, 0.035, {"AU09": 1.0, "AU04": 0.45}, 0.18))
    for k, (drop, reach) in enumerate(((0.008, 0.045), (0.022, 0.050))):  # sides of the nose
        v = float(p[28, 1]) + drop
        line = [(0.512 + 0.004 * k, v - 0.016), (0.530, v - 0.018), (0.5 + reach, v - 0.032)]
        out.append((line, 0.09, 0.030, {"AU09": 1.0}, 0.0))
    return out


def _eye_lines(p: Floats) -> list[Line]:
    """Crow's feet, bags and lid folds of the eye on the picture's right."""
    out: list[Line] = []
    (u, v), inner, outer = p[42:48].mean(axis=0), float(p[42, 0]), float(p[45, 0])
    for k, (start, end) in enumerate(((-0.016, -0.040), (-0.004, -0.014), (0.008, 0.012), (0.018, 0.034))):
        line = [(outer + 0.014 + 0.002 * k, v + start), (outer + 0.034, v + 0.6 * start + 0.4 * end)]
        line.append((outer + 0.058 - 0.003 * k, v + end))
        out.append((line, 0.085, 0.026, {"AU06": 0.95, "AU12": 0.22, "AU07": 0.2}, 0.38))
    for drop, wide, au, age in ((0.014, 0.10, 0.55, 0.22), (0.026, 0.13, 0.9, 0.42)):  # under the lower lid
        line = [(inner + 0.006, v + drop * 0.7), (inner + 0.03, v + drop * 1.25), (u + 0.01, v + drop * 1.5)]
        line.append((outer + 0.002, v + drop * 1.05))
        out.append((line, wide, 0.026, {"AU06": au, "AU07": 0.5 * au, "AU12": 0.15}, age))
    for rise in (0.018, 0.025):  # folds of the upper lid
        line = [
            (inner + 0.004, v - 0.006),
            (u - 0.015, v - rise),
            (u + 0.02, v - rise * 1.02),
            (outer + 0.008, v - 0.008),
        ]
        out.append((line, 0.09, 0.03, {"AU05": 0.35, "AU01": 0.15}, 0.4))
    return out


def _mouth_lines(p: Floats) -> list[Line]:
    """Nasolabial folds, dimples, marionette lines, chin and pursed lips, of the picture's right half."""
    out: list[Line] = []
    (wing_u, wing_v), (u, v), chin, low = p[35], p[54], float(p[8, 1]), float(p[57, 1])
    line = [(wing_u + 0.022, wing_v - 0.026), (wing_u + 0.037, wing_v - 0.006), (u + 0.012, v - 0.062)]
    line += [(u + 0.032, v - 0.026), (u + 0.038, v + 0.008)]
    fold = {"AU12": 0.85, "AU06": 0.35, "AU10": 0.6, "AU09": 0.55, "AU14": 0.25, "AU20": 0.2}
    out.append((line, 0.26, 0.085, fold, 0.62))
    line = [(u + 0.036, v - 0.040), (u + 0.052, v - 0.012), (u + 0.055, v + 0.02)]
    out.append((line, 0.16, 0.034, {"AU12": 0.8, "AU14": 0.5, "AU06": 0.2}, 0.15))
    line = [(u + 0.010, v - 0.010), (u + 0.014, v + 0.008)]
    out.append((line, 0.13, 0.045, {"AU14": 1.0, "AU12": 0.35, "AU15": 0.2}, 0.10))
    line = [(u + 0.004, v + 0.008), (u + 0.012, v + 0.030), (u + 0.016, v + 0.055)]
    out.append((line, 0.15, 0.045, {"AU15": 0.9, "AU17": 0.3, "AU20": 0.25}, 0.45))
    line = [(0.5, low + 0.018), (0.53, low + 0.016), (0.552, low + 0.008)]
    out.append((line, 0.22, 0.05, {"AU17": 0.8, "AU15": 0.3, "AU24": 0.3}, 0.12))
    for x, share in ((0.510, 0.4), (0.522, 0.62), (0.514, 0.78), (0.530, 0.45), (0.503, 0.6)):  # the puckered chin
        level = low + share * (chin - low) + 0.01
        out.append(([(x - 0.006, level - 0.003), (x + 0.006, level + 0.004)], 0.13, 0.035, {"AU17": 0.9}, 0.0))
    for k in range(4):
        x = 0.508 + 0.018 * k
        line = [(x, p[51, 1] - 0.022), (x - 0.002, p[52, 1] + 0.004)]
        out.append((line, 0.06, 0.014, {"AU18": 0.7, "AU24": 0.35, "AU23": 0.35, "AU22": 0.2}, 0.22))
    return out


def paint_folds(points: Floats, side: int) -> Folds:
    """Paint every crease at ``side`` texels for landmarks in the chart (68, 2)."""
    data, boxes, drive, age = [], [], [], []
    start = 0
    for line, wide, depth, aus, old in _brow_lines(points) + _eye_lines(points) + _mouth_lines(points):
        middle = line[0][0] == 0.5
        for sign in (1,) if middle else (1, -1):
            knots = np.array(line)
            if middle:
                knots = np.concatenate([(knots[1:] * (-1, 1) + (1, 0))[::-1], knots])
            if sign < 0:
                knots = knots * (-1, 1) + (1, 0)
            patch, box = _patch(curve(knots, 10), wide / UNIT_CM, depth, side)
            data.append(patch)
            boxes.append((*box, start))
            start += len(patch)
            row = np.zeros(len(AU_NAMES))
            for name, value in aus.items():
                row[_AU[name]] = value
            drive.append(row)
            age.append(old)
    return Folds(np.concatenate(data).astype(np.float32), np.array(boxes, np.int32), np.array(drive), np.array(age))


def _patch(line: Floats, wide: float, depth: float, side: int) -> tuple[Floats, tuple[int, int, int, int]]:
    """Slopes (cm per unit) and darkness (h * w, 3) of one crease, and its box in texels."""
    margin = 3.2 * wide
    low = np.clip(np.floor((line.min(axis=0) - margin) * side), 0, side - 3).astype(int)
    high = np.clip(np.ceil((line.max(axis=0) + margin) * side), low + 2, side - 1).astype(int)
    u, v = np.meshgrid((np.arange(low[0], high[0]) + 0.5) / side, (np.arange(low[1], high[1]) + 0.5) / side)
    best, along = np.full(u.shape, 1e9), np.zeros(u.shape)
    steps = len(line) - 1
    for n in range(steps):
        a, way = line[n], line[n + 1] - line[n]
        t = np.clip(((u - a[0]) * way[0] + (v - a[1]) * way[1]) / (way @ way + 1e-12), 0, 1)
        d = np.hypot(u - a[0] - t * way[0], v - a[1] - t * way[1])
        along = np.where(d < best, (n + t) / steps, along)
        best = np.minimum(best, d)
    taper = np.clip(np.minimum(along, 1 - along) / 0.22, 0.0, 1.0) ** 0.7
    x = best / wide
    groove = np.exp(-0.5 * (x / 0.42) ** 2)
    roll = 0.45 * np.exp(-0.5 * ((x - 1.15) / 0.55) ** 2)
    height = depth * taper * (roll - groove)
    slope_v, slope_u = np.gradient(height, 1.0 / side)
    dark = taper * np.exp(-0.5 * (x / 0.40) ** 2) * min(1.0, depth / 0.045)
    box = int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])
    return np.stack([slope_u, slope_v, dark], axis=-1).reshape(-1, 3), box


@jit
def add_folds(strengths: Floats, data: Floats, boxes: Ints, dirty: Ints, out: Floats) -> None:
    """Sum the patches, each times its strength, into ``out`` (r, r, 3). ``dirty`` (4,), the box that the last
    call filled (left, top, right, bottom), is cleared first and then set."""
    out[dirty[1] : dirty[3], dirty[0] : dirty[2]] = 0.0
    dirty[0], dirty[1], dirty[2], dirty[3] = out.shape[1], out.shape[0], 0, 0
    for c in range(strengths.shape[0]):
        if strengths[c] < 1e-2:
            continue
        left, top, width, height, start = boxes[c]
        dirty[0], dirty[1] = min(dirty[0], left), min(dirty[1], top)
        dirty[2], dirty[3] = max(dirty[2], left + width), max(dirty[3], top + height)
        for y in range(height):
            for x in range(width):
                row = start + y * width + x
                for k in range(3):
                    out[top + y, left + x, k] += strengths[c] * data[row, k]
    if dirty[2] <= dirty[0]:
        dirty[:] = 0
