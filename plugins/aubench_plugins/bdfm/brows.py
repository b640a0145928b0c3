"""The 36 brow styles: six shapes, three thicknesses, two densities, each painted hair by hair.

Each style is a small picture in a window of the face chart around the brow on the picture's right (``l_brow``); the
other brow is its mirror image. Style = 6 * (2 * thickness + density) + shape, so style 0 is the base face's: soft
arch, medium, dense.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from aubench.drawing.arrays import Bytes, Floats

from . import brushes
from .build import face_model

HEIGHT, WIDTH = 96, 176
HALF_U, HALF_V = 0.11, 0.06
"""Half size of the window in chart units."""
SHAPES = ("soft arch", "straight", "high arch", "round", "rising", "drooping")
THICKNESS = (("medium", 1.0), ("thin", 0.55), ("thick", 1.5))
DENSITY = (("dense", 1.0), ("sparse", 0.42))
_FINE = 4


def window() -> tuple[float, float, float, float]:
    """Left, top, width, height of the window around the brow on the picture's right, in the face chart."""
    centre = face_model().chart["l_brow"].mean(axis=0)
    return float(centre[0]) - HALF_U, float(centre[1]) - HALF_V, 2 * HALF_U, 2 * HALF_V


def _bend(shape: int, s: Floats) -> Floats:
    """How far a shape lifts the centre line (chart units, up positive) at ``s`` from the nose (0) outwards (1)."""
    arch = np.exp(-(((s - 0.62) / 0.26) ** 2))
    if shape == 0:
        return np.asarray(0.003 * arch)
    if shape == 1:
        return np.asarray(-0.010 * arch + 0.002)
    if shape == 2:
        return np.asarray(0.017 * np.exp(-(((s - 0.68) / 0.17) ** 2)) - 0.004 * (1 - s))
    if shape == 3:
        return np.asarray(0.014 * np.sin(np.pi * s) - 0.007)
    if shape == 4:
        return 0.026 * s - 0.013
    return -0.026 * s + 0.012


def _paint(style: int, centre: Floats, widths: Floats) -> Bytes:
    rng = np.random.default_rng(7_000 + style)
    group, shape = divmod(style, len(SHAPES))
    thickness, density = divmod(group, len(DENSITY))
    thick, dense = THICKNESS[thickness][1], DENSITY[density][1]
    left, top, width, _ = window()
    high, wide = HEIGHT * _FINE, WIDTH * _FINE
    scale = wide / width
    canvas = np.zeros((high, wide), np.float32)
    hairs = int(520 * dense * (0.55 + 0.45 * thick))
    s = rng.random(hairs) ** 0.85
    across = rng.uniform(-1.0, 1.0, hairs)
    knots = np.linspace(0.0, 1.0, len(centre))

    def line(at: Floats) -> Floats:
        u = np.interp(at, knots, centre[:, 0])
        v = np.interp(at, knots, centre[:, 1]) - _bend(shape, at)
        return np.stack([u, v], axis=-1)

    base = line(s)
    ahead = line(np.minimum(s + 0.04, 1.0)) - line(np.maximum(s - 0.04, 0.0))
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    normal = np.stack([ahead[:, 1], -ahead[:, 0]], axis=1)  # upwards
    taper = np.clip(np.minimum(s / 0.10 + 0.55, (1.04 - s) / 0.5), 0.12, 1.0)
    above, below = np.interp(s, knots, widths[:, 0]), np.interp(s, knots, widths[:, 1])
    reach = np.where(across > 0, above, below) * thick * taper
    roots = base + normal * (across * reach)[:, None]
    # Hairs stand up at the nose, lie outwards in the middle and point down along the tail; those of the upper row
    # lean down.
    lean = np.interp(s, [0.0, 0.12, 0.45, 1.0], [1.25, 0.75, 0.35, 0.05]) - 0.35 * np.maximum(across, 0) * s
    lean += rng.normal(0.0, 0.12, hairs)
    direction = ahead * np.cos(lean)[:, None] + normal * np.sin(lean)[:, None]
    length = rng.uniform(0.013, 0.021, hairs) * (0.6 + 0.4 * thick) * np.interp(s, [0, 0.2, 1.0], [0.85, 1.0, 0.7])
    bow = rng.normal(-0.15, 0.12, hairs)
    steps = np.linspace(0.0, 1.0, 6)
    strength = rng.uniform(0.55, 1.0, hairs) * np.clip(s / 0.12, 0.35, 1.0)
    for n in range(hairs):
        curve = roots[n] + length[n] * (steps[:, None] * direction[n] + (bow[n] * steps**2)[:, None] * normal[n])
        pixels = np.round((curve - (left, top)) * scale * 16).astype(np.int32)
        low = np.maximum(pixels.min(axis=0) // 16 - 3, 0)
        high_corner = np.minimum(pixels.max(axis=0) // 16 + 4, (wide, high))
        if (high_corner <= low).any():
            continue
        patch = np.zeros((high_corner[1] - low[1], high_corner[0] - low[0]), np.float32)
        local = pixels - low * 16
        cv2.polylines(patch, [local[:4]], False, float(strength[n]), 3, cv2.LINE_8, 4)
        cv2.polylines(patch, [local[3:]], False, float(strength[n]) * 0.9, 2, cv2.LINE_8, 4)
        view = canvas[low[1] : high_corner[1], low[0] : high_corner[0]]
        view[:] = 1.0 - (1.0 - view) * (1.0 - 0.8 * patch)
    # the shade of the skin under a brow, from the shorter hairs that no stroke draws
    under = cv2.GaussianBlur(canvas, (0, 0), 2.2 * _FINE)
    alpha = np.clip(canvas + under * 0.38 * dense, 0.0, 1.0)
    small = cv2.resize(alpha, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    area = brushes.blur(np.ascontiguousarray(small, dtype=np.float32), 3.0)
    return np.round(np.stack([small, area], axis=2) * 255).astype(np.uint8)


@lru_cache(maxsize=1)
def brow_styles() -> Bytes:
    """All styles (36, HEIGHT, WIDTH, 2): coverage by hair, and the same smoothed (the brow's area), 0..255."""
    model = face_model()
    centre = np.asarray(model.chart["l_brow"], np.float64)
    widths = np.asarray(model.chart["l_brow_width"], np.float64)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(centre, axis=0), axis=1))])
    even = np.linspace(0.0, length[-1], 24)
    centre24 = np.stack([np.interp(even, length, centre[:, k]) for k in range(2)], axis=1)
    widths24 = np.stack([np.interp(even, length, widths[:, k]) for k in range(2)], axis=1)
    count = len(SHAPES) * len(THICKNESS) * len(DENSITY)
    return np.stack([_paint(style, centre24, widths24) for style in range(count)])
