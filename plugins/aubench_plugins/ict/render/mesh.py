"""The face mesh as drawing wants it: kinds of triangles, the chart of every vertex, lash rows, baked visibility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints
from aubench.drawing.raster import BOTH, FRONT, HIDDEN, LINED, jit, vertex_normals
from aubench.drawing.sky import depth_maps

from ..materials import EYE_SOCKET, EYEBALL, FACE, GUMS, HEAD, LASHES, MOUTH_SOCKET, TEETH
from .ids import K_EYE, K_GUMS, K_HEAD, K_HIDDEN, K_ORBIT, K_SKIN, K_SOCKET, K_TEETH
from .light import COSINE, harmonics

_KIND_OF = {
    FACE: K_SKIN, HEAD: K_HEAD, MOUTH_SOCKET: K_SOCKET, EYE_SOCKET: K_ORBIT, GUMS: K_GUMS, TEETH: K_TEETH,
    EYEBALL: K_EYE, LASHES: K_HIDDEN,
}  # fmt: skip
_LASH_ROWS, _LASH_COLUMNS = 6, 19
"""Each lash card of ICT-FaceKit is a grid: from root to tip, and along the lid."""


class Shape(Protocol):
    """What drawing reads of a topology: ``triangles`` (m, 3), ``uv`` (m, 3, 2) with v upwards, ``material`` (m,) with
    0 for the face chart, ``landmarks`` (68,)."""

    @property
    def triangles(self) -> Ints: ...
    @property
    def uv(self) -> Floats: ...
    @property
    def material(self) -> Ints: ...
    @property
    def landmarks(self) -> Ints: ...


@dataclass(frozen=True, eq=False)
class Mesh:
    """``triangles`` (m, 3); ``kind`` (m,) indices into ``KINDS``; ``mode`` (m,) for the rasteriser; ``uv`` (n, 2) of
    the face chart and, for eyeballs, of theirs, v downwards; ``rest`` (n, 3) the mean face, in centimetres;
    ``landmarks`` (68,); ``lashes`` (k, 19, 6) vertices from root to tip; ``open`` (n, 9) harmonics of what each
    vertex of the mean face sees of the sky, weighted by the cosine; ``bare`` (n, 9) the same if nothing hid the sky.
    """

    triangles: Ints
    kind: Bytes
    mode: Bytes
    uv: Floats
    rest: Floats
    landmarks: Ints
    lashes: Ints
    open: Floats
    bare: Floats


def mesh_of(shape: Shape, rest: Floats, views: int = 96) -> Mesh:
    """Prepare a topology whose mean face is ``rest`` (n, 3)."""
    triangles = np.ascontiguousarray(shape.triangles, np.int32)
    rest = np.ascontiguousarray(rest, np.float32)
    material = np.asarray(shape.material)
    kind = np.full(len(triangles), K_HIDDEN, np.uint8)
    for surface, value in _KIND_OF.items():
        kind[material == surface] = value
    uv = np.zeros((len(rest), 2), np.float32)
    for which in (kind == K_EYE, kind == K_SKIN):
        uv[triangles[which].reshape(-1)] = np.asarray(shape.uv)[which].reshape(-1, 2)
    uv[:, 1] = 1.0 - uv[:, 1]
    mode = np.full(len(triangles), FRONT, np.uint8)
    mode[(kind == K_SOCKET) | (kind == K_ORBIT)] = BOTH
    mode[kind == K_SKIN] = LINED
    mode[kind == K_HIDDEN] = HIDDEN
    lashes = _lash_rows(triangles[material == LASHES], np.asarray(shape.uv)[material == LASHES])
    normals = np.empty_like(rest)
    vertex_normals(rest, triangles, normals)
    opened = bake(rest, normals, triangles, mode, views)
    bare = (harmonics(normals.astype(np.float64)) * COSINE).astype(np.float32)
    landmarks = np.ascontiguousarray(shape.landmarks, np.int32)
    return Mesh(triangles, kind, mode, uv, rest, landmarks, lashes, opened, bare)


def _lash_rows(triangles: Ints, uv: Floats) -> Ints:
    """The grids (strips, 19, 6) of the lash cards, each column from root to tip, by their texture coordinates."""
    vertices, first = np.unique(triangles.reshape(-1), return_index=True)
    place = uv.reshape(-1, 2)[first]
    rows = []
    per = _LASH_ROWS * _LASH_COLUMNS
    for strip in range(len(vertices) // per):
        mine = slice(strip * per, (strip + 1) * per)
        part, names = place[mine], vertices[mine]
        columns = np.argsort(part[:, 0], kind="stable").reshape(_LASH_COLUMNS, _LASH_ROWS)
        rows.append([names[column[np.argsort(-part[column, 1], kind="stable")]] for column in columns])
    return np.array(rows, np.int32).reshape(-1, _LASH_COLUMNS, _LASH_ROWS)


@jit
def _gather(vertices, normals, bases, maps, scales, basis_values, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` (n, 9), over all directions, cosine times harmonics where the direction is open."""
    side = maps.shape[1]
    for n in range(vertices.shape[0]):
        x, y, z = vertices[n, 0], vertices[n, 1], vertices[n, 2]
        for d in range(bases.shape[0]):
            b = bases[d]
            cosine = normals[n, 0] * b[2, 0] + normals[n, 1] * b[2, 1] + normals[n, 2] * b[2, 2]
            if cosine <= 0.0:
                continue
            column = (b[0, 0] * x + b[0, 1] * y + b[0, 2] * z - scales[d, 0]) * scales[d, 2]
            row = (b[1, 0] * x + b[1, 1] * y + b[1, 2] * z - scales[d, 1]) * scales[d, 2]
            height = b[2, 0] * x + b[2, 1] * y + b[2, 2] * z
            c, r = min(max(int(column + 0.5), 0), side - 1), min(max(int(row + 0.5), 0), side - 1)
            # a fading comparison instead of a step hides the map's pixels
            seen = 1.0 - min(max((maps[d, r, c] - height - 0.12) * 4.0, 0.0), 1.0)
            for k in range(9):
                out[n, k] += cosine * seen * basis_values[d, k]


def bake(rest: Floats, normals: Floats, triangles: Ints, mode: Bytes, views: int, side: int = 176) -> Floats:
    """Harmonics (n, 9) of the open sky of each vertex, from depth maps seen from ``views`` directions all around:
    radiance transfer after Sloan et al. (2002), so that an environment's soft shadows cost a scalar product."""
    both = np.where(mode == HIDDEN, HIDDEN, BOTH).astype(np.uint8)
    seen = depth_maps(rest, triangles, both, views, side)
    out = np.zeros((len(rest), 9), np.float32)
    _gather(
        rest, normals, seen.bases, seen.maps, seen.scales, harmonics(seen.directions).astype(np.float32), out
    )  # fmt: skip
    return out * np.float32(4.0 / views)
