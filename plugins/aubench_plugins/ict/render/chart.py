"""What is painted on the face chart: where skin flushes, lips, beard and lids lie; and a noise tile.

Chart coordinates run from 0 to 1, u to the picture's right and v downwards; one unit is about 24 cm of skin. All masks
are placed by the 68 landmarks, so that they hold for any topology that has them in its chart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from aubench.drawing.arrays import Bytes, Floats

from .ids import LAYERS
from .mesh import Mesh

TILE = 512


@dataclass(frozen=True, eq=False)
class Chart:
    """``layers`` (r, r, 9) uint8, see ``LAYERS``; ``detail`` (r, r), 1 where a pixel needs four samples; ``points``
    (68, 2) the landmarks in the chart."""

    layers: Bytes
    detail: Bytes
    points: Floats


def curve(points: Floats, steps: int = 12, closed: bool = False) -> Floats:
    """A Catmull-Rom spline (n, 2) through ``points`` (k, 2)."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = (np.arange(steps) / steps)[:, None]
    parts = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    if not closed:
        parts.append(p[-2:-1])
    return np.concatenate(parts)


class Canvas:
    """A chart of side ``side`` to paint masks on, 0..1."""

    def __init__(self, side: int) -> None:
        self.side = side
        axis = (np.arange(side, dtype=np.float32) + 0.5) / side
        self.u, self.v = np.meshgrid(axis, axis)

    def polygon(self, points: Floats, soft: float = 0.0) -> Floats:
        """A filled polygon with an edge blurred by ``soft`` units."""
        mask = np.zeros((self.side, self.side), np.float32)
        pixels = np.round(np.asarray(points) * self.side * 16 - 8).astype(np.int32)
        cv2.fillPoly(mask, [pixels], 1.0, cv2.LINE_AA, 4)
        return self.blur(mask, soft)

    def blur(self, mask: Floats, soft: float) -> Floats:
        if soft * self.side < 0.3:
            return mask
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), soft * self.side), np.float32)

    def blob(self, u: float, v: float, wide: float, high: float, turn: float = 0.0) -> Floats:
        """A Gaussian spot turned by ``turn`` radians, together with its mirror image."""
        out = np.zeros_like(self.u)
        for sign in (1.0, -1.0):
            du, dv = sign * (self.u - 0.5) - (u - 0.5), self.v - v
            a, b = du * np.cos(turn) + dv * np.sin(turn), dv * np.cos(turn) - du * np.sin(turn)
            out = np.maximum(out, np.exp(-0.5 * ((a / wide) ** 2 + (b / high) ** 2)))
        return out

    def both(self, points: list[tuple[float, float]]) -> Floats:
        """A polygon over the middle from its right half, top to bottom."""
        right = np.asarray(points, np.float64)
        return np.concatenate([right, (right * (-1, 1) + (1, 0))[::-1]])


def chart_points(mesh: Mesh) -> Floats:
    """The landmarks in the chart (68, 2)."""
    return np.asarray(mesh.uv[mesh.landmarks], np.float64)


def paint_chart(mesh: Mesh, side: int) -> Chart:
    """Paint the chart of a mesh at ``side`` texels."""
    p, c = chart_points(mesh), Canvas(side)
    eye, nose = p[42:48].mean(axis=0), p[30]
    brow, chin = p[22:27].mean(axis=0), p[8]
    unit = float(p[45, 0] - p[36, 0]) / 0.37  # ICT-FaceKit's chart: 1
    layer: dict[str, Floats] = {name: np.zeros((side, side), np.float32) for name in LAYERS}
    # lips
    outer = curve(p[48:60], closed=True)
    lips = c.polygon(outer, 0.0016 * unit)
    inner = np.concatenate([p[60:65], p[65:68]])
    wet = c.polygon(curve(inner, closed=True), 0.0006)
    layer["lip"] = lips
    # blood: cheeks, nose, chin, ears, lids
    flush = 0.75 * c.blob(eye[0] + 0.075 * unit, nose[1] - 0.01 * unit, 0.06 * unit, 0.05 * unit, 0.3)
    flush += 0.80 * c.blob(0.5, nose[1] + 0.01 * unit, 0.045 * unit, 0.045 * unit)
    flush += 0.45 * c.blob(0.5, 0.5 * (chin[1] + p[57, 1]), 0.05 * unit, 0.035 * unit)
    flush += 0.35 * c.blob(eye[0], eye[1], 0.06 * unit, 0.022 * unit)
    flush += 0.25 * c.blob(0.5, brow[1] - 0.06 * unit, 0.12 * unit, 0.04 * unit)
    ears = c.blob(p[16, 0] + 0.105 * unit, p[15, 1], 0.035 * unit, 0.10 * unit)
    layer["flush"] = np.minimum(flush + 0.9 * ears, 1.0)
    # shade round the eyes: the inner corner and the groove under the lower lid
    socket = c.blob(p[42, 0] + 0.015 * unit, eye[1] + 0.022 * unit, 0.035 * unit, 0.016 * unit, 0.25)
    socket = np.maximum(socket, 0.55 * c.blob(eye[0], eye[1] + 0.03 * unit, 0.055 * unit, 0.014 * unit, 0.1))
    layer["socket"] = np.maximum(socket, 0.6 * c.blob(p[42, 0] - 0.012, eye[1] - 0.012 * unit, 0.025, 0.028))
    slit = c.polygon(curve(p[42:48], closed=True)) + c.polygon(curve(p[36:42], closed=True))
    slit = (slit > 0.5).astype(np.uint8)
    away = np.asarray(cv2.distanceTransform(1 - slit, cv2.DIST_L2, 5), np.float32) / side
    layer["margin"] = np.clip(1.35 - away / (0.0042 * unit), 0.0, 1.0)
    upper = np.clip((eye[1] - c.v) / (0.01 * unit) + 0.3, 0.0, 1.0)
    layer["lid"] = np.clip(1.2 - away / (0.045 * unit), 0.0, 1.0) * upper
    # oily places
    oil = 0.9 * c.blob(0.5, 0.5 * (nose[1] + p[27, 1]), 0.018 * unit, 0.07 * unit) + c.blob(0.5, nose[1], 0.03, 0.025)
    oil += 0.8 * c.blob(0.5 + 0.03 * unit, brow[1] - 0.07 * unit, 0.07 * unit, 0.045 * unit)
    oil += 0.7 * c.blob(eye[0] + 0.075 * unit, eye[1] + 0.055 * unit, 0.035 * unit, 0.02 * unit, -0.5)
    oil += 0.6 * c.blob(0.5, 0.5 * (chin[1] + p[57, 1]) + 0.01, 0.03 * unit, 0.025 * unit)
    layer["oil"] = np.minimum(oil, 1.0)
    layer["pores"] = np.minimum(
        0.25
        + c.blob(0.5, nose[1] - 0.01, 0.055 * unit, 0.05 * unit)
        + c.blob(eye[0], nose[1] + 0.01, 0.05 * unit, 0.045 * unit)
        + 0.4 * c.blob(0.5, brow[1] - 0.05, 0.15, 0.04),
        1.0,
    ) * (1.0 - 0.8 * np.clip(1.5 - away / (0.04 * unit), 0, 1))
    # beard: sideburns, jaw, chin and upper lip, by their right half
    corner, ear = p[54], p[16]
    jaw = c.both(
        [
            (0.5, p[33, 1] + 0.012), (p[35, 0] - 0.004, p[35, 1] + 0.006), (p[53, 0] + 0.018, p[53, 1] - 0.028),
            (corner[0] + 0.03, corner[1] - 0.012), (corner[0] + 0.055, corner[1] + 0.012), (p[12, 0] - 0.045, p[13, 1]),
            (p[14, 0] - 0.005, p[14, 1]), (ear[0] - 0.012, p[15, 1]), (ear[0] + 0.005, ear[1] - 0.02),
            (ear[0] + 0.035, ear[1]), (ear[0] + 0.03, p[14, 1]), (p[12, 0] + 0.06, p[12, 1]),
            (p[12, 0] + 0.03, chin[1] + 0.08), (0.5, chin[1] + 0.115),
        ]
    )  # fmt: skip
    beard = c.polygon(jaw, 0.012 * unit)
    bare = c.blob(corner[0] - 0.045 * unit, p[57, 1] + 0.004, 0.014 * unit, 0.010 * unit)
    layer["beard"] = np.clip(beard * (1 - lips) * (1 - 0.6 * bare), 0.0, 1.0)
    lip_top = [(0.5, p[51, 1]), (p[52, 0], p[52, 1]), (p[53, 0], p[53, 1]), (corner[0], corner[1])]
    strip = [(0.5, p[33, 1] + 0.010), (p[35, 0], p[35, 1] + 0.014), (corner[0] + 0.012, corner[1] - 0.025)]
    half = np.array([*strip, (corner[0] + 0.02, corner[1] + 0.01), *lip_top[::-1]])
    moustache = c.polygon(half) + c.polygon(half * (-1, 1) + (1, 0))
    layer["moustache"] = c.blur(np.minimum(moustache, 1.0), 0.006 * unit) * (1 - lips)
    fine = (away < 0.012 * unit) | ((lips > 0.02) & (lips < 0.98)) | (wet > 0.02)
    layers = np.stack([np.clip(layer[name], 0.0, 1.0) * 255 + 0.5 for name in LAYERS], axis=-1).astype(np.uint8)
    return Chart(np.ascontiguousarray(layers), fine.astype(np.uint8), p)


def fractal(rng: np.random.Generator, side: int, size: float, octaves: int) -> Floats:
    """Tileable noise (side, side) of mean 0 and deviation 1 with features of ``size`` texels."""
    total: Floats = np.zeros((side, side), np.float32)
    ky, kx = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side), indexing="ij")
    k = np.sqrt(kx * kx + ky * ky)
    for n in range(octaves):
        spectrum = np.fft.fft2(rng.standard_normal((side, side))) * np.exp(-0.5 * (k * 2.2 * size / 2**n) ** 2)
        part = np.fft.ifft2(spectrum).real
        total += (part / (part.std() + 1e-9) * 0.6**n).astype(np.float32)
    return np.asarray(total / total.std())


@lru_cache(maxsize=1)
def noise_tiles() -> tuple[Bytes, ...]:
    """A tile (512, 512, 8) uint8 that repeats, then the same at half the side and so on: fine mottle, broad blotch,
    freckles, slopes of the pores along u and v, stubble, cloth, streaks. 128 is the middle of signed channels."""
    rng = np.random.default_rng(71)
    mottle = 128 + 40 * fractal(rng, TILE, 5.0, 3)
    blotch = 128 + 40 * fractal(rng, TILE, 34.0, 3)
    spots: Floats = np.zeros((TILE, TILE), np.float32)
    for _ in range(420):
        x, y = rng.integers(0, TILE, 2)
        cv2.circle(spots, (int(x), int(y)), int(rng.integers(1, 4)), float(rng.uniform(0.3, 1.0)), -1)
    spots = np.asarray(cv2.GaussianBlur(spots, (0, 0), 1.1), np.float32)
    holes = np.zeros((TILE, TILE), np.float32)
    for _ in range(9000):
        x, y = rng.integers(0, TILE, 2)
        holes[y, x] -= rng.uniform(0.3, 1.0)
    height = cv2.GaussianBlur(holes, (0, 0), 1.3) * 12 + 0.35 * fractal(rng, TILE, 4.0, 2)
    slope_v, slope_u = np.gradient(height)
    hairs = np.zeros((TILE, TILE), np.float32)
    for _ in range(7000):
        x, y = rng.uniform(0, TILE, 2)
        dx, dy = rng.normal(0, 1.3), rng.uniform(1.0, 4.5)
        ends = (int(x * 16), int(y * 16)), (int((x + dx) * 16), int((y + dy) * 16))
        cv2.line(hairs, *ends, float(rng.uniform(0.4, 1.0)), 1, cv2.LINE_AA, 4)
    weave = 128 + 30 * fractal(rng, TILE, 1.2, 1) + 25 * fractal(rng, TILE, 9.0, 2)
    streaks = 128 + 40 * cv2.blur(fractal(rng, TILE, 2.0, 2), (1, 61)) * 4
    parts = [mottle, blotch, 255 * spots, 128 + 60 * slope_u, 128 + 60 * slope_v, 235 * hairs, weave, streaks]
    tile = np.clip(np.stack(parts, axis=-1), 0, 255)
    tiles = [tile.astype(np.uint8)]
    while len(tile) > 32:
        half = len(tile) // 2
        tile = tile.reshape(half, 2, half, 2, -1).mean(axis=(1, 3))
        tiles.append((tile + 0.5).astype(np.uint8))
    return tuple(tiles)


def tile_for(pixels: float) -> Bytes:
    """The tile whose texels are nearest to pixels in size, where the whole of it spans ``pixels``."""
    tiles = noise_tiles()
    return tiles[int(np.clip(np.round(np.log2(TILE / max(pixels, 1.0))), 0, len(tiles) - 1))]


def hair_depth(points: Floats, landmarks: Floats) -> Floats:
    """How many centimetres (n,) each point lies inside the hair of the head; negative on face, ears and neck.

    The hairline is a height over the angle round the vertical axis through the head: forehead, temple, sideburn, behind
    the ear, nape. ``points`` (n, 3) and ``landmarks`` (68, 3) of the mean face.
    """
    brow, back = float(landmarks[19:25, 1].mean()), float(landmarks[[0, 16], 2].mean()) - 3.2
    reach = float(landmarks[19:25, 1].mean() - landmarks[33, 1])  # brow to under the nose
    angle = np.degrees(np.arctan2(np.abs(points[:, 0]), points[:, 2] - back))
    knots = [0, 25, 42, 52, 60, 68, 75, 82, 88, 100, 112, 130, 180]
    level = np.array([0.62, 0.62, 0.54, 0.30, -0.05, -0.40, -0.62, -0.55, -0.05, 0.1, -0.75, -1.0, -1.1])
    line = brow + reach * np.interp(angle, knots, level)
    steep = np.interp(angle, [0, 40, 55, 70, 100, 120, 180], [1.0, 0.95, 0.65, 0.55, 0.6, 0.9, 1.0])
    return np.asarray(((points[:, 1] - line) * steep).astype(np.float32))
