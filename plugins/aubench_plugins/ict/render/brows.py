"""The 36 brow styles: six shapes, three thicknesses, two densities, each painted hair by hair on the face chart.

Style = 6 * (2 * thickness + density) + shape, so style 0 is the base face's: soft arch, medium, dense. Each style is a
picture in a window of the chart around the brow on the picture's right (``l_brow``); the other brow is its mirror
image.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from aubench.drawing.arrays import Floats
from aubench.drawing.raster import draw_strands

from .folds import UNIT_CM

HEIGHT, WIDTH = 132, 288
LEFT, TOP, WIDE, HIGH = 0.030, 0.050, 0.286, 0.131
"""The window in chart units: how far it reaches beyond the brow's first landmark and above the highest, and its
extent."""
DROP = 0.26
"""The landmarks lie near a brow's upper edge: its middle runs so many centimetres below."""
SHAPES = ("soft arch", "straight", "high arch", "round", "rising", "drooping")
THICKNESS = (("medium", 1.0), ("thin", 0.58), ("thick", 1.5))
DENSITY = (("dense", 1.0), ("sparse", 0.42))
_FINE = 3


def _lift(shape: int, s: Floats) -> Floats:
    """How many centimetres a shape lifts the middle line at ``s`` from the nose (0) outwards (1)."""
    rises = (
        0.12 * np.exp(-(((s - 0.62) / 0.26) ** 2)),
        0.05 - 0.28 * np.exp(-(((s - 0.62) / 0.28) ** 2)),
        0.42 * np.exp(-(((s - 0.68) / 0.17) ** 2)) - 0.10 * (1 - s),
        0.36 * np.sin(np.pi * s) - 0.16,
        0.62 * s - 0.30,
        -0.60 * s + 0.28,
    )
    return np.asarray(rises[shape])


def brow_window(points: Floats) -> Floats:
    """Left, top, width, height (4,) of the window in the chart, for landmarks in the chart (68, 2)."""
    return np.array([points[22, 0] - LEFT, points[22:27, 1].min() - TOP, WIDE, HIGH], np.float32)


def brow_picture(weights: Floats, points: Floats) -> Floats:
    """Cover by hairs and by the brow's area (132, 288, 2) in 0..1 for the ``weights`` (36,) of the styles; ``points``
    (68, 2) the landmarks in the chart."""
    key = np.round(points[22:27], 4).tobytes()
    out = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    for style in np.flatnonzero(np.asarray(weights) > 0.01):
        out += np.float32(weights[style]) * _painted(int(style), key)
    return out


@lru_cache(maxsize=80)
def _painted(style: int, marks: bytes) -> Floats:
    rng = np.random.default_rng(9_000 + style)
    group, shape = divmod(style, len(SHAPES))
    thickness, density = divmod(group, len(DENSITY))
    thick, dense = THICKNESS[thickness][1], DENSITY[density][1]
    points = np.frombuffer(marks).reshape(5, 2)
    corner, extent = (points[0, 0] - LEFT, points[:, 1].min() - TOP), np.array([WIDE, HIGH])
    knots, scale = np.linspace(0.0, 1.0, 5), np.array([WIDTH, HEIGHT]) / extent

    def middle(at: Floats) -> Floats:
        v = np.interp(at, knots, points[:, 1]) + (DROP - _lift(shape, at)) / UNIT_CM
        return np.asarray((np.stack([np.interp(at, knots, points[:, 0]), v], axis=-1) - corner) * scale)

    hairs = int(640 * dense * (0.5 + 0.5 * thick))
    s, across = rng.random(hairs) ** 0.9, rng.uniform(-1.0, 1.0, hairs)
    base = middle(s)
    ahead = middle(np.minimum(s + 0.06, 1.0)) - middle(np.maximum(s - 0.06, 0.0))
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-9
    up = np.stack([ahead[:, 1], -ahead[:, 0]], axis=1)
    taper = np.interp(s, [0.0, 0.12, 0.35, 0.62, 0.85, 1.0], [0.34, 0.40, 0.38, 0.30, 0.18, 0.05])
    reach = taper * thick / UNIT_CM * scale[1]
    roots = base + up * (across * reach)[:, None]
    # hairs stand up at the nose, lie outwards in the middle, point down along the tail; the upper row leans down
    lean = np.interp(s, [0.0, 0.14, 0.45, 1.0], [1.2, 0.75, 0.34, 0.04]) - 0.45 * np.maximum(across, 0) * s**0.5
    lean += rng.normal(0.0, 0.13, hairs)
    way = ahead * np.cos(lean)[:, None] + up * np.sin(lean)[:, None]
    length = rng.uniform(14, 25, hairs) * (0.65 + 0.35 * thick) * np.interp(s, [0, 0.2, 1.0], [0.8, 1.0, 0.7])
    bow = rng.normal(-0.12, 0.12, hairs)
    steps = np.linspace(0.0, 1.0, 5)
    curve = roots[:, None] + length[:, None, None] * (
        steps[None, :, None] * way[:, None] + (bow[:, None] * steps**2)[..., None] * up[:, None]
    )
    screen = np.concatenate([curve * _FINE, np.full((*curve.shape[:2], 1), 0.5)], axis=-1).reshape(-1, 3)
    strength = rng.uniform(0.5, 0.95, hairs) * np.clip(s / 0.10, 0.35, 1.0)
    opacity = (strength[:, None] * np.array([0.7, 0.95, 0.9, 0.7, 0.25])).reshape(-1)
    width = np.tile(_FINE * np.array([1.6, 1.7, 1.5, 1.1, 0.7]), hairs)
    high, wide = HEIGHT * _FINE, WIDTH * _FINE
    over, front = np.zeros((high, wide, 4), np.float32), np.zeros((high, wide), np.float32)
    draw_strands(
        screen.astype(np.float32), np.arange(0, hairs * 5 + 1, 5, dtype=np.int32), width.astype(np.float32),
        (0.59 * opacity).astype(np.float32), np.zeros_like(screen, np.float32), np.ones(hairs, np.uint8), 0.0,
        np.zeros((high, wide), np.float32), over, front, np.zeros((high, wide), np.uint8),
    )  # fmt: skip
    cover = np.minimum(over[..., 3] * 1.25, 1.0)
    # the shade of the skin under a brow, from the shorter hairs that no stroke draws
    cover = np.clip(cover + 0.35 * min(dense, 1.0) * cv2.GaussianBlur(cover, (0, 0), 3.0 * _FINE), 0.0, 1.0)
    hair = cv2.resize(cover, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    area = np.clip(cv2.GaussianBlur(hair, (0, 0), 4.5) * (1.6 / (0.35 + 0.65 * min(dense, 1.0))), 0.0, 1.0)
    return np.stack([hair, area], axis=-1).astype(np.float32)
