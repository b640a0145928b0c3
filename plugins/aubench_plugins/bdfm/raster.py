"""A z-buffer rasteriser in numba: which triangle covers each sample, and how near it is.

Screen coordinates are in samples, x right and y down, with sample (0, 0) centred at (0, 0). Depth is kept as 1/z, which
is linear on the screen, so larger is nearer. Two triangles at the same depth: the one earlier in the list wins. No fast
maths, so that equal vertices give equal buffers on every machine.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from .arrays import Bytes, Floats, Ints

OPAQUE, TWO_SIDED, HIDDEN, LINED, CUTOUT = 0, 1, 2, 3, 4
LINING_DEPTH = 0.35
"""How a triangle is drawn: back faces culled; both faces; not at all; both faces, the back ones as
if ``LINING_DEPTH`` farther away, so that they only show in gaps; and, from CUTOUT on, both faces with holes where
alpha is low: mode CUTOUT + n looks in layer n."""

_jit = nb.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def rasterise(
    screen: Floats,
    triangles: Ints,
    mode: Bytes,
    uv: Floats,
    alpha: Floats,
    threshold: float,
    ids: Ints,
    near: Floats,
) -> None:
    """Draw into ``ids`` (s, s) and ``near`` (s, s).

    ``screen`` (v, 3) is x, y, 1/z; ``triangles`` (t, 3); ``mode`` (t,); ``uv`` (v, 2) in [0, 1]; ``alpha`` (n, a, a),
    looked up for CUTOUT triangles only. ``ids`` becomes -1 where nothing was drawn, ``near`` 0.
    """
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
        if w0 <= 0.0 or w1 <= 0.0 or w2 <= 0.0:
            continue
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        # In OpenCV axes an outward (counter-clockwise seen from outside) triangle has negative area on the screen.
        if kind == OPAQUE and area >= 0.0:
            continue
        lining = kind == LINED and area >= 0.0
        if abs(area) < 1e-9:
            continue
        # numba's ceil and floor give floats: int() is needed there
        left = max(0, int(math.ceil(min(x0, x1, x2))))  # noqa: RUF046
        right = min(width - 1, int(math.floor(max(x0, x1, x2))))  # noqa: RUF046
        top = max(0, int(math.ceil(min(y0, y1, y2))))  # noqa: RUF046
        bottom = min(height - 1, int(math.floor(max(y0, y1, y2))))  # noqa: RUF046
        if left > right or top > bottom:
            continue
        inverse = np.float32(1.0) / area
        # barycentric coordinates are affine in x and y
        a1 = (y2 - y0) * inverse
        b1 = (x0 - x2) * inverse
        a2 = (y0 - y1) * inverse
        b2 = (x1 - x0) * inverse
        for y in range(top, bottom + 1):
            dy = np.float32(y) - y0
            for x in range(left, right + 1):
                dx = np.float32(x) - x0
                l1 = a1 * dx + b1 * dy
                l2 = a2 * dx + b2 * dy
                l0 = np.float32(1.0) - l1 - l2
                if l0 < -1e-6 or l1 < -1e-6 or l2 < -1e-6:
                    continue
                w = l0 * w0 + l1 * w1 + l2 * w2
                if lining:
                    w = w / (np.float32(1.0) + np.float32(LINING_DEPTH) * w)
                if w <= near[y, x]:
                    continue
                if kind >= CUTOUT:
                    z = np.float32(1.0) / w
                    p0, p1, p2 = l0 * w0 * z, l1 * w1 * z, l2 * w2 * z
                    u = p0 * uv[i, 0] + p1 * uv[j, 0] + p2 * uv[k, 0]
                    v = p0 * uv[i, 1] + p1 * uv[j, 1] + p2 * uv[k, 1]
                    column = min(side - 1, max(0, int(u * side)))
                    row = min(side - 1, max(0, int(v * side)))
                    if alpha[kind - CUTOUT, row, column] < threshold:
                        continue
                near[y, x] = w
                ids[y, x] = t


@_jit
def vertex_normals(vertices: Floats, triangles: Ints, twins: Ints, out: Floats) -> None:
    """Area-weighted unit normals (v, 3) into ``out``, outward for counter-clockwise triangles seen from outside.

    ``twins`` (v,) names for each vertex the first vertex at the same place, so that texture seams stay smooth.
    """
    out[:] = 0.0
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax = vertices[j, 0] - vertices[i, 0]
        ay = vertices[j, 1] - vertices[i, 1]
        az = vertices[j, 2] - vertices[i, 2]
        bx = vertices[k, 0] - vertices[i, 0]
        by = vertices[k, 1] - vertices[i, 1]
        bz = vertices[k, 2] - vertices[i, 2]
        nx = ay * bz - az * by
        ny = az * bx - ax * bz
        nz = ax * by - ay * bx
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
        length = math.sqrt(out[n, 0] ** 2 + out[n, 1] ** 2 + out[n, 2] ** 2) + 1e-20
        out[n, 0] /= length
        out[n, 1] /= length
        out[n, 2] /= length


@_jit
def project(vertices: Floats, focal: float, distance: float, warp: Floats, out: Floats) -> None:
    """Perspective projection, then the 2D similarity ``warp`` (2, 3), into ``out`` (v, 3): x, y, 1/z.

    The camera sits ``distance`` before the origin and looks along +z.
    """
    for n in range(vertices.shape[0]):
        w = np.float32(1.0) / (vertices[n, 2] + np.float32(distance))
        x = np.float32(focal) * vertices[n, 0] * w
        y = np.float32(focal) * vertices[n, 1] * w
        out[n, 0] = warp[0, 0] * x + warp[0, 1] * y + warp[0, 2]
        out[n, 1] = warp[1, 0] * x + warp[1, 1] * y + warp[1, 2]
        out[n, 2] = w


def similarity(points: Floats, targets: Floats) -> Floats:
    """The least-squares similarity (2, 3) that brings ``points`` (n, 2) to ``targets`` (n, 2): scale, rotation, shift.

    With complex numbers z and w, centred: the best a in w = a z is <z, w> / <z, z>. Raises ``ValueError`` when all
    points coincide.
    """
    z = points[:, 0] + 1j * points[:, 1]
    w = targets[:, 0] + 1j * targets[:, 1]
    zc, wc = z - z.mean(), w - w.mean()
    norm = float((zc.conj() * zc).real.sum())
    if norm <= 0.0:
        raise ValueError("all points coincide")
    a = complex((zc.conj() * wc).sum() / norm)
    b = complex(w.mean() - a * z.mean())
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
