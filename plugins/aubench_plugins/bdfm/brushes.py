"""Brushes for the textures: noise, soft polygons, distances to polylines. Chart coordinates (u, v) are in [0, 1]."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from aubench.drawing.arrays import Floats

_SHIFT = 4


def noise(rng: np.random.Generator, side: int, sigma: float) -> Floats:
    """Smooth noise (side, side) of mean 0 and variance 1 that repeats at the edges; ``sigma`` in pixels."""
    grid = rng.standard_normal((side, side)).astype(np.float32)
    if sigma > 0:
        pad = min(side, int(4 * sigma) + 1)
        blurred = cv2.GaussianBlur(np.pad(grid, pad, mode="wrap"), (0, 0), sigma)
        grid = np.asarray(blurred, np.float32)[pad:-pad, pad:-pad]
    grid -= grid.mean()
    return np.ascontiguousarray(grid / (grid.std() + 1e-9), dtype=np.float32)


def fractal(rng: np.random.Generator, side: int, sigma: float, octaves: int = 4, gain: float = 0.6) -> Floats:
    """Noise of several scales, each half the size of the one before; variance 1."""
    total = np.zeros((side, side), np.float32)
    for octave in range(octaves):
        total += gain**octave * noise(rng, side, sigma / 2**octave)
    return np.ascontiguousarray(total / (total.std() + 1e-9), dtype=np.float32)


def blur(image: Floats, sigma: float) -> Floats:
    """Gaussian blur that keeps the edge values."""
    if sigma <= 0:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), dtype=np.float32)


def polygon(side: int, points: Floats, soft: float = 0.0) -> Floats:
    """1 inside the closed polyline ``points`` (n, 2), 0 outside; ``soft`` blurs the edge, in chart units."""
    canvas = np.zeros((side, side), np.float32)
    pixels = np.round((points * side - 0.5) * 2**_SHIFT).astype(np.int32)
    cv2.fillPoly(canvas, [pixels], 1.0, lineType=cv2.LINE_8, shift=_SHIFT)
    return blur(canvas, soft * side)


def grid(side: int) -> tuple[Floats, Floats]:
    """u and v (side, side) of the texel centres."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side
    u, v = np.meshgrid(axis, axis)
    return u.astype(np.float32), v.astype(np.float32)


def to_polyline(u: Floats, v: Floats, points: Floats, closed: bool = False) -> tuple[Floats, Floats]:
    """Distance of every (u, v) to a polyline, and where along it the nearest point lies (0 at the first point, 1 at the
    last, by length)."""
    ends = np.concatenate([points, points[:1]]) if closed else points
    lengths = np.linalg.norm(np.diff(ends, axis=0), axis=1)
    starts = np.concatenate([[0.0], np.cumsum(lengths)])
    best = np.full(u.shape, np.inf, np.float32)
    along = np.zeros(u.shape, np.float32)
    for n, (p, q) in enumerate(pairwise(ends)):
        du, dv = q - p
        t = np.clip(((u - p[0]) * du + (v - p[1]) * dv) / (du * du + dv * dv + 1e-12), 0.0, 1.0)
        distance = np.hypot(u - p[0] - t * du, v - p[1] - t * dv)
        nearer = distance < best
        best = np.where(nearer, distance, best).astype(np.float32)
        along = np.where(nearer, (starts[n] + t * lengths[n]) / starts[-1], along).astype(np.float32)
    return best, along


def blob(u: Floats, v: Floats, centre: Floats, radius_u: float, radius_v: float) -> Floats:
    """A soft spot: exp(-d²) of the elliptic distance from ``centre`` (2,)."""
    return np.asarray(
        np.exp(-(((u - centre[0]) / radius_u) ** 2) - ((v - centre[1]) / radius_v) ** 2).astype(np.float32)
    )


def slopes(height: Floats) -> tuple[Floats, Floats]:
    """d height / du and d height / dv of a square texture."""
    side = height.shape[0]
    dv, du = np.gradient(height)
    return (du * side).astype(np.float32), (dv * side).astype(np.float32)


def shrink(texture: Floats, side: int) -> Floats:
    """Box-filter a square texture (s, s[, c]) to ``side``, or enlarge it linearly."""
    if texture.shape[0] == side:
        return texture
    how = cv2.INTER_AREA if texture.shape[0] > side else cv2.INTER_LINEAR
    if texture.ndim == 2:
        return np.ascontiguousarray(cv2.resize(texture, (side, side), interpolation=how))
    planes = [cv2.resize(np.ascontiguousarray(texture[..., c]), (side, side), interpolation=how)
              for c in range(texture.shape[2])]  # fmt: skip
    return np.ascontiguousarray(np.stack(planes, axis=2), dtype=np.float32)
