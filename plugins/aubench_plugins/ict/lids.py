"""Lids that close without a gap, do not cross, and lie on the eyeball; eyeballs that turn.

Each lid's margin is the mesh line through its landmarks, read off at ``STATIONS`` places. Every vertex near the eye
knows the stations it follows, and how far. Closing is then exact for every identity: whatever the linear shapes leave
between the margins is taken out, and skin that would be inside the eyeball is lifted off it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from aubench.drawing.arrays import Floats, Ints

from .topology import PART, Topology

STATIONS = 17
REACH = 1.5
"""Centimetres from the margin within which the lids' skin goes along."""
CLEARANCE, SLACK = 0.035, 0.05
"""Least distance of skin from the eyeball, and how much farther off than on the neutral face a margin may stand."""
OVERLAP = 0.02
"""Closed lids overlap by this much, so that nothing shines through. All in centimetres."""
UPPER_PART = 0.8
"""How much of what is left to close the upper lid does."""
_BINS, _ROUNDS = 64, 3


@dataclass(frozen=True, eq=False)
class Eye:
    """``ball`` (k,) vertices of the eyeball; ``centre_weights`` (k,): their mean with these weights is its centre,
    however it is moved; ``profile`` (bins,): distance of its surface from the centre by the cosine to the optical axis,
    from -1 to 1; ``ids`` (m,) vertices near the eye; ``upper``, ``lower`` (STATIONS, m) read the margins off them;
    ``up``, ``down`` (m, STATIONS): how far each goes along with either margin; ``skin`` (m,): 1 where the eyeball must
    not show through; ``most`` (m,): greatest distance from the centre; ``blink`` (STATIONS,): what the blink shape
    takes from the opening; ``bow`` (STATIONS,): 0 at the corners, 1 between."""

    ball: Ints
    centre_weights: Floats
    profile: Floats
    ids: Ints
    upper: Floats
    lower: Floats
    up: Floats
    down: Floats
    skin: Floats
    most: Floats
    blink: Floats
    bow: Floats

    def centre(self, vertices: Floats) -> Floats:
        """Centre (3,) of the eyeball."""
        out: Floats = self.centre_weights @ vertices[self.ball]
        return out

    def opening(self, vertices: Floats) -> Floats:
        """Height (STATIONS,) of the upper margin over the lower one."""
        near = vertices[self.ids, 1]
        out: Floats = self.upper @ near - self.lower @ near
        return out

    def turn(self, vertices: Floats, rotation: Floats, centre: Floats) -> None:
        """Turn the eyeball in place."""
        vertices[self.ball] = (vertices[self.ball] - centre) @ rotation.T + centre

    def close(self, vertices: Floats, share: float, rest: Floats, centre: Floats, axis: Floats) -> None:
        """Close ``share`` of the opening, in place; ``vertices`` hold the blink shape in that share already.

        ``rest`` (STATIONS,): the opening without expression. What narrows it otherwise does so less and less, as
        muscles that pull on the same lids do: half the opening is halved again by the next as much. ``axis``: where
        the eye looks, a unit vector."""
        now = self.opening(vertices)
        rest = np.maximum(rest, 0.04 * self.bow)
        left = (now - share * self.blink) / np.maximum(rest, 1e-6)
        wide = rest * np.where(left < 0.5, 0.5 * np.exp(np.minimum(2 * left - 1, 0.0)), left)
        wanted = (1 - share) * wide - share * OVERLAP * self.bow
        near = vertices[self.ids]
        for _ in range(_ROUNDS):
            change = wanted - (self.upper @ near[:, 1] - self.lower @ near[:, 1])
            near[:, 1] += self.up @ (UPPER_PART * change) - self.down @ ((1 - UPPER_PART) * change)
            near = self._laid(near, centre, axis)
        vertices[self.ids] = near

    def _laid(self, near: Floats, centre: Floats, axis: Floats) -> Floats:
        """Skin near the eye (m, 3) laid on the eyeball: neither inside it nor standing off at the margins."""
        arm = near - centre
        distance = np.linalg.norm(arm, axis=1)
        place = (np.clip(arm @ axis / distance, -1.0, 1.0) + 1.0) * (0.5 * (_BINS - 1))
        low = np.minimum(place.astype(np.int64), _BINS - 2)
        t = place - low
        surface = self.profile[low] * (1 - t) + self.profile[low + 1] * t
        wanted = np.maximum(np.minimum(distance, self.most), self.skin * (surface + CLEARANCE))
        out: Floats = (centre + arm * (wanted / distance)[:, None]).astype(near.dtype)
        return out


def eye_of(neutral: Floats, topology: Topology, blink: Floats, left: bool) -> Eye:
    """Find the eye of the person's left or right in the neutral head; ``blink`` (n, 3) is its blink shape."""
    points = neutral.astype(np.float64)
    ball = np.flatnonzero(topology.parts == PART["sclera_l" if left else "sclera_r"])
    centre = _sphere(points[ball])
    marks = topology.landmarks[list((42, 43, 44, 45, 46, 47) if left else (39, 38, 37, 36, 41, 40))]
    skin = np.flatnonzero(topology.parts == PART["face"])
    skin = skin[np.linalg.norm(points[skin] - points[marks].mean(axis=0), axis=1) < 3.5]
    lines = [_path(points, topology, skin, ids) for ids in (marks[[0, 1, 2, 3]], marks[[0, 5, 4, 3]])]
    moving = np.flatnonzero(np.isin(topology.parts, [PART["face"], PART["eye_socket"], PART["lashes"]]))
    distances, _ = cKDTree(points[np.concatenate(lines)]).query(points[moving])
    ids = moving[distances < REACH]
    place = {int(v): k for k, v in enumerate(ids)}
    readers = [_reader(points, line, place) for line in lines]
    margins = [reader @ points[ids] for reader in readers]
    near = [np.linalg.norm(points[ids][:, None] - margin[None], axis=2) for margin in margins]
    first, second = near[0].min(axis=1), near[1].min(axis=1)
    chart = topology.chart[ids].astype(np.float64)
    edge = np.concatenate([topology.chart[line] for line in lines]).astype(np.float64)
    slit = float(edge[:, 1].mean())
    lean = np.where(np.isnan(chart[:, 1]), (second - first) * 10, np.nan_to_num(chart[:, 1] - slit) * 400)
    upper = np.clip(0.5 + 0.5 * lean, 0.0, 1.0)
    closest = np.minimum(first, second)
    fall = (1 - np.clip((closest - 0.10) / (REACH - 0.10), 0.0, 1.0) ** 2) ** 2
    fall = np.where(topology.parts[ids] == PART["lashes"], 1.0, fall)
    shares = [(side * fall)[:, None] * _blend(n) for side, n in zip((upper, 1 - upper), near, strict=True)]
    arm = np.linalg.norm(points[ids] - centre, axis=1)
    is_lash = topology.parts[ids] == PART["lashes"]
    most = np.where(is_lash, np.inf, arm + SLACK + 1.5 * np.maximum(closest - 0.1, 0.0))
    radial = np.linalg.norm(points[ball] - centre, axis=1)
    cosine = (points[ball, 2] - centre[2]) / radial
    edges = np.linspace(-1, 1, _BINS)
    order = cosine.argsort()
    profile = np.interp(edges, cosine[order], np.maximum.accumulate(radial[order]))
    bow = np.sqrt(np.sin(np.linspace(0, np.pi, STATIONS)))
    eye = Eye(
        ball,
        _centre_weights(points[ball], centre).astype(np.float32),
        profile.astype(np.float32),
        ids,
        upper=readers[0].astype(np.float32),
        lower=readers[1].astype(np.float32),
        up=shares[0].astype(np.float32),
        down=shares[1].astype(np.float32),
        skin=(topology.parts[ids] == PART["face"]).astype(np.float32),
        most=most.astype(np.float32),
        blink=np.zeros(STATIONS, np.float32),
        bow=bow.astype(np.float32),
    )
    return replace(eye, blink=eye.opening(blink))


def gaze_rotation(right: float, down: float) -> Floats:
    """Rotation (3, 3) of an eye that looks ``right`` (in the picture) and ``down``, both in radians."""
    c, s = np.cos(right), np.sin(right)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    c, s = np.cos(down), np.sin(down)
    nod = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return np.asarray(turn @ nod, np.float32)


def _sphere(points: Floats) -> Floats:
    """Centre of the sphere nearest to the rear of an eyeball (n, 3), where no cornea bulges."""
    rear = points[points[:, 2] < np.quantile(points[:, 2], 0.6)]
    rows = np.concatenate([2 * rear, np.ones((len(rear), 1))], axis=1)
    out: Floats = np.linalg.lstsq(rows, (rear**2).sum(axis=1), rcond=None)[0][:3]
    return out


def _centre_weights(points: Floats, centre: Floats) -> Floats:
    """The smallest weights (n,), of sum 1, that give ``centre`` as a mean of ``points`` (n, 3)."""
    rows = np.concatenate([points.T, np.ones((1, len(points)))])
    out: Floats = np.linalg.pinv(rows) @ np.concatenate([centre, [1.0]])
    return out


def _path(points: Floats, topology: Topology, allowed: Ints, marks: Ints) -> Ints:
    """Vertices along the mesh, through ``marks`` in their order, by the shortest way on the chart."""
    place = np.full(len(points), -1)
    place[allowed] = np.arange(len(allowed))
    triangles = place[topology.triangles]
    triangles = triangles[(triangles >= 0).all(axis=1)]
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    chart = topology.chart[allowed].astype(np.float64)
    length = np.linalg.norm(chart[edges[:, 0]] - chart[edges[:, 1]], axis=1)
    graph = coo_matrix((length, (edges[:, 0], edges[:, 1])), shape=(len(allowed),) * 2).tocsr()
    way = [int(place[marks[0]])]
    for start, end in zip(place[marks[:-1]], place[marks[1:]], strict=True):
        before = dijkstra(graph, directed=False, indices=int(start), return_predecessors=True)[1]
        leg = [int(end)]
        while leg[-1] != start:
            leg.append(int(before[leg[-1]]))
        way += leg[-2::-1]
    out: Ints = allowed[np.array(way)]
    return out


def _reader(points: Floats, line: Ints, place: dict[int, int]) -> Floats:
    """The matrix (STATIONS, m) that reads a line off the vertices in ``place``, at even steps of its length."""
    step = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points[line], axis=0), axis=1))])
    step /= step[-1]
    out = np.zeros((STATIONS, len(place)))
    for k, s in enumerate(np.linspace(0.0, 1.0, STATIONS)):
        n = min(int(np.searchsorted(step, s, side="right")) - 1, len(line) - 2)
        t = (s - step[n]) / (step[n + 1] - step[n])
        out[k, place[int(line[n])]] += 1 - t
        out[k, place[int(line[n + 1])]] += t
    return out


def _blend(distance: Floats) -> Floats:
    """Weights (m, STATIONS) of sum 1 that favour the nearest stations."""
    least = distance.min(axis=1, keepdims=True)
    w = np.exp(-0.5 * ((distance - least) / (0.10 + 0.25 * least)) ** 2)
    out: Floats = w / w.sum(axis=1, keepdims=True)
    return out
