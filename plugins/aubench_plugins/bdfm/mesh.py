"""The pieces of the base face: skin from the half mesh, with rolled lips and lid margins.

Every vertex keeps a *seat*: the chart point and the sides of lids and lips that the bone weights are computed from. So
lashes, hair and the lining of the mouth move with the skin they grow on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from . import feature_curves, sculpt, topology
from .constants import CHART_SCALE, CHART_SHIFT

Array = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]


@dataclass
class Piece:
    """Part of the face. ``vertices`` (n, 3) in the working space of :mod:`.sculpt`; ``seat`` (n, 2) chart points;
    ``lip`` and ``lid`` (n,): -1 for what belongs to the upper one, +1 for the lower one, 0 for what the seat alone
    decides."""

    part: str
    vertices: Array
    triangles: Ids
    uv: Array
    seat: Array
    lip: Array
    lid: Array
    eye_side: int = 0
    ids: dict[str, Ids] = field(default_factory=dict)
    held: dict[tuple[str, bool], Array] = field(default_factory=dict)
    """Bone weights, once computed."""

    @classmethod
    def make(
        cls, part: str, vertices: Array, triangles: Ids, uv: Array, seat: Array | None = None, **more: object
    ) -> Piece:
        zero = np.zeros(len(vertices))
        where = vertices[:, :2].copy() if seat is None else seat
        return cls(part, vertices, triangles, uv, where, zero, zero.copy(), **more)  # type: ignore[arg-type]


UPPER_PROFILE = (-0.030, 0.012, 0.040, 0.052, 0.044, 0.022)
LOWER_PROFILE = (-0.030, 0.020, 0.062, 0.082, 0.070, 0.026)
UPPER_SKIN, LOWER_SKIN = (0.006, 0.0, 0.0, 0.0), (-0.004, -0.014, -0.014, -0.006)


def lip_height(half: topology.HalfFace) -> Array:
    """Outward displacement (n,) of the lips and the skin around them."""
    height = np.zeros(len(half.points))

    def strength(ids: Ids) -> Array:
        x = half.points[ids, 0] / (feature_curves.MOUTH_HALF_WIDTH + 0.02)
        out: Array = np.power(np.clip(1 - x * x, 0.0, 1.0), 0.6)
        return out

    for rows, profile in ((half.upper, UPPER_PROFILE), (half.lower, LOWER_PROFILE)):
        for row, h in zip(rows, profile, strict=True):
            a = strength(row)
            height[row] = h * a - 0.022 * (1 - a) ** 2
    columns = half.upper.shape[1]
    for ring, up, low in zip(half.lip_skin, UPPER_SKIN, LOWER_SKIN, strict=True):
        height[ring[:columns]] = up * strength(ring[:columns])
        height[ring[columns:]] = low * strength(ring[columns:])
    return height


LID_PROFILE = (0.0, 0.003, -0.004, -0.034, 0.022, 0.024, 0.010)
"""Outward displacement of the rings over the upper lid: the crease, and the fold of skin that hangs over it."""


def lid_height(half: topology.HalfFace) -> Array:
    """Outward displacement (n,) of the upper lid's crease and fold."""
    height = np.zeros(len(half.points))
    middle = topology.EYE_COUNT // 2
    u = np.linspace(0.0, 1.0, middle + 1)[1:-1]
    along = np.power(np.clip(4 * u * (1 - u), 0.0, 1.0), 0.5) * (0.8 + 0.3 * u)
    for ring, h in zip(half.eye, LID_PROFILE, strict=True):
        height[ring[1:middle]] = h * along
    return height


def relief(points: Array) -> Array:
    """Outward displacement (n,) of small forms at chart points (n, 2), x >= 0: philtrum, folds, creases."""
    x, y = points[:, 0], points[:, 1]

    def bump(cx: float, cy: float, rx: float, ry: float) -> Array:
        return np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2)

    h = -0.020 * bump(0.0, 0.90, 0.045, 0.085) + 0.012 * bump(0.085, 0.92, 0.04, 0.09)
    h -= 0.030 * bump(0.0, 1.425, 0.26, 0.055)
    h -= 0.012 * bump(0.46, 1.16, 0.05, 0.09)
    # The nasolabial fold, just visible at rest: a shallow furrow with the cheek standing over it.
    t = np.clip((y - 0.66) / 0.40, 0.0, 1.0)
    across = x - (0.315 + 0.20 * t)
    run = np.exp(-(((y - 0.84) / 0.16) ** 2))
    h += run * (-0.010 * np.exp(-((across / 0.035) ** 2)) + 0.012 * np.exp(-(((across - 0.08) / 0.06) ** 2)))
    return h


def relax(half: topology.HalfFace, vertices: Array) -> Array:
    """Even out the steep underside of the nose, where rays graze the surface: a few umbrella steps, strongest there."""
    x, y = half.points[:, 0], half.points[:, 1]
    share = np.exp(-((np.maximum(x - 0.20, 0.0) / 0.08) ** 2) - ((y - 0.72) / 0.085) ** 2)
    share = np.maximum(
        share, np.clip((np.maximum(x - 0.78, y - 1.52)) / 0.15, 0.0, 1.0)
    )  # and the blends of the side of the face
    bars = np.unique(np.sort(half.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    bars = np.concatenate([bars, bars[:, ::-1]])
    degree = np.bincount(bars[:, 0], minlength=len(vertices))[:, None]
    out = vertices.copy()
    median = x < 1e-9
    for step in (0.55, 0.55, -0.35, 0.55, -0.35, 0.55):
        mean = np.stack([np.bincount(bars[:, 0], out[bars[:, 1], k], len(out)) for k in range(3)], axis=1) / np.maximum(
            degree, 1
        )
        move = (share * step)[:, None] * (mean - out)
        move[median, 0] = 0.0
        out += move
    return out


def skin(half: topology.HalfFace) -> Piece:
    """The face skin: both halves, rolled lids and lips.

    ``ids``: ``eye_r`` and ``eye_l`` (rings from the inside outwards, EYE_COUNT), ``upper`` and ``lower`` (lip rows
    from the inside outwards, columns from the picture's left to right), ``skin_upper`` and ``skin_lower`` (rings
    around the lips), and the named points."""
    base = sculpt.lift(half.points)
    _, direction = sculpt.rays(half.points)
    base += direction * (lip_height(half) + lid_height(half) + relief(half.points))[:, None]
    base = relax(half, base)
    points, vertices, triangles = [half.points], [base], [half.triangles]
    lip, lid = np.zeros(len(base)), np.zeros(len(base))
    lip[half.upper], lip[half.lower] = -1.0, 1.0
    middle = topology.EYE_COUNT // 2
    lid[half.eye[:, 1:middle]], lid[half.eye[:, middle + 1 :]] = -1.0, 1.0
    lips, lids = [lip], [lid]
    count = len(base)

    painted = [half.points]

    def add(places: Array, seats: Array, paint: Array, lip_side: float, lid_sides: Array) -> Ids:
        nonlocal count
        points.append(seats)
        painted.append(paint)
        vertices.append(places)
        lips.append(np.full(len(places), lip_side))
        lids.append(lid_sides)
        count += len(places)
        return np.arange(count - len(places), count)

    # The edge of the lids rolls in to the eyeball: wet margin, and the pink corners.
    centre = np.array(sculpt.EYE_CENTRE)
    way = base[half.eye[0]] - centre
    reach = np.linalg.norm(way[:, :2], axis=1, keepdims=True)
    widest = np.where(way[:, :1] < 0, 0.168, 0.190)  # the pink corner towards the nose is the larger
    way[:, :2] *= np.minimum(1.0, widest / np.maximum(reach, 1e-9))
    front = (sculpt.EYE_RADIUS + 0.003) ** 2 - (way[:, :2] ** 2).sum(axis=1)
    way[:, 2] = np.where(reach[:, 0] > widest[:, 0], -np.sqrt(np.maximum(front, 0.0)), way[:, 2])
    wet = centre + way / np.linalg.norm(way, axis=1, keepdims=True) * (sculpt.EYE_RADIUS + 0.002)
    wet_ids = add(wet, half.points[half.eye[0]], wet[:, :2], 0.0, lid[half.eye[0]])
    eye_rings = np.concatenate([wet_ids[None], half.eye])
    inward = [topology.band(wet_ids, half.eye[0], True)]
    # The lips roll in over the teeth.
    rows = {"upper": list(half.upper), "lower": list(half.lower)}
    for name, sign in (("upper", -1.0), ("lower", 1.0)):
        contact = getattr(half, name)[0]
        last = contact
        for depth, spread in ((0.055, 0.004), (0.10, 0.04), (0.12, 0.11)):
            moved = base[contact] + np.array([0.0, sign * spread, depth])
            # Painted like the red of its own lip, a little beyond the line.
            paint = half.points[contact] + np.array([0.0, sign * (0.006 + 0.25 * depth)])
            row_ids = add(moved, half.points[contact], paint, sign, np.zeros(len(contact)))
            band = topology.band(last, row_ids, False)
            inward.append(band[:, [0, 2, 1]] if sign < 0 else band)
            rows[name].insert(0, row_ids)
            last = row_ids
    seats, places, paints = np.concatenate(points), np.concatenate(vertices), np.concatenate(painted)
    inner = np.concatenate(inward)
    flat = np.concatenate([*triangles, inner])
    lip, lid = np.concatenate(lips), np.concatenate(lids)
    twin = np.full(count, -1)
    median = np.abs(seats[:, 0]) < 1e-9
    twin[median] = np.flatnonzero(median)
    twin[~median] = count + np.arange((~median).sum())
    flip = np.array([-1.0, 1.0])
    places[median, 0] = 0.0
    all_places = np.concatenate([places, places[~median] * np.array([-1.0, 1.0, 1.0])])
    all_seats = np.concatenate([seats, seats[~median] * flip])
    all_paints = np.concatenate([paints, paints[~median] * flip])
    all_lip, all_lid = np.concatenate([lip, lip[~median]]), np.concatenate([lid, lid[~median]])
    both = np.concatenate([flat, twin[flat][:, [0, 2, 1]]])
    ids: dict[str, Ids] = {"eye_l": eye_rings, "eye_r": twin[eye_rings]}
    for name, row_list in rows.items():
        stack = np.stack(row_list)
        ids[name] = np.concatenate([twin[stack][:, :0:-1], stack], axis=1)
    columns = half.upper.shape[1]
    up, low = half.lip_skin[:, :columns], half.lip_skin[:, columns:][:, ::-1]
    ids["skin_upper"] = np.concatenate([twin[up][:, :0:-1], up], axis=1)
    ids["skin_lower"] = np.concatenate([twin[low][:, :0:-1], low], axis=1)
    for name, mark in half.marks.items():
        ids[f"{name}_l"], ids[f"{name}_r"] = mark, twin[mark]
    return Piece("skin", all_places, both, chart_uv(all_paints), all_seats, all_lip, all_lid, 0, ids)


CHART_TRUE = 1.9
"""The chart is to scale up to this distance from its middle, in each axis."""


def chart_uv(points: Array) -> Array:
    """Texture coordinates of chart points: to scale on the face, squeezed into the square behind the ears."""
    far = np.abs(points) - CHART_TRUE
    squeezed = np.sign(points) * (CHART_TRUE + 0.4 * (1 - np.exp(-far / 0.4)))
    out: Array = 0.5 + np.where(far > 0, squeezed, points) * CHART_SCALE + np.array(CHART_SHIFT)
    return out


def grid(rows: int, columns: int) -> Ids:
    """Triangles (t, 3) of a grid whose columns run to the picture's right and rows downwards, facing the camera."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, 1:].ravel(), index[1:, :-1].ravel()
    return np.concatenate([np.stack([a, c, b], axis=1), np.stack([a, d, c], axis=1)])


def dome(rings: int, around: int, reach: float) -> tuple[Array, Array, Ids]:
    """Unit directions (n, 3) about the axis -z out to the angle ``reach``, azimuthal uv, triangles facing outwards."""
    angle = np.repeat(np.linspace(0.0, reach, rings + 1)[1:], around)
    turn = np.tile(np.linspace(0, 2 * np.pi, around, endpoint=False), rings)
    way = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    sphere = np.concatenate([way * np.sin(angle)[:, None], -np.cos(angle)[:, None]], axis=1)
    uv = 0.5 + 0.5 * (angle / reach)[:, None] * way
    first = 1 + np.arange(around)
    triangles = [np.stack([np.zeros(around, dtype=np.int64), np.roll(first, -1), first], axis=1)]
    for ring in range(rings - 1):
        a, b = first + ring * around, first + (ring + 1) * around
        triangles.append(np.stack([a, np.roll(a, -1), np.roll(b, -1)], axis=1))
        triangles.append(np.stack([a, np.roll(b, -1), b], axis=1))
    return (
        np.concatenate([[[0.0, 0.0, -1.0]], sphere]),
        np.concatenate([[[0.5, 0.5]], uv]),
        np.concatenate(triangles).astype(np.int64),
    )
