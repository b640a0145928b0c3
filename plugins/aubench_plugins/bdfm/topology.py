"""The triangles of the face skin: rings around eyes and lips, an even, graded mesh between them.

One half (x >= 0) is meshed in the chart and mirrored, so that the face is symmetric to the last bit. The free points
settle under spring forces towards a wanted edge length (after Persson and Strang 2004).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.path import Path
from scipy.spatial import Delaunay

from . import feature_curves

Array = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

EYE_COUNT = 36
EYE_RINGS = (0.0, 0.022, 0.046, 0.074, 0.106, 0.145, 0.19)
"""Distances of the rings from the lid margin."""
LIP_COLUMNS = 17
LIP_ROWS = (0.0, 0.12, 0.30, 0.52, 0.76, 1.0)
"""Rows of the red of the lips, from where the lips meet (0) to its border (1)."""
LIP_SKIN = (0.028, 0.062, 0.105, 0.16)
"""Distances of the rings around the lips from the red's border."""
RIM = (3.45, 2.85, 2.75)
"""Half axes of the meshed part of the chart: sideways, upwards, downwards."""


@dataclass(frozen=True)
class HalfFace:
    """Chart points (n, 2) of the half face and triangles (t, 3). ``eye`` (rings, EYE_COUNT), ``upper`` and ``lower``
    (rows, columns): ids of the rings; row 0 lies at the aperture. ``lip_skin`` (rings, points). ``marks``: ids of
    named points."""

    points: Array
    triangles: Ids
    eye: Ids
    upper: Ids
    lower: Ids
    lip_skin: Ids
    marks: dict[str, Ids]


def _eye_rings() -> list[Array]:
    margin = feature_curves.eye_ring(EYE_COUNT)
    turn = np.linspace(0.0, 2 * np.pi, EYE_COUNT, endpoint=False)
    centre = margin.mean(axis=0)
    rings = []
    for distance in EYE_RINGS:
        share = distance / EYE_RINGS[-1]
        # Outwards from the almond, rounder with distance: the lid folds run like that.
        edge = np.roll(margin, -1, axis=0) - np.roll(margin, 1, axis=0)
        normal = np.stack([edge[:, 1], -edge[:, 0]], axis=1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        for _ in range(2):
            normal = 0.5 * normal + 0.25 * (np.roll(normal, 1, axis=0) + np.roll(normal, -1, axis=0))
        radial = np.stack([-np.cos(turn), -np.sin(turn)], axis=1)
        way = normal * (1 - 0.7 * share) + radial * 0.7 * share
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        rings.append(margin + way * distance + (centre - margin) * np.array([0.0, 0.10]) * share)
    return rings


def _lip_rows() -> tuple[list[Array], list[Array], list[Array]]:
    x = feature_curves.mouth_columns(LIP_COLUMNS)
    line = feature_curves.lip_line(x)
    upper: list[Array] = []
    lower: list[Array] = []
    for row in LIP_ROWS:
        for rows, border, sign in (
            (upper, feature_curves.upper_lip(x), -1.0),
            (lower, feature_curves.lower_lip(x), 1.0),
        ):
            # Keep a sliver of width at the corner, where the rows would fall together.
            y = line + (border - line) * row + sign * row * 0.012 * (x / x[-1]) ** 6
            spread = x + row * 0.016 * (x / x[-1]) ** 4
            rows.append(np.stack([spread, y], axis=1))
    border = np.concatenate([upper[-1], lower[-1][::-1]])
    edge = np.gradient(border, axis=0)
    normal = np.stack([edge[:, 1], -edge[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    for _ in range(6):  # a fan around the corner
        normal[1:-1] = 0.5 * normal[1:-1] + 0.25 * (normal[:-2] + normal[2:])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    normal[0], normal[-1] = (0.0, -1.0), (0.0, 1.0)
    rings = []
    for distance in LIP_SKIN:
        ring = border + normal * distance
        ring[[0, -1], 0] = 0.0
        rings.append(ring)
    return upper, lower, rings


def wanted_length(p: Array) -> Array:
    """Edge length wanted at chart points (n, 2): fine at the features, coarse at the rim."""
    x, y = np.abs(p[:, 0]), p[:, 1]
    nose = np.hypot(np.maximum(x - 0.22, 0.0), np.maximum(np.abs(y - 0.62) - 0.16, 0.0))
    bridge = np.hypot(np.maximum(x - 0.12, 0.0), np.maximum(np.abs(y - 0.2) - 0.3, 0.0))
    eye = np.maximum(np.hypot((x - 0.5) / 1.2, y) - 0.33, 0.0)
    mouth = np.maximum(np.hypot(x / 1.2, y - 1.14) - 0.36, 0.0)
    brow = np.hypot(np.maximum(np.abs(x - 0.45) - 0.45, 0.0), np.maximum(np.abs(y + 0.34) - 0.12, 0.0))
    rim = np.maximum(np.hypot(x, (y - 0.3) * np.where(y > 0.3, 0.58, 0.8)) - 1.0, 0.0)
    near = np.minimum.reduce(
        [0.026 + 0.20 * nose, 0.042 + 0.20 * bridge, 0.046 + 0.16 * eye, 0.046 + 0.16 * mouth, 0.055 + 0.2 * brow]
    )
    return np.minimum(near, np.where(y > 1.2, 0.062, 0.078) + 0.11 * rim)


def _settle(fixed: Array, holes: list[Array], seed: int) -> Array:
    """Free points (n, 2) of the half chart, spread to :func:`wanted_length` around the fixed ones."""
    rng = np.random.default_rng(seed)
    step = 0.030
    xs, ys = np.arange(0.0, RIM[0], step), np.arange(-RIM[1] + 0.3, RIM[2] + 0.3, step * np.sqrt(3) / 2)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1)
    grid[1::2, :, 0] += step / 2
    free = grid.reshape(-1, 2)
    free = free[rng.random(len(free)) < (step / wanted_length(free)) ** 2]

    def rim_ratio(p: Array) -> Array:
        y = p[:, 1] - 0.3
        return np.hypot(p[:, 0] / RIM[0], y / np.where(y < 0, RIM[1], RIM[2]))

    paths = [Path(hole) for hole in holes]

    def keep(p: Array) -> Array:
        good = rim_ratio(p) < 0.985
        for path in paths:
            good &= ~path.contains_points(p)
        return p[good]

    free = keep(free)
    n = len(fixed)
    for turn in range(45):
        points = np.concatenate([fixed, free])
        if turn % 3 == 0:
            triangles = Delaunay(points).simplices
            bars = np.unique(np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
        way = points[bars[:, 0]] - points[bars[:, 1]]
        length = np.linalg.norm(way, axis=1) + 1e-12
        wish = wanted_length(points[bars].mean(axis=1)) * 1.15
        push = np.clip(wish - length, 0.0, None)[:, None] * way / length[:, None]
        force = np.zeros_like(points)
        for axis in range(2):
            force[:, axis] = np.bincount(bars[:, 0], push[:, axis], len(points)) - np.bincount(
                bars[:, 1], push[:, axis], len(points)
            )
        free = free + 0.2 * force[n:]
        free[:, 0] = np.where(free[:, 0] < 0.4 * wanted_length(free), np.abs(free[:, 0]), free[:, 0])
        ratio = rim_ratio(free)
        over = ratio > 0.985
        free[over] = (free[over] - np.array([0, 0.3])) * (0.98 / ratio[over])[:, None] + np.array([0, 0.3])
        if turn in (14, 29):
            free = keep(free)
    free = keep(free)
    gap = np.min(np.linalg.norm(free[:, None] - fixed[None], axis=2), axis=1)
    free = free[gap > 0.45 * wanted_length(free)]
    out: Array = free[free[:, 0] > 0.35 * wanted_length(free)]
    return out


def half_face(seed: int = 1) -> HalfFace:
    """Mesh the half chart x >= 0."""
    eye = _eye_rings()
    upper, lower, skin = _lip_rows()
    blocks: list[Array] = []
    count = 0

    def put(points: Array) -> Ids:
        nonlocal count
        blocks.append(points)
        count += len(points)
        return np.arange(count - len(points), count)

    eye_ids = np.stack([put(ring) for ring in eye])
    upper_ids = np.stack([put(row) for row in upper])
    lower_ids = np.stack([put(row) for row in lower])
    # Both lips share the corner of the line where they meet.
    skin_ids = np.stack([put(ring) for ring in skin])
    marks = {
        "wing": put(np.concatenate(feature_curves.nose_loops())),
        "jaw": put(feature_curves.JAW_LANDMARKS),
        "nose": put(feature_curves.NOSE_LANDMARKS),
        "brow": put(
            np.stack(
                [np.linspace(0.21, 0.86, 5), np.interp(np.linspace(0.21, 0.86, 5), *feature_curves.BROW.T)], axis=1
            )
        ),
    }
    fixed = np.concatenate(blocks)
    # The median: points at the wanted spacing from the crown to the chin, apart from those already there.
    taken = fixed[fixed[:, 0] < 1e-9, 1]
    mouth_top, mouth_bottom = skin[-1][0, 1], skin[-1][-1, 1]
    y, median = 0.3 - RIM[1], []
    while y < 0.3 + RIM[2]:
        length = float(wanted_length(np.array([[0.0, y]]))[0])
        if not (mouth_top - 0.3 * length < y < mouth_bottom + 0.3 * length) and np.abs(taken - y).min() > 0.45 * length:
            median.append((0.0, y))
        y += 0.85 * length
    turn = np.linspace(-np.pi / 2, np.pi / 2, 34)[1:-1]
    rim_y = np.sin(turn)
    rim = np.stack([RIM[0] * np.cos(turn), 0.3 + rim_y * np.where(rim_y < 0, RIM[1], RIM[2])], axis=1)
    marks["median"] = put(np.array(median))
    marks["rim"] = put(rim)
    fixed = np.concatenate(blocks)
    eye_hole = eye[-1]
    mouth_hole = np.concatenate([skin[-1], [(-0.2, skin[-1][-1, 1]), (-0.2, skin[-1][0, 1])]])
    free = _settle(fixed, [eye_hole + (eye_hole - eye_hole.mean(0)) * 0.05, mouth_hole], seed)
    put(free)
    points = np.concatenate(blocks)
    outside = np.setdiff1d(
        np.arange(count),
        np.concatenate([eye_ids[:-1].ravel(), upper_ids.ravel(), lower_ids.ravel(), skin_ids[:-1].ravel()]),
    )
    triangles = outside[Delaunay(points[outside]).simplices]
    centre = points[triangles].mean(axis=1)
    inside = Path(eye_hole).contains_points(centre) | Path(mouth_hole).contains_points(centre)
    edge = points[triangles]
    area = np.cross(
        np.append(edge[:, 1] - edge[:, 0], np.zeros((len(edge), 1)), 1),
        np.append(edge[:, 2] - edge[:, 0], np.zeros((len(edge), 1)), 1),
    )[:, 2]
    triangles = triangles[~inside & (np.abs(area) > 1e-7)]
    strips = [band(eye_ids[k], eye_ids[k + 1], True) for k in range(len(eye_ids) - 1)]
    strips += [band(upper_ids[k], upper_ids[k + 1], False) for k in range(len(upper_ids) - 1)]
    strips += [band(lower_ids[k], lower_ids[k + 1], False) for k in range(len(lower_ids) - 1)]
    border = np.concatenate([upper_ids[-1], lower_ids[-1][::-1]])
    loops = [border, *skin_ids]
    strips += [band(loops[k], loops[k + 1], False) for k in range(len(loops) - 1)]
    # Close the corner between the last columns of the two lips.
    corner_up, corner_low = upper_ids[:, -1], lower_ids[:, -1]
    strips.append(band(corner_up, corner_low, False))
    triangles = np.concatenate([triangles, *strips])
    return HalfFace(points, orient(points, triangles), eye_ids, upper_ids, lower_ids, skin_ids, marks)


def band(inner: Ids, outer: Ids, closed: bool) -> Ids:
    """Triangles between two rows of equally many points."""
    a, b = inner, outer
    c, d = np.roll(b, -1), np.roll(a, -1)
    if not closed:
        a, b, c, d = a[:-1], b[:-1], c[:-1], d[:-1]
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])


def orient(points: Array, triangles: Ids) -> Ids:
    """Turn chart triangles counter-clockwise as seen (y down); drop the flat ones."""
    p = points[triangles]
    e, f = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    area = e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0]
    out = triangles.copy()
    out[area > 0] = out[area > 0][:, [0, 2, 1]]
    return out[np.abs(area) > 1e-12]
