"""Lips that meet: movements that leave them closed, a neutral face without a slit, and no lip through the other.

The lips are seen along ``STATIONS`` from corner to corner. At each of them the contact line of the upper and of the
lower lip is a place on the mesh, and every vertex near the mouth knows its station, its lip, and how far it goes along
when that lip is moved there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.sparse import csr_matrix
from scipy.spatial import Delaunay, cKDTree

from aubench.drawing.arrays import Floats, Ints

from .regions import lip_lines
from .topology import PART, Topology

STATIONS = 25
REACH = 2.4
"""Centimetres from the contact line within which a lip's skin goes along with it."""
KISS = -0.03
"""Gap, in centimetres, of closed lips: they press upon each other, so that nothing shows between them."""
_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Lips:
    """``upper``, ``lower``: matrices (STATIONS, n) that read the contact lines off vertices; ``ids`` (k,) vertices near
    the mouth; ``share`` (k, STATIONS): how far each goes along with its lip at each station, positive for the upper
    lip's, negative for the lower lip's."""

    upper: csr_matrix
    lower: csr_matrix
    ids: Ints
    share: Floats

    def gap(self, vertices: Floats) -> Floats:
        """Upper minus lower contact line (STATIONS, 3), of positions or of displacements (n, 3)."""
        out: Floats = self.upper @ vertices - self.lower @ vertices
        return out

    def bring(self, vertices: Floats, change: Floats) -> None:
        """Add ``change`` (STATIONS, 3) to the gap, in place, each lip making half of the way."""
        vertices[self.ids] += (self.share @ (0.5 * change)).astype(vertices.dtype)

    def seal(self, delta: Floats, share: float = 1.0) -> Floats:
        """The displacements (n, 3) with ``share`` of their parting of the lips taken out."""
        out = delta.copy()
        if share:
            wanted = (1 - share) * self.gap(delta)
            for _ in range(_ROUNDS):
                self.bring(out, wanted - self.gap(out))
        return out

    def shut(self, vertices: Floats) -> None:
        """Close the lips of a head, in place: up, down, and halfway forward or back."""
        start = self.gap(vertices)
        wanted = start * (1.0, 0.0, 0.5) + (0.0, KISS, 0.0)
        for _ in range(_ROUNDS):
            self.bring(vertices, wanted - self.gap(vertices))

    def part(self, vertices: Floats) -> None:
        """Push lips apart, in place, where one is inside the other."""
        gap = self.gap(vertices)[:, 1]
        if gap.min() < KISS:
            change = np.zeros((STATIONS, 3), np.float32)
            change[:, 1] = np.maximum(KISS - gap, 0.0)
            self.bring(vertices, change)


def lips_of(neutral: Floats, topology: Topology) -> Lips:
    """Find the lips of the neutral head."""
    chart = topology.chart.astype(np.float64)
    lines = lip_lines(chart[topology.landmarks])
    face = np.flatnonzero(topology.parts == PART["face"])
    left, right = (float(np.mean([lines[f"inner_{n}"][k, 0] for n in ("upper", "lower")])) for k in (0, -1))
    middle = 0.5 * (left + right)
    # even steps of u between the corners; the outermost stations lie just inside them
    u = middle + (right - left) * 0.5 * np.linspace(-0.97, 0.97, STATIONS)
    at = {name: np.stack([u, _height(lines[f"inner_{name}"], u)], axis=1) for name in ("upper", "lower")}
    readers = {name: _reader(chart, face, at[name], len(neutral)) for name in at}
    contact = {name: readers[name] @ neutral for name in at}
    near = np.flatnonzero(np.isin(topology.parts, [PART["face"], PART["mouth_socket"]]))
    axis = 0.5 * (contact["upper"] + contact["lower"])
    near = near[cKDTree(axis).query(neutral[near])[0] < REACH]
    share = np.zeros((len(near), STATIONS))
    level = np.interp(np.nan_to_num(chart[near, 0], nan=middle), u, 0.5 * (at["upper"][:, 1] + at["lower"][:, 1]))
    is_face = topology.parts[near] == PART["face"]
    height = np.interp(neutral[near, 0], axis[:, 0], axis[:, 1])
    for sign, name in ((1.0, "upper"), (-1.0, "lower")):
        mine = np.where(is_face, sign * (chart[near, 1] - level) > 0, sign * (neutral[near, 1] - height) > 0)
        line = contact[name]
        # skin moves with the station before it, less so with its distance from the contact line; what lies inside
        # the mouth, seen from that line, goes along for longer
        fall = _fall(neutral[near], line)
        column = _stations(neutral[near, 0], line[:, 0])
        share[mine] = sign * (fall[:, None] * column)[mine]
    # beyond the corners nothing parts
    return Lips(readers["upper"], readers["lower"], near, share.astype(np.float32))


def _height(line: Floats, u: Floats) -> Floats:
    keep = np.concatenate([[True], np.diff(np.maximum.accumulate(line[:, 0])) > 1e-9])
    out: Floats = PchipInterpolator(line[keep, 0], line[keep, 1])(u)
    return out


def _reader(chart: Floats, face: Ints, places: Floats, count: int) -> csr_matrix:
    """The matrix (k, count) that interpolates at ``places`` (k, 2) of the chart among the face's vertices."""
    near = face[np.linalg.norm(chart[face] - places.mean(axis=0), axis=1) < 0.25]
    mesh = Delaunay(chart[near])
    found = mesh.find_simplex(places)
    transform = mesh.transform[found]
    first = np.einsum("kij,kj->ki", transform[:, :2], places - transform[:, 2])
    weights = np.concatenate([first, 1 - first.sum(axis=1, keepdims=True)], axis=1)
    rows = np.repeat(np.arange(len(places)), 3)
    columns = near[mesh.simplices[found]].ravel()
    return csr_matrix((weights.ravel().astype(np.float32), (rows, columns)), shape=(len(places), count))


def _stations(x: Floats, at: Floats) -> Floats:
    """Linear interpolation (k, STATIONS) of x (k,) between the stations' ``at`` (STATIONS,); their ends go on."""
    place = np.interp(x, at, np.arange(len(at), dtype=np.float64))
    low = np.minimum(place.astype(np.int64), len(at) - 2)
    out = np.zeros((len(x), len(at)))
    rows = np.arange(len(x))
    out[rows, low] = 1 - (place - low)
    out[rows, low + 1] = place - low
    return out


def _fall(points: Floats, line: Floats) -> Floats:
    distance = cKDTree(line).query(points)[0]
    t = np.clip(distance / REACH, 0.0, 1.0)
    out: Floats = np.where(distance < 0.15, 1.0, (1 - np.clip((t - 0.0625) / 0.9375, 0, 1) ** 2) ** 2)
    return out
