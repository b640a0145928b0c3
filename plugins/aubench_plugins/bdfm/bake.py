"""Ambient occlusion of the base face, baked from depth maps seen from all around."""

from __future__ import annotations

import numba as nb
import numpy as np

from . import materials as m
from .arrays import Floats
from .light import clamp
from .model import FaceModel
from .raster import HIDDEN, TWO_SIDED, rasterise, vertex_normals

_jit = nb.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def occlusion(vertices, normals, directions, maps, scales, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` (v,) the open share of each vertex's sky: ``directions`` (d, 3, 3) view bases (rows x, y, z
    towards the light), ``maps`` (d, s, s) heights of the nearest surface along z, ``scales`` (d, 3) centre and pixels
    per unit."""
    side = maps.shape[1]
    for n in range(vertices.shape[0]):
        total, open_share = 0.0, 0.0
        for d in range(directions.shape[0]):
            basis = directions[d]
            cosine = normals[n, 0] * basis[2, 0] + normals[n, 1] * basis[2, 1] + normals[n, 2] * basis[2, 2]
            if cosine <= 0.02:
                continue
            x = vertices[n, 0] * basis[0, 0] + vertices[n, 1] * basis[0, 1] + vertices[n, 2] * basis[0, 2]
            y = vertices[n, 0] * basis[1, 0] + vertices[n, 1] * basis[1, 1] + vertices[n, 2] * basis[1, 2]
            z = vertices[n, 0] * basis[2, 0] + vertices[n, 1] * basis[2, 1] + vertices[n, 2] * basis[2, 2]
            column = int(clamp((x - scales[d, 0]) * scales[d, 2] + 0.5, 0.0, side - 1.0))
            row = int(clamp((y - scales[d, 1]) * scales[d, 2] + 0.5, 0.0, side - 1.0))
            total += cosine
            if z > maps[d, row, column] - 0.05:
                open_share += cosine
        out[n] = open_share / total if total > 0.0 else 0.0


def bake(vertices: Floats, model: FaceModel, views: int = 96, side: int = 160) -> Floats:
    """Ambient light (v,) of ``vertices`` (v, 3): the open share of the sky, from depth maps seen from ``views``
    directions."""
    triangles = np.ascontiguousarray(model.triangles, np.int32)
    uv = np.ascontiguousarray(model.uv, np.float32)
    normals = np.zeros_like(vertices)
    vertex_normals(vertices, triangles, np.arange(len(vertices), dtype=np.int32), normals)
    n = np.arange(views) + 0.5
    height, turn = 1 - 2 * n / views, np.pi * (1 + 5**0.5) * n
    level = np.sqrt(1 - height**2)
    z = np.stack([level * np.cos(turn), height, level * np.sin(turn)], axis=1)
    x = np.cross(np.where(np.abs(z[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]]), z)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    bases = np.stack([x, np.cross(z, x), z], axis=1).astype(np.float32)
    maps = np.empty((views, side, side), np.float32)
    scales = np.empty((views, 3), np.float32)
    mode = np.full(len(triangles), TWO_SIDED, np.uint8)
    mode[model.part == m.P_LASH] = HIDDEN
    ids = np.empty((side, side), np.int32)
    opaque = np.ones((1, 1, 1), np.float32)
    for d in range(views):
        seen = vertices @ bases[d].T
        low, high = seen.min(axis=0), seen.max(axis=0)
        scale = (side - 1) / float(max(high[:2] - low[:2]))
        screen = np.column_stack([(seen[:, :2] - low[:2]) * scale, seen[:, 2] - low[2] + 1.0]).astype(np.float32)
        rasterise(screen, triangles, mode, uv, opaque, 0.5, ids, maps[d])
        maps[d] += low[2] - 1.0
        scales[d] = low[0], low[1], scale
    out = np.zeros(len(vertices), np.float32)
    occlusion(vertices, normals, bases, maps, scales, out)
    return np.clip(out, 0.05, 1.0).astype(np.float32)
