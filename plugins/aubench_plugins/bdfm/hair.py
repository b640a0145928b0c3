"""A shell of hair over the scalp, sharing the face chart; painters cut hairline and style out of it."""

from __future__ import annotations

import numpy as np

from . import feature_curves
from .mesh import Piece


def scalp_depth(points: np.ndarray) -> np.ndarray:
    """How far (n,) chart points lie inside the hair, in chart units; negative on the face."""
    line = np.concatenate(
        [feature_curves.HAIRLINE, [(1.60, 0.56), (1.80, 0.46), (3.9, 0.60), (3.9, -3.0), (-0.5, -3.0), (-0.5, -1.06)]]
    )
    x, y = np.abs(points[:, 0]), points[:, 1]
    p = np.stack([x, y], axis=1)
    edge = feature_curves.HAIRLINE
    a, b = edge[:-1], edge[1:]
    way = b - a
    t = np.clip(((p[:, None] - a) * way).sum(-1) / (way * way).sum(-1), 0, 1)
    distance = np.linalg.norm(p[:, None] - a - t[..., None] * way, axis=-1).min(axis=1)
    from matplotlib.path import Path

    out: np.ndarray = np.where(Path(line).contains_points(p), distance, -distance)
    return out


def hair(face: Piece) -> Piece:
    """The shell: the scalp's triangles, lifted along their normals, thicker away from the hairline."""
    depth = scalp_depth(face.seat)
    inside = (depth[face.triangles] > -0.10).all(axis=1)
    triangles = face.triangles[inside]
    used, index = np.unique(triangles, return_inverse=True)
    corner = face.vertices[face.triangles]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normals = np.zeros_like(face.vertices)
    for k in range(3):
        np.add.at(normals, face.triangles[:, k], normal)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    d = depth[used]
    rise = 0.012 + 0.15 * (1 - np.exp(-np.clip(d + 0.02, 0.0, None) / 0.22)) - 0.05 * np.clip(-d / 0.08, 0.0, 1.0)
    return Piece(
        "hair", face.vertices[used] + normals[used] * rise[:, None], index.reshape(triangles.shape), face.uv[used],
        face.seat[used], face.lip[used], face.lid[used],
    )  # fmt: skip
