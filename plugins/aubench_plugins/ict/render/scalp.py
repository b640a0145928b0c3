"""Where hair grows from and what it must not sink into: the head as a radius over directions, and roots on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints

from .ids import C_L_EAR, C_R_EAR, K_HEAD, K_SKIN
from .mesh import Mesh

TURNS, RISES = 96, 64


@dataclass(frozen=True, eq=False)
class Scalp:
    """``centre`` (3,) of the head; ``radius`` (RISES, TURNS) of its skin over elevation and azimuth, ``eared`` with the
    ears; ``triangles`` (t, 3) of head and face without ears, with their ``area`` (t,), unit ``normals`` (n, 3)
    and ``inside`` (n,) centimetres inside the hairline; ``rest`` (n, 3)."""

    centre: Floats
    radius: Floats
    eared: Floats
    triangles: Ints
    area: Floats
    normals: Floats
    inside: Floats
    rest: Floats

    def height(self, points: Floats, ears: bool = False) -> tuple[Floats, Floats]:
        """Distance from the centre (n,) of points, and the skin's in the same direction."""
        way = points - self.centre
        far = np.linalg.norm(way, axis=1) + 1e-6
        return far, self.look_up(self.eared if ears else self.radius, way)

    def look_up(self, table: Floats, way: Floats) -> Floats:
        """A table (RISES, TURNS) in the directions (n, 3)."""
        far = np.linalg.norm(way, axis=1) + 1e-6
        turn = (np.arctan2(way[:, 0], way[:, 2]) / (2 * np.pi) + 0.5) * TURNS - 0.5
        rise = (np.arcsin(np.clip(way[:, 1] / far, -1, 1)) / np.pi + 0.5) * RISES - 0.5
        rise = np.clip(rise, 0, RISES - 1.001)
        low, left = rise.astype(np.int64), np.floor(turn).astype(np.int64)
        fy, fx = rise - low, turn - left
        a, b = left % TURNS, (left + 1) % TURNS
        top = table[low, a] * (1 - fx) + table[low, b] * fx
        return np.asarray(top * (1 - fy) + (table[low + 1, a] * (1 - fx) + table[low + 1, b] * fx) * fy)

    def density(self, points: Floats) -> Floats:
        """How many points (n, 3) lie in each direction (RISES, TURNS), per unit of solid angle, smoothed."""
        way = points - self.centre
        far = np.linalg.norm(way, axis=1) + 1e-6
        turn = ((np.arctan2(way[:, 0], way[:, 2]) / (2 * np.pi) + 0.5) * TURNS).astype(np.int64) % TURNS
        rise = np.clip((np.arcsin(np.clip(way[:, 1] / far, -1, 1)) / np.pi + 0.5) * RISES, 0, RISES - 1).astype(
            np.int64
        )
        count = np.bincount(rise * TURNS + turn, minlength=RISES * TURNS).reshape(RISES, TURNS).astype(np.float32)
        level = np.cos(((np.arange(RISES) + 0.5) / RISES - 0.5) * np.pi)[:, None]
        return np.asarray(cv2.GaussianBlur(count, (0, 0), 1.3, borderType=cv2.BORDER_REFLECT) / np.maximum(level, 0.1))

    def roots(self, rng: np.random.Generator, count: int, recede: float) -> tuple[Floats, Ints]:
        """Points (k, 3) on the scalp, at most ``count``, and the vertex (k,) that carries each."""
        chance = self.area * np.clip(self.inside[self.triangles].mean(axis=1) - recede + 0.6, 0.0, 0.6)
        if chance.sum() <= 0.0:
            return np.zeros((0, 3)), np.zeros(0, np.int32)
        which = np.searchsorted(np.cumsum(chance) / chance.sum(), rng.random(count)).clip(0, len(chance) - 1)
        share = rng.dirichlet((1.0, 1.0, 1.0), count)
        corners = self.triangles[which]
        points = (self.rest[corners] * share[..., None]).sum(axis=1)
        depth = (self.inside[corners] * share).sum(axis=1) - recede
        kept = depth > rng.uniform(-0.12, 0.55, count)
        return points[kept], corners[kept, 0]


def scalp_of(mesh: Mesh, normals: Floats, inside: Floats, label: Bytes) -> Scalp:
    """The scalp of a mesh; ``label`` (r, r) parsing classes of the face chart tell where the ears are."""
    side = len(label)
    cells = np.clip((mesh.uv * side).astype(np.int64), 0, side - 1)
    classes = label[cells[:, 1], cells[:, 0]]
    own = (mesh.kind == K_SKIN) | (mesh.kind == K_HEAD)
    triangles = mesh.triangles[own]
    skin = np.zeros(len(mesh.rest), bool)
    skin[mesh.triangles[mesh.kind == K_SKIN]] = True
    ear = skin & ((classes == C_L_EAR) | (classes == C_R_EAR))
    plain = triangles[~ear[triangles].any(axis=1)]
    marks = mesh.rest[mesh.landmarks]
    centre = np.array([0.0, marks[[36, 45], 1].mean() + 0.8, marks[[0, 16], 2].mean() - 3.0])

    def table(faces: Ints) -> Floats:
        corners = mesh.rest[faces].astype(np.float64)
        points = np.concatenate([corners.reshape(-1, 3), corners.mean(axis=1), (corners[:, 0] + corners[:, 1]) / 2])
        way = points - centre
        far = np.linalg.norm(way, axis=1)
        turn = ((np.arctan2(way[:, 0], way[:, 2]) / (2 * np.pi) + 0.5) * TURNS).astype(np.int64) % TURNS
        rise = np.clip((np.arcsin(way[:, 1] / far) / np.pi + 0.5) * RISES, 0, RISES - 1).astype(np.int64)
        out = np.zeros((RISES, TURNS))
        np.maximum.at(out, (rise, turn), far)
        for _ in range(60):  # fill what no vertex fell into from its neighbours
            if (out > 0).all():
                break
            grown = cv2.dilate(np.concatenate([out[:, -1:], out, out[:, :1]], axis=1), np.ones((3, 3)))[:, 1:-1]
            out = np.where(out > 0, out, grown)
        return np.asarray(cv2.GaussianBlur(out, (0, 0), 0.7, borderType=cv2.BORDER_REPLICATE))

    edges = mesh.rest[plain]
    area = 0.5 * np.linalg.norm(np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0]), axis=1)
    return Scalp(centre, table(plain), table(triangles), plain, area, normals, inside, mesh.rest)
