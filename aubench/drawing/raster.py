"""A z-buffer rasteriser in numba: which triangle covers each sample, how near it is, and thin strands over it.

Screen coordinates are in samples, x right and y down, with sample (0, 0) centred at (0, 0). Depth is kept as 1/z, which
is linear on the screen, so larger is nearer. Space has x right, y up and z towards the camera, so that a triangle which
is counter-clockwise seen from outside has negative area on the screen. No fast maths: equal vertices give equal
buffers.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numba as nb
import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Ints: TypeAlias = npt.NDArray[np.signedinteger[Any]]
Bytes: TypeAlias = npt.NDArray[np.uint8]

FRONT, BOTH, HIDDEN, LINED = 0, 1, 2, 3
"""How a triangle is drawn: its outer side; both sides; not at all; both sides, the inner one as if it lay a little
farther away, so that it shows in gaps only."""
LINING = 0.4
"""How much farther, in units of space, the inner side of a LINED triangle counts as."""

jit = nb.njit(cache=True, nogil=True, error_model="numpy")
F = np.float32


@jit
def rasterise(screen: Floats, triangles: Ints, mode: Bytes, ids: Ints, near: Floats) -> None:
    """Draw into ``ids`` (h, w) and ``near`` (h, w).

    ``screen`` (v, 3) is x, y, 1/z; ``triangles`` (t, 3); ``mode`` (t,). ``ids`` becomes -1 where nothing was
    drawn, ``near`` 0.
    """
    height, width = ids.shape
    ids[:] = -1
    near[:] = 0.0
    for t in range(triangles.shape[0]):
        kind = mode[t]
        if kind == 2:
            continue
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, w0 = screen[i, 0], screen[i, 1], screen[i, 2]
        x1, y1, w1 = screen[j, 0], screen[j, 1], screen[j, 2]
        x2, y2, w2 = screen[k, 0], screen[k, 1], screen[k, 2]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area >= 0.0 and kind == 0:
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
        lining = kind == 3 and area >= 0.0
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
                if lining:
                    w = w / (F(1.0) + F(LINING) * w)
                if w > near[y, x]:
                    near[y, x] = w
                    ids[y, x] = t


@jit
def vertex_normals(vertices: Floats, triangles: Ints, out: Floats) -> None:
    """Area-weighted unit normals (v, 3) into ``out``, outward for triangles counter-clockwise from outside."""
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
            n = triangles[t, corner]
            out[n, 0] += nx
            out[n, 1] += ny
            out[n, 2] += nz
    for n in range(out.shape[0]):
        length = math.sqrt(out[n, 0] ** 2 + out[n, 1] ** 2 + out[n, 2] ** 2) + F(1e-20)
        for c in range(3):
            out[n, c] /= length


@jit
def project(vertices: Floats, distance: float, warp: Floats, out: Floats) -> None:
    """Perspective projection, then the similarity ``warp`` (2, 3), into ``out`` (v, 3): x, y, 1/z.

    The camera sits at (0, 0, ``distance``) and looks along -z; before ``warp`` a point at z = 0 keeps its x and -y.
    """
    for n in range(vertices.shape[0]):
        w = F(1.0) / max(F(distance) - vertices[n, 2], F(1e-3))
        x = F(distance) * vertices[n, 0] * w
        y = -F(distance) * vertices[n, 1] * w
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
