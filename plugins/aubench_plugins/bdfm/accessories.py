"""What people wear over the face model: spectacles, caps, a fringe, long hair.

Shells are copies of the skin pushed outwards, so they follow every identity; rigid pieces are built around the base
face and carried along by the similarity that best brings the base skull to the posed one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aubench.drawing.arrays import Floats, Ints

from . import materials as m
from .model import FaceModel

FRINGE_LIFT, HAT_LIFT = 0.075, 0.20
"""How far the shells stand off the skin, in interocular distances."""


@dataclass(frozen=True)
class Piece:
    """Triangles (t, 3) over its own vertices, their texture coordinates (n, 2) and material. A shell follows the
    model's vertices ``follows`` (n,) at a distance ``lift`` (n,); a rigid piece has its base ``places`` (n, 3).
    ``push`` moves a piece back in depth without moving it on the screen; such a piece has one vertex more than it
    follows, their mean."""

    triangles: Ints
    uv: Floats
    material: int
    follows: Ints | None = None
    lift: Floats | None = None
    places: Floats | None = None
    push: float = 0.0


def backings(model: FaceModel) -> list[Piece]:
    """Sheets that close the skin's openings (lids, lips) far enough behind them to show only where nothing else does:
    no gap between lid and eyeball, or lip and gum, shows the background."""
    skin = model.triangles[model.part == m.P_SKIN]
    edges = np.concatenate([skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]])
    _, where, times = np.unique(np.sort(edges, axis=1), axis=0, return_index=True, return_counts=True)
    onwards = {int(a): int(b) for a, b in edges[where[times == 1]]}
    pieces = []
    while onwards:
        start, here = next(iter(onwards.items()))
        loop = [start]
        del onwards[start]
        while here != start and here in onwards:
            loop.append(here)
            here = onwards.pop(here)
        ring = np.array(loop)
        low, high = model.uv[ring].min(axis=0), model.uv[ring].max(axis=0)
        if here != start or (high - low).max() > 0.4:
            continue  # the rim of the whole skin
        count = len(ring)
        n = np.arange(count)
        fan = np.stack([(n + 1) % count, n, np.full(count, count)], axis=1)
        eye = bool((high - low)[0] < 0.12)
        uv = np.full((count + 1, 2), 0.5, np.float32)
        uv[:, 0] += 0.33 if eye else 0.0
        pieces.append(
            Piece(fan, uv, m.P_EYE if eye else m.P_CAVITY, ring, np.zeros(count, np.float32), push=0.35 if eye else 0.8)
        )
    return pieces


def _shell(model: FaceModel, chosen: npt.NDArray[np.bool_], lift: float, material: int) -> Piece:
    kept = model.triangles[chosen]
    vertices, inverse = np.unique(kept, return_inverse=True)
    triangles = inverse.reshape(-1, 3)
    # the rim bends back to the skin: a shell's edge is a hem, not a blade
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    pairs, times = np.unique(edges, axis=0, return_counts=True)
    height = np.full(len(vertices), lift, np.float32)
    height[pairs[times == 1].reshape(-1)] = 0.35 * lift
    return Piece(triangles, model.uv[vertices], material, vertices.astype(np.int64), height)


def _in_chart(model: FaceModel, u: tuple[float, float], v: tuple[float, float]) -> npt.NDArray[np.bool_]:
    corners = model.uv[model.triangles]
    inside = (corners[..., 0] > u[0]) & (corners[..., 0] < u[1]) & (corners[..., 1] > v[0]) & (corners[..., 1] < v[1])
    return np.asarray((model.part == m.P_SKIN) & inside.all(axis=1))


def fringe(model: FaceModel) -> Piece:
    """Hair over the forehead; its lower edge comes from the hair's cut-out texture."""
    return _shell(model, _in_chart(model, (0.24, 0.76), (0.16, 0.44)), FRINGE_LIFT, m.P_HAIR)


def hat(model: FaceModel) -> Piece:
    """A knitted cap down to the middle of the forehead."""
    return _shell(model, _in_chart(model, (-1.0, 2.0), (-1.0, 0.42)), HAT_LIFT, m.P_HAT)


def _grid(places: Floats, uv: Floats, material: int, closed: bool) -> Piece:
    """A sheet through ``places`` (r, c, 3); ``closed`` joins the last column to the first."""
    rows, columns = places.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    if closed:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.concatenate([np.stack([a, d, c], -1).reshape(-1, 3), np.stack([a, c, b], -1).reshape(-1, 3)])
    return Piece(
        triangles, uv.reshape(-1, 2).astype(np.float32), material, places=places.reshape(-1, 3).astype(np.float32)
    )


def long_hair() -> Piece:
    """A curtain from the temples round the back of the neck down to the shoulders."""
    turn = np.linspace(-1.0, 1.0, 41)
    down = np.linspace(0.0, 1.0, 16)[:, None]
    angle = turn[None] * (0.62 * np.pi - 0.10 * np.pi * down)
    wide = (
        1.02
        + 0.42 * np.sin(0.5 * np.pi * np.minimum(1.0, 2.2 * down))
        + 0.06 * down
        + 0.05 * np.sin(9 * np.pi * turn)[None] * down
    )
    x = wide * np.sin(angle)
    z = -0.25 + 1.1 * np.cos(angle) * (1.0 - 0.15 * down)
    y = -0.95 + 3.3 * down + 0.0 * turn[None]
    uv = np.stack([0.5 + 0.45 * turn[None] + 0 * down, 0.12 + 0.85 * down + 0 * turn[None]], axis=-1)
    return _grid(np.stack([x, y, z], axis=-1), uv, m.P_HAIR, closed=False)


def _tube(path: Floats, radius: tuple[float, float], closed: bool) -> Piece:
    """A bar of elliptic section around a path (n, 3)."""
    nxt = np.roll(path, -1, axis=0) if closed else np.concatenate([path[1:], 2 * path[-1:] - path[-2:-1]])
    before = np.roll(path, 1, axis=0) if closed else np.concatenate([2 * path[:1] - path[1:2], path[:-1]])
    along = nxt - before
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    forward = np.array([0.0, 0.0, -1.0]) if abs(along[:, 2]).mean() < 0.7 else np.array([1.0, 0.0, 0.0])
    side = np.cross(along, forward)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    front = np.cross(side, along)
    turns = np.linspace(0, 2 * np.pi, 7)[:-1]
    ring = path[:, None] + radius[0] * np.cos(turns)[None, :, None] * side[:, None]
    ring = ring + radius[1] * np.sin(turns)[None, :, None] * front[:, None]
    if closed:
        ring = np.concatenate([ring, ring[:1]])
    return _grid(ring, np.zeros((*ring.shape[:2], 2)), m.P_FRAME, closed=True)


def glasses(kind: int) -> list[Piece]:
    """Spectacles: 1 round wire, 2 square and thick, 3 dark lenses."""
    half_u, half_v, power, thick = {
        1: (0.34, 0.32, 2.0, 0.020),
        2: (0.39, 0.27, 4.0, 0.036),
        3: (0.42, 0.31, 3.0, 0.030),
    }[kind]
    turns = np.linspace(0, 2 * np.pi, 45)[:-1]
    pieces = []
    for sign in (-1.0, 1.0):
        cos, sin = np.cos(turns), np.sin(turns)
        x = 0.52 + half_u * np.sign(cos) * np.abs(cos) ** (2 / power)
        y = 0.05 + half_v * np.sign(sin) * np.abs(sin) ** (2 / power)
        z = -1.50 + 0.22 * np.maximum(x - 0.35, 0) ** 2
        rim = np.stack([sign * x, y, z], axis=1)
        pieces.append(_tube(rim, (thick, thick), closed=True))
        if kind == 3:
            middle = rim.mean(axis=0)
            sheet = np.stack([middle + (rim - middle) * share for share in (0.02, 0.5, 1.0)])
            pieces.append(_grid(sheet, np.zeros((*sheet.shape[:2], 2)), m.P_FRAME, closed=True))
        hinge = np.array([sign * (0.52 + half_u), -0.04, -1.50 + 0.22 * (0.17 + half_u) ** 2])
        arm = np.stack([hinge, [sign * 1.06, -0.05, -1.1], [sign * 1.17, -0.04, -0.5], [sign * 1.2, 0.02, 0.1]])
        pieces.append(_tube(arm, (thick * 1.3, thick * 0.8), closed=False))
    bridge_x = np.linspace(-(0.52 - half_u), 0.52 - half_u, 7)
    bridge = np.stack(
        [bridge_x, 0.0 * bridge_x - 0.05 - 0.03 * (1 - (bridge_x / 0.18) ** 2), 0 * bridge_x - 1.52], axis=1
    )
    pieces.append(_tube(bridge, (thick, thick), closed=False))
    return pieces


def carry(base: Floats, posed: Floats) -> tuple[Floats, Floats]:
    """The similarity x -> x A + b that best brings ``base`` (n, 3) to ``posed`` (Umeyama 1991)."""
    p, q = base.astype(np.float64), posed.astype(np.float64)
    p0, q0 = p.mean(axis=0), q.mean(axis=0)
    u, s, vt = np.linalg.svd((p - p0).T @ (q - q0))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    turn = (u * sign) @ vt
    scale = float((s * sign).sum() / ((p - p0) ** 2).sum())
    matrix = scale * turn
    return matrix, q0 - p0 @ matrix
