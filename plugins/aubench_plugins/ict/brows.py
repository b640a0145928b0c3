"""The 36 brow styles: six shapes, three thicknesses, two densities, as lines on the face chart.

Style = 6 * (2 * thickness + density) + shape, so style 0 is the base face's: soft arch, medium, dense. The chart moves
with the skin, so brows follow every expression. What is painted along the lines is the drawing's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aubench.parameters import BROW_SIZE

from .arrays import Floats, Ints
from .regions import mirrored
from .topology import PART, Topology

KNOTS = 24
SHAPES = ("soft arch", "straight", "high arch", "round", "rising", "drooping")
THICKNESS = (("medium", 1.0), ("thin", 0.55), ("thick", 1.5))
DENSITY = (("dense", 1.0), ("sparse", 0.42))
DROP = 0.30
"""The landmarks lie on a brow's upper edge: its centre line runs so many centimetres below."""
HALF_WIDTH = ((0.0, 0.36), (0.12, 0.42), (0.35, 0.40), (0.62, 0.32), (0.85, 0.19), (1.0, 0.05))
"""Half the height of a medium brow in centimetres, from the nose (0) outwards (1)."""
_LENGTHEN = (0.10, 0.06)
"""How far a brow goes on beyond its first and last landmark, as shares of its length."""


@dataclass(frozen=True, eq=False)
class Brows:
    """A pair of brows, the one on the picture's left (the person's right) first.

    ``chart`` (2, KNOTS, 2): centre line on the face chart, from the nose outwards; ``across`` (2, KNOTS, 2): from the
    centre line to the upper edge on the chart (its opposite leads to the lower edge); ``triangle`` (2, KNOTS) and
    ``weights`` (2, KNOTS, 3): where the centre line lies on the mesh; ``height`` (2, KNOTS): half its height in
    centimetres; ``density`` (2, KNOTS): share of the skin that hair covers, 0..1. ``style``: the one with the greatest
    weight, for whatever cannot be mixed (seeds)."""

    chart: Floats
    across: Floats
    triangle: Ints
    weights: Floats
    height: Floats
    density: Floats
    style: int

    def points(self, vertices: Floats, triangles: Ints) -> Floats:
        """The centre lines (2, KNOTS, 3) on a deformed head."""
        out: Floats = (vertices[triangles[self.triangle]] * self.weights[..., None]).sum(axis=2)
        return out


def bend(shape: int, s: Floats) -> Floats:
    """How far, in centimetres, a shape lifts the centre line at ``s`` from the nose (0) outwards (1)."""
    if shape == 0:
        return 0.10 * np.exp(-(((s - 0.62) / 0.26) ** 2))
    if shape == 1:
        return 0.06 - 0.30 * np.exp(-(((s - 0.60) / 0.28) ** 2))
    if shape == 2:
        return 0.52 * np.exp(-(((s - 0.68) / 0.17) ** 2)) - 0.12 * (1 - s)
    if shape == 3:
        return 0.42 * np.sin(np.pi * s) - 0.20
    if shape == 4:
        return 0.72 * s - 0.36
    return 0.34 - 0.72 * s


@dataclass(frozen=True, eq=False)
class BrowStyles:
    """The same arrays for all styles, along a first axis of 36."""

    chart: Floats
    across: Floats
    height: Floats
    density: Floats
    locate: ChartLocator

    def mixed(self, weights: Floats) -> Brows:
        """The brows of style weights (36,): one-hot, or a mixture of lines."""
        w = np.clip(weights, 0.0, None)
        w = w / w.sum() if w.sum() > 0 else np.eye(BROW_SIZE)[0]
        style = int(w.argmax())
        chart, across, height, density = (
            np.tensordot(w, part, 1).astype(np.float32)
            for part in (self.chart, self.across, self.height, self.density)
        )
        triangle, place = self.locate.find(chart.reshape(-1, 2))
        return Brows(
            chart, across, triangle.reshape(2, KNOTS), place.reshape(2, KNOTS, 3), height, density, style
        )


def brow_styles(neutral: Floats, topology: Topology) -> BrowStyles:
    """All styles on the neutral head."""
    chart = topology.chart.astype(np.float64)
    marks = topology.landmarks
    axis = float(chart[marks[[27, 28, 29, 30]], 0].mean())
    path, place = neutral[marks[22:27]].astype(np.float64), chart[marks[22:27]]
    # centimetres along the skin to chart units, from the distances between landmarks
    unit = float(np.linalg.norm(np.diff(place, axis=0), axis=1).sum() / np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    step = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(place, axis=0), axis=1))])
    curve = [np.polynomial.Polynomial.fit(step, place[:, k], 3) for k in range(2)]
    reach = np.linspace(-_LENGTHEN[0] * step[-1], (1 + _LENGTHEN[1]) * step[-1], KNOTS)
    line = np.stack([c(reach) for c in curve], axis=1)
    ahead = np.gradient(line, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    up = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    s = np.linspace(0.0, 1.0, KNOTS)
    high = np.interp(s, *np.array(HALF_WIDTH).T)
    rows: list[tuple[Floats, Floats, Floats, Floats]] = []
    for style in range(BROW_SIZE):
        group, shape = divmod(style, len(SHAPES))
        thickness, density = divmod(group, len(DENSITY))
        right = line + up * (unit * (bend(shape, s) - DROP))[:, None]
        height = high * THICKNESS[thickness][1]
        across = up * (unit * height)[:, None]
        cover = np.full(KNOTS, DENSITY[density][1]) * np.interp(s, [0.0, 0.12, 0.85, 1.0], [0.55, 1.0, 1.0, 0.7])
        rows.append(
            (
                np.stack([mirrored(right, axis), right]), np.stack([across * (-1, 1), across]),
                np.stack([height, height]), np.stack([cover, cover]),
            )
        )  # fmt: skip
    return BrowStyles(*(np.stack(part) for part in zip(*rows, strict=True)), ChartLocator(topology))  # type: ignore[arg-type]


class ChartLocator:
    """Finds the triangle of the face that covers a place of the chart."""

    def __init__(self, topology: Topology) -> None:
        face = topology.parts[topology.triangles[:, 0]] == PART["face"]
        self.ids = np.flatnonzero(face & ~np.isnan(topology.chart[topology.triangles]).any(axis=(1, 2)))
        corners = topology.chart[topology.triangles[self.ids]].astype(np.float64)
        self.origin, self.middle = corners[:, 0], corners.mean(axis=1)
        edges = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            determinant = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
            self.inverse = np.stack(
                [
                    np.stack([edges[:, 1, 1], -edges[:, 0, 1]], axis=1),
                    np.stack([-edges[:, 1, 0], edges[:, 0, 0]], axis=1),
                ],
                axis=1,
            ) / determinant[:, None, None]  # fmt: skip
        from scipy.spatial import cKDTree

        self.tree = cKDTree(self.middle)

    def find(self, places: Floats) -> tuple[Ints, Floats]:
        """Triangle ids (k,) and barycentric weights (k, 3) of ``places`` (k, 2)."""
        _, near = self.tree.query(places, k=12)
        rest = places[:, None] - self.origin[near]
        two = np.einsum("knij,knj->kni", self.inverse[near], rest)
        all_three = np.concatenate([1 - two.sum(axis=2, keepdims=True), two], axis=2)
        best = np.nan_to_num(all_three.min(axis=2), nan=-np.inf).argmax(axis=1)
        rows = np.arange(len(places))
        weights = np.clip(all_three[rows, best], 0.0, 1.0)
        weights /= weights.sum(axis=1, keepdims=True)
        return self.ids[near[rows, best]], weights.astype(np.float32)
