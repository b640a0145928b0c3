"""Strands on a posed head: hair, beards and lashes are polylines carried by vertices, lit strand by strand.

Light on a strand after Kajiya and Kay, "Rendering fur with three dimensional textures" (1989).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints
from aubench.drawing.raster import jit
from aubench.drawing.shading import Shadow

from .light import Lights, harmonic

F = np.float32


class Strands(NamedTuple):
    """Point ``p`` of a strand lies at ``offset`` (p, 3) from the vertices ``first`` and ``second`` (p,), mixed by
    ``mix`` (p,), of the face without (``posed`` 0) or with (1) expression. ``albedo`` (p, 3); ``width`` (p,) cm;
    ``opacity``, ``open`` (p,) 0..1, the latter the share of the sky it sees; ``outward`` (p, 3) normal of the
    mass of hair, in head space; ``starts`` (k + 1,) where each strand begins; ``kind`` (k,) its label;
    ``gloss`` strength of the highlights."""

    offset: Floats
    first: Ints
    second: Ints
    mix: Floats
    posed: Bytes
    albedo: Floats
    width: Floats
    opacity: Floats
    open: Floats
    outward: Floats
    starts: Ints
    kind: Bytes
    gloss: Floats


def joined(parts: list[Strands]) -> Strands:
    """All strands of several sets, in order."""
    starts, total = [np.zeros(1, np.int32)], 0
    for part in parts:
        starts.append(part.starts[1:] + np.int32(total))
        total += int(part.starts[-1])
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in Strands._fields]
    columns[Strands._fields.index("starts")] = np.concatenate(starts)
    return Strands(*(np.ascontiguousarray(column) for column in columns))


@jit
def place(strands: Strands, rest: Floats, moved: Floats, rotation: Floats, translation: Floats, out: Floats) -> None:
    """Every point in camera space, into ``out`` (p, 3). ``rest``, ``moved`` (n, 3): the face without and with
    expression in head space."""
    for p in range(out.shape[0]):
        a, b, w = strands.first[p], strands.second[p], strands.mix[p]
        source = moved if strands.posed[p] > 0 else rest
        x = strands.offset[p, 0] + source[a, 0] + w * (source[b, 0] - source[a, 0])
        y = strands.offset[p, 1] + source[a, 1] + w * (source[b, 1] - source[a, 1])
        z = strands.offset[p, 2] + source[a, 2] + w * (source[b, 2] - source[a, 2])
        for c in range(3):
            out[p, c] = rotation[c, 0] * x + rotation[c, 1] * y + rotation[c, 2] * z + translation[c]


@jit
def splat(points: Floats, opacity: Floats, shadow: Shadow) -> None:
    """Put the points (p, 3) of opaque strands into the shadow map."""
    q, near = shadow.matrix, shadow.near
    side = near.shape[0]
    for p in range(points.shape[0]):
        if opacity[p] < 0.5:
            continue
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        column = int(q[0, 0] * x + q[0, 1] * y + q[0, 2] * z + q[0, 3] + F(0.5))
        row = int(q[1, 0] * x + q[1, 1] * y + q[1, 2] * z + q[1, 3] + F(0.5))
        if column < 0 or row < 0 or column >= side - 1 or row >= side - 1:
            continue
        value = q[2, 0] * x + q[2, 1] * y + q[2, 2] * z + q[2, 3]
        for n in range(4):
            r, c = row + n // 2, column + n % 2
            if value > near[r, c]:
                near[r, c] = value


@jit
def light_strands(
    strands: Strands, points: Floats, rotation: Floats, distance: float, lights: Lights, shadow: Shadow, umbra: float,
    colour: Floats,
) -> None:  # fmt: skip
    """The light that each point sends to the camera, into ``colour`` (p, 3)."""
    basis = np.empty(9, F)
    sky, lamps = lights.sky, lights.lamps
    q, side = shadow.matrix, shadow.near.shape[0]
    for s in range(strands.starts.shape[0] - 1):
        begin, end = strands.starts[s], strands.starts[s + 1]
        gloss = strands.gloss[s]
        for p in range(begin, end):
            a, b = max(p - 1, begin), min(p + 1, end - 1)
            tx, ty, tz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
            length = F(1) / (math.sqrt(tx * tx + ty * ty + tz * tz) + F(1e-6))
            tx, ty, tz = tx * length, ty * length, tz * length
            ox, oy, oz = strands.outward[p, 0], strands.outward[p, 1], strands.outward[p, 2]
            nx = rotation[0, 0] * ox + rotation[0, 1] * oy + rotation[0, 2] * oz
            ny = rotation[1, 0] * ox + rotation[1, 1] * oy + rotation[1, 2] * oz
            nz = rotation[2, 0] * ox + rotation[2, 1] * oy + rotation[2, 2] * oz
            harmonic(nx, ny, nz, basis)
            opened = strands.open[p]
            for c in range(3):
                value = basis[0] * sky[0, c]
                for k in range(1, 4):
                    value += F(0.6667) * basis[k] * sky[k, c]
                for k in range(4, 9):
                    value += F(0.25) * basis[k] * sky[k, c]
                colour[p, c] = max(value, F(0)) * opened * strands.albedo[p, c]
            x, y, z = points[p, 0], points[p, 1], points[p, 2]
            column = int(q[0, 0] * x + q[0, 1] * y + q[0, 2] * z + q[0, 3] + F(0.5))
            row = int(q[1, 0] * x + q[1, 1] * y + q[1, 2] * z + q[1, 3] + F(0.5))
            first = F(1)
            if 0 <= column < side and 0 <= row < side:
                gap = shadow.near[row, column] - (q[2, 0] * x + q[2, 1] * y + q[2, 2] * z + q[2, 3])
                first -= F(umbra) * min(max((gap - F(0.5)) * F(0.8), F(0)), F(1))
            vx, vy, vz = -x, -y, F(distance) - z
            length = F(1) / math.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx * length, vy * length, vz * length
            tv = tx * vx + ty * vy + tz * vz
            for k in range(lamps.shape[0]):
                lx, ly, lz = lamps[k, 0], lamps[k, 1], lamps[k, 2]
                tl = tx * lx + ty * ly + tz * lz
                facing = min(max((nx * lx + ny * ly + nz * lz + F(0.25)) * F(0.8), F(0)), F(1))
                sine = math.sqrt(max(F(1) - tl * tl, F(0)))
                other = math.sqrt(max(F(1) - tv * tv, F(0)))
                mirror = max(sine * other - tl * tv, F(0))  # 1 where the cone of reflection meets the eye
                m2 = mirror * mirror
                m8 = m2 * m2 * m2 * m2
                shine = m8 * m8 * m8
                glow = m8 * m2
                reach = (first if k == 0 else F(0.8)) * (F(0.3) + F(0.7) * opened)
                for c in range(3):
                    diffuse = strands.albedo[p, c] * sine * F(0.75) if k == 0 else F(0)
                    light = diffuse * facing
                    light += gloss * facing * (F(0.045) * shine + F(0.35) * glow * strands.albedo[p, c])
                    colour[p, c] += lamps[k, 3 + c] * reach * light
