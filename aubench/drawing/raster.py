"""A z-buffer rasteriser in numba: which triangle covers each sample, how near it is, and thin strands over it.

Screen coordinates are in samples, x right and y down, with sample (0, 0) centred at (0, 0). Depth is kept as 1/z, which
is linear on the screen, so larger is nearer; of two triangles at the same depth the earlier one wins. A triangle
that is counter-clockwise seen from outside has negative area on the screen where its outside faces the camera. No
fast maths: equal vertices give equal buffers.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints

FRONT, BOTH, HIDDEN, LINED, CUTOUT = 0, 1, 2, 3, 4
"""How a triangle is drawn: its outer side; both sides; not at all; both sides, the inner one as if it lay a little
farther away, so that it shows in gaps only; from CUTOUT on, both sides with holes where alpha is low: CUTOUT + n looks
in layer n."""
AWAY, TOWARDS = 1.0, -1.0
"""Where the z axis points, seen from the camera, for :func:`project`: x right, y down, z away (OpenCV), or x right, y
up, z towards it (OpenGL)."""

jit = nb.njit(cache=True, nogil=True, error_model="numpy")
"""What all kernels are compiled with: compiled code is kept on disk, other threads run on, division by zero gives
infinity."""
F = np.float32
_NO_UV, _NO_ALPHA = np.zeros((1, 2), F), np.zeros((1, 1, 1), F)


def rasterise(
    screen: Floats,
    triangles: Ints,
    mode: Bytes,
    ids: Ints,
    near: Floats,
    *,
    lining: float,
    uv: Floats | None = None,
    alpha: Floats | None = None,
) -> None:
    """Draw triangles into ``ids`` and ``near``.

    Args:
        screen: Vertices (v, 3) float32: x, y, 1/z.
        triangles: (t, 3) int32.
        mode: (t,) uint8: FRONT, BOTH, HIDDEN, LINED, or CUTOUT + n.
        ids: (h, w) int32; becomes the triangle that is seen, -1 where nothing was drawn.
        near: (h, w) float32; becomes 1/z, 0 where nothing was drawn.
        lining: How much farther, in units of space, the inner side of a LINED triangle counts as.
        uv: Texture coordinates (v, 2) float32 in [0, 1], for cut-outs.
        alpha: Layers (n, a, a) float32, for cut-outs: a hole where a layer is below a half.

    >>> screen = np.array([[0, 0, 1], [0, 4, 1], [4, 0, 1]], np.float32)
    >>> ids, near = np.empty((4, 4), np.int32), np.empty((4, 4), np.float32)
    >>> rasterise(screen, np.array([[0, 1, 2]], np.int32), np.zeros(1, np.uint8), ids, near, lining=0.0)
    >>> ids[0].tolist(), ids[3].tolist()
    ([0, 0, 0, 0], [0, 0, -1, -1])
    """
    if uv is None or alpha is None:
        uv, alpha = _NO_UV, _NO_ALPHA
    _rasterise(screen, triangles, mode, uv, alpha, lining, ids, near)


def vertex_normals(vertices: Floats, triangles: Ints, out: Floats, twins: Ints | None = None) -> None:
    """Area-weighted unit normals (v, 3) into ``out``, outward for triangles counter-clockwise from outside.

    ``twins`` (v,) int32 names for each vertex the first vertex at the same place, so that texture seams stay smooth.
    """
    if twins is None:
        twins = np.arange(len(vertices), dtype=np.int32)
    _vertex_normals(vertices, triangles, twins, out)


@jit
def _rasterise(
    screen: Floats, triangles: Ints, mode: Bytes, uv: Floats, alpha: Floats, lining: float, ids: Ints, near: Floats
) -> None:
    height, width = ids.shape
    ids[:] = -1
    near[:] = 0.0
    side = alpha.shape[1]
    for t in range(triangles.shape[0]):
        kind = mode[t]
        if kind == HIDDEN:
            continue
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, w0 = screen[i, 0], screen[i, 1], screen[i, 2]
        x1, y1, w1 = screen[j, 0], screen[j, 1], screen[j, 2]
        x2, y2, w2 = screen[k, 0], screen[k, 1], screen[k, 2]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area >= 0.0 and kind == FRONT:
            continue
        if abs(area) < 1e-9 or w0 <= 0.0 or w1 <= 0.0 or w2 <= 0.0:
            continue
        # numba's ceil and floor give floats: int() is needed there
        left = max(0, int(math.ceil(min(x0, x1, x2))))  # noqa: RUF046
        right = min(width - 1, int(math.floor(max(x0, x1, x2))))  # noqa: RUF046
        top = max(0, int(math.ceil(min(y0, y1, y2))))  # noqa: RUF046
        bottom = min(height - 1, int(math.floor(max(y0, y1, y2))))  # noqa: RUF046
        if left > right or top > bottom:
            continue
        lined = kind == LINED and area >= 0.0
        inverse = F(1.0) / area
        a1, b1 = (y2 - y0) * inverse, (x0 - x2) * inverse
        a2, b2 = (y0 - y1) * inverse, (x1 - x0) * inverse
        for y in range(top, bottom + 1):
            dy = F(y) - y0
            for x in range(left, right + 1):
                dx = F(x) - x0
                l1 = a1 * dx + b1 * dy
                l2 = a2 * dx + b2 * dy
                l0 = F(1.0) - l1 - l2
                if l0 < F(-1e-6) or l1 < F(-1e-6) or l2 < F(-1e-6):
                    continue
                w = l0 * w0 + l1 * w1 + l2 * w2
                if lined:
                    w = w / (F(1.0) + F(lining) * w)
                if w <= near[y, x]:
                    continue
                if kind >= CUTOUT:
                    z = F(1.0) / w
                    p0, p1, p2 = l0 * w0 * z, l1 * w1 * z, l2 * w2 * z
                    u = p0 * uv[i, 0] + p1 * uv[j, 0] + p2 * uv[k, 0]
                    v = p0 * uv[i, 1] + p1 * uv[j, 1] + p2 * uv[k, 1]
                    column = min(side - 1, max(0, int(u * side)))
                    row = min(side - 1, max(0, int(v * side)))
                    if alpha[kind - CUTOUT, row, column] < 0.5:
                        continue
                near[y, x] = w
                ids[y, x] = t


@jit
def _vertex_normals(vertices: Floats, triangles: Ints, twins: Ints, out: Floats) -> None:
    out[:] = 0.0
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax = vertices[j, 0] - vertices[i, 0]
        ay = vertices[j, 1] - vertices[i, 1]
        az = vertices[j, 2] - vertices[i, 2]
        bx = vertices[k, 0] - vertices[i, 0]
        by = vertices[k, 1] - vertices[i, 1]
        bz = vertices[k, 2] - vertices[i, 2]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for corner in range(3):
            n = twins[triangles[t, corner]]
            out[n, 0] += nx
            out[n, 1] += ny
            out[n, 2] += nz
    for n in range(out.shape[0]):
        m = twins[n]
        if m != n:
            out[n, 0], out[n, 1], out[n, 2] = out[m, 0], out[m, 1], out[m, 2]
            continue
        length = math.sqrt(out[n, 0] ** 2 + out[n, 1] ** 2 + out[n, 2] ** 2) + F(1e-20)
        for c in range(3):
            out[n, c] /= length


@jit
def project(vertices: Floats, distance: float, axis: float, warp: Floats, out: Floats) -> None:
    """Perspective projection, then the similarity ``warp`` (2, 3), into ``out`` (v, 3): x, y, 1/z.

    The camera stands ``distance`` before the origin and looks at it; ``axis`` is :data:`AWAY` or :data:`TOWARDS`.
    Before ``warp`` a point at z = 0 keeps its x, and its y (AWAY) or -y (TOWARDS).
    """
    for n in range(vertices.shape[0]):
        w = F(1.0) / max(F(distance) + F(axis) * vertices[n, 2], F(1e-3))
        x = F(distance) * vertices[n, 0] * w
        y = F(axis) * F(distance) * vertices[n, 1] * w
        out[n, 0] = warp[0, 0] * x + warp[0, 1] * y + warp[0, 2]
        out[n, 1] = warp[1, 0] * x + warp[1, 1] * y + warp[1, 2]
        out[n, 2] = w


@jit
def draw_strands(
    screen: Floats, starts: Ints, width: Floats, opacity: Floats, colour: Floats, kind: Bytes, bias: float,
    near: Floats, over: Floats, front: Floats, what: Bytes,
) -> None:  # fmt: skip
    """Draw polylines over what :func:`rasterise` found.

    ``screen`` (p, 3) the points of all strands; ``starts`` (k + 1,) where each begins; ``width`` (p,) in samples;
    ``opacity`` (p,) 0..1; ``colour`` (p, 3); ``kind`` (k,) a label from 1; ``bias``: how far, in units of space, a
    strand may lie behind the surface and still be seen. Into ``over`` (h, w, 4) premultiplied colour and
    coverage, ``front`` (h, w) the nearness of the nearest opaque strand, and ``what`` (h, w) the label of the strand on
    top; all three are to be cleared first.
    """
    height, size = near.shape
    for s in range(starts.shape[0] - 1):
        for p in range(starts[s], starts[s + 1] - 1):
            if opacity[p] < 0.01:
                continue
            x0, y0, w0 = screen[p, 0], screen[p, 1], screen[p, 2]
            x1, y1, w1 = screen[p + 1, 0], screen[p + 1, 1], screen[p + 1, 2]
            reach = width[p] + F(1.0)
            if max(x0, x1) < -reach or max(y0, y1) < -reach:
                continue
            if min(x0, x1) > size + reach or min(y0, y1) > height + reach:
                continue
            dx, dy = x1 - x0, y1 - y0
            steep = abs(dy) > abs(dx)
            run = dy if steep else dx
            other = dx if steep else dy
            slope = other / run if abs(run) > F(1e-6) else F(0.0)
            a, b = (y0, y1) if steep else (x0, x1)
            low, high = min(a, b), max(a, b)
            limit = height if steep else size
            cross = size if steep else height
            first = max(0, int(math.ceil(low)))  # noqa: RUF046
            last = min(limit - 1, int(math.ceil(high)) - 1)  # noqa: RUF046
            stretch = math.sqrt(F(1.0) + slope * slope)
            for m in range(first, last + 1):
                t = (F(m) - a) / run if abs(run) > F(1e-6) else F(0.0)
                middle = (x0 if steep else y0) + slope * (F(m) - a)
                half = F(0.5) * (width[p] + t * (width[p + 1] - width[p])) * stretch
                w = w0 + t * (w1 - w0)
                alpha = opacity[p] + t * (opacity[p + 1] - opacity[p])
                begin = max(0, int(math.floor(middle - half + F(0.5))))  # noqa: RUF046
                end = min(cross - 1, int(math.floor(middle + half + F(0.5))))  # noqa: RUF046
                for c in range(begin, end + 1):
                    cover = min(F(c) + F(0.5), middle + half) - max(F(c) - F(0.5), middle - half)
                    if cover <= F(0.02):
                        continue
                    y, x = (m, c) if steep else (c, m)
                    if w / (F(1.0) - F(bias) * w) < near[y, x]:
                        continue
                    if w < front[y, x]:
                        continue
                    strength = min(cover, F(1.0)) * alpha
                    for q in range(3):
                        value = colour[p, q] + t * (colour[p + 1, q] - colour[p, q])
                        over[y, x, q] += strength * (value - over[y, x, q])
                    over[y, x, 3] += strength * (F(1.0) - over[y, x, 3])
                    if strength > F(0.6):
                        front[y, x] = w
                    if strength > F(0.35) or what[y, x] == 0:
                        what[y, x] = kind[s]
