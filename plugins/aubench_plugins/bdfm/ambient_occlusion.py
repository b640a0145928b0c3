"""Ambient occlusion of the base face, baked from depth maps seen from all around."""

from __future__ import annotations

import numpy as np

from aubench.drawing.arrays import Floats
from aubench.drawing.raster import BOTH, HIDDEN, jit, vertex_normals
from aubench.drawing.shading import clamp
from aubench.drawing.sky import depth_maps

from . import materials as m
from .model import FaceModel


@jit
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
    normals = np.zeros_like(vertices)
    vertex_normals(vertices, triangles, normals)
    mode = np.full(len(triangles), BOTH, np.uint8)
    mode[model.part == m.P_LASH] = HIDDEN
    seen = depth_maps(vertices, triangles, mode, views, side)
    out = np.zeros(len(vertices), np.float32)
    occlusion(vertices, normals, seen.bases, seen.maps, seen.scales, out)
    return np.clip(out, 0.05, 1.0).astype(np.float32)
