"""Depth maps of a head from all around, from which engines bake how much of the sky each vertex sees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints
from aubench.drawing.raster import rasterise


class DepthMaps(NamedTuple):
    """``bases`` (d, 3, 3): for each view the unit vectors to its right, upwards and towards the viewer. ``maps``
    (d, s, s): height of the nearest surface along the last. ``scales`` (d, 3): left and top edge, pixels per unit.
    ``directions`` (d, 3): as the last rows of ``bases``, in float64."""

    bases: Floats
    maps: Floats
    scales: Floats
    directions: Floats


def depth_maps(vertices: Floats, triangles: Ints, mode: Bytes, views: int, side: int) -> DepthMaps:
    """See a mesh in parallel projection from directions that are spread evenly (a Fibonacci spiral).

    Args:
        vertices: (v, 3) float32.
        triangles: (t, 3) int32.
        mode: (t,) uint8, see :func:`aubench.drawing.raster.rasterise`; neither LINED nor CUTOUT.
        views: Number of directions.
        side: Side of a map in pixels.
    """
    n = np.arange(views) + 0.5
    height, turn = 1 - 2 * n / views, np.pi * (1 + 5**0.5) * n
    level = np.sqrt(1 - height**2)
    z = np.stack([level * np.cos(turn), height, level * np.sin(turn)], axis=1)
    x = np.cross(np.where(np.abs(z[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]]), z)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    bases = np.stack([x, np.cross(z, x), z], axis=1).astype(np.float32)
    maps, scales = np.empty((views, side, side), np.float32), np.empty((views, 3), np.float32)
    ids = np.empty((side, side), np.int32)
    for d in range(views):
        seen = vertices @ bases[d].T
        low, high = seen.min(axis=0), seen.max(axis=0)
        scale = (side - 1) / float(max(high[:2] - low[:2]))
        screen = np.column_stack([(seen[:, :2] - low[:2]) * scale, seen[:, 2] - low[2] + 1.0]).astype(np.float32)
        rasterise(screen, triangles, mode, ids, maps[d], lining=0.0)
        maps[d] += low[2] - 1.0
        scales[d] = low[0], low[1], scale
    return DepthMaps(bases, maps, scales, z)
