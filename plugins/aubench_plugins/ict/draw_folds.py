"""Wrinkles: creases painted as heights in the face chart, each driven by action units and by age.

A crease is a groove with a soft roll beside it. What shading needs are its slopes along u and v and how dark it
is; a frame adds up the patches of those creases that are at work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aubench.drawing.raster import jit
from aubench.parameters import AU_NAMES

from .arrays import Floats, Ints
from .draw_chart import curve

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


def _lines(p: Floats) -> list[tuple[list[tuple[float, float]], float, float, dict[str, float], float]]:
    """Creases of the picture's right half or the middle: points, width (cm), depth (cm), AUs, age. ``p`` (68, 2)."""
    eye, brow = p[42:48].mean(axis=0), p[22:27].mean(axis=0)
    inner, outer, wing, corner, chin = p[42], p[45], p[35], p[54], p[8]
    out: list[tuple[list[tuple[float, float]], float, float, dict[str, float], float]] = []
    for k, (rise, lift) in enumerate(((0.034, 0.010), (0.055, 0.014), (0.077, 0.016), (0.098, 0.014))):
        wave = 0.003 * (-1) ** k
        out.append((
            [(0.5, brow[1] - rise + 0.004), (0.56, brow[1] - rise - lift * 0.4 + wave), (0.63, brow[1] - rise - lift),
             (0.70, brow[1] - rise - lift * 0.6 - wave)], 0.13, 0.030, {"AU01": 0.75, "AU02": 0.55}, 0.50 - 0.08 * k))  # fmt: skip
    out.append((
        [(p[22, 0] - 0.014, brow[1] - 0.036), (p[22, 0] - 0.019, brow[1] - 0.015), (p[22, 0] - 0.017, brow[1] + 0.012)],
        0.14, 0.045, {"AU04": 1.0, "AU09": 0.3}, 0.30))  # fmt: skip
    out.append((
        [(p[22, 0] + 0.012, brow[1] - 0.030), (p[22, 0] + 0.006, brow[1] - 0.012)],
        0.13, 0.030, {"AU04": 0.8, "AU01": 0.15}, 0.15))  # fmt: skip
    out.append((
        [(0.5, p[27, 1] - 0.030), (0.525, p[27, 1] - 0.028), (0.543, p[27, 1] - 0.020)],
        0.12, 0.035, {"AU09": 1.0, "AU04": 0.45}, 0.18))  # fmt: skip
    for k, (drop, reach) in enumerate(((0.008, 0.045), (0.022, 0.050))):  # sides of the nose
        out.append((
            [(0.512 + 0.004 * k, p[28, 1] - 0.016 + drop), (0.530, p[28, 1] - 0.018 + drop), (0.5 + reach, p[28, 1] - 0.032
             + drop)], 0.09, 0.030, {"AU09": 1.0}, 0.0))  # fmt: skip
    for k, (start, end) in enumerate(
        ((-0.016, -0.040), (-0.004, -0.014), (0.008, 0.012), (0.018, 0.034))
    ):  # crow's feet
        out.append((
            [(outer[0] + 0.014 + 0.002 * k, eye[1] + start), (outer[0] + 0.034, eye[1] + 0.6 * start + 0.4 * end),
             (outer[0] + 0.058 - 0.003 * k, eye[1] + end)], 0.085, 0.026, {"AU06": 0.95, "AU12": 0.22, "AU07": 0.2}, 0.38))  # fmt: skip
    for drop, wide, au, age in ((0.014, 0.10, 0.55, 0.22), (0.026, 0.13, 0.9, 0.42)):  # under the lower lid
        out.append((
            [(inner[0] + 0.006, eye[1] + drop * 0.7), (inner[0] + 0.03, eye[1] + drop * 1.25), (eye[0] + 0.01, eye[1]
             + drop * 1.5), (outer[0] + 0.002, eye[1] + drop * 1.05)], wide, 0.026, {"AU06": au, "AU07": 0.5 * au,
             "AU12": 0.15}, age))  # fmt: skip
    out.append((  # nasolabial fold
        [(wing[0] + 0.022, wing[1] - 0.026), (wing[0] + 0.037, wing[1] - 0.006), (corner[0] + 0.012, corner[1] - 0.062),
         (corner[0] + 0.032, corner[1] - 0.026), (corner[0] + 0.038, corner[1] + 0.008)], 0.26, 0.085,
        {"AU12": 0.85, "AU06": 0.35, "AU10": 0.6, "AU09": 0.55, "AU14": 0.25, "AU20": 0.2}, 0.62))  # fmt: skip
    out.append((
        [(corner[0] + 0.036, corner[1] - 0.040), (corner[0] + 0.052, corner[1] - 0.012), (corner[0] + 0.055, corner[1]
         + 0.02)], 0.16, 0.034, {"AU12": 0.8, "AU14": 0.5, "AU06": 0.2}, 0.15))  # fmt: skip
    out.append((  # dimple beside the corner
        [(corner[0] + 0.010, corner[1] - 0.010), (corner[0] + 0.014, corner[1] + 0.008)], 0.13, 0.045,
        {"AU14": 1.0, "AU12": 0.35, "AU15": 0.2}, 0.10))  # fmt: skip
    out.append((  # marionette line
        [(corner[0] + 0.004, corner[1] + 0.008), (corner[0] + 0.012, corner[1] + 0.030), (corner[0] + 0.016, corner[1]
         + 0.055)], 0.15, 0.045, {"AU15": 0.9, "AU17": 0.3, "AU20": 0.25}, 0.45))  # fmt: skip
    out.append((  # under the lower lip
        [(0.5, p[57, 1] + 0.018), (0.53, p[57, 1] + 0.016), (0.552, p[57, 1] + 0.008)], 0.22, 0.05,
        {"AU17": 0.8, "AU15": 0.3, "AU24": 0.3}, 0.12))  # fmt: skip
    for x, y in ((0.510, 0.4), (0.522, 0.62), (0.514, 0.78), (0.530, 0.45), (0.503, 0.6)):  # the puckered chin
        level = p[57, 1] + y * (chin[1] - p[57, 1]) + 0.01
        out.append(([(x - 0.006, level - 0.003), (x + 0.006, level + 0.004)], 0.13, 0.035, {"AU17": 0.9}, 0.0))
    for k in range(4):  # lips: pursed
        x = 0.508 + 0.018 * k
        out.append((
            [(x, p[51, 1] - 0.022), (x - 0.002, p[52, 1] + 0.004)], 0.06, 0.014,
            {"AU18": 0.7, "AU24": 0.35, "AU23": 0.35, "AU22": 0.2}, 0.22))  # fmt: skip
    for rise in (0.018, 0.025):  # folds of the upper lid
        out.append((
            [(inner[0] + 0.004, eye[1] - 0.006), (eye[0] - 0.015, eye[1] - rise), (eye[0] + 0.02, eye[1] - rise * 1.02),
             (outer[0] + 0.008, eye[1] - 0.008)], 0.09, 0.03, {"AU05": 0.35, "AU01": 0.15}, 0.4))  # fmt: skip
    return out


def paint_folds(points: Floats, side: int) -> Folds:
    """Paint every crease at ``side`` texels for landmarks in the chart (68, 2)."""
    data, boxes, drive, age = [], [], [], []
    start = 0
    for line, wide, depth, aus, old in _lines(points):
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
