"""The loop over pixels: gathers what lies under each sample, shades it, and writes colour, parsing class and depth.

The picture is rasterised at twice its side. A pixel whose four samples lie on one smooth surface is shaded once, at its
centre; any other is shaded four times and averaged in display values. The parsing class is that of most samples.
"""

from __future__ import annotations

import math

import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints
from aubench.drawing.raster import jit
from aubench.drawing.shading import (
    CURVE_MAX,
    CURVE_SIZE,
    Shadow,
    arriving,
    barycentric,
    clamp,
    gradients,
    most_frequent,
    smooth,
    under_lids,
)

from . import ids as m
from .cloth import cloth_albedo, dressed
from .eye import eye, mouth_cover
from .light import Lights
from .shade import (
    BROAD,
    FINE,
    Looks,
    Paints,
    Surface,
    fetch,
    lit,
    repeat,
    sample,
    skin_albedo,
)

F = np.float32
assert m.FORM == 2  # see there
KEEP = 255
"""Label of strands that leave the class of what lies under them: lashes, beards."""


@jit
def alike(ids: Ints, near: Floats, kind: Bytes, over: Floats, row: int, column: int) -> bool:
    """Whether the four samples of a pixel lie on one smooth surface with no strand over it."""
    first = ids[row, column]
    if first < 0:
        return False
    what = kind[first]
    if what != m.K_SKIN and what != m.K_HEAD and what < m.K_HAT:
        return False
    low = high = near[row, column]
    for n in range(4):
        y, x = row + n // 2, column + n % 2
        other = ids[y, x]
        if other < 0 or kind[other] != what or over[y, x, 3] > 0.0:
            return False
        low, high = min(low, near[y, x]), max(high, near[y, x])
    return bool(high - low < 0.012 * high)


@jit
def shade_picture(
    surface: Surface, paints: Paints, looks: Looks, lights: Lights, shadow: Shadow, ids: Ints, near: Floats,
    landmarks: Floats, unit: float, distance: float, front: float, jaw: float, background: Floats, image: Floats,
    parsing: Bytes, depth: Floats,
) -> None:  # fmt: skip
    """Shade ``ids`` and ``near`` (2s, 2s) into ``image`` (s, s, 3) 0..255, ``parsing`` and ``depth`` (s, s).

    ``landmarks`` (68, 2) in pixels; ``unit`` is the interocular distance in pixels; the camera stands ``distance``
    before the origin; ``front`` and ``jaw``: z of the lips and height of the jaw's angle on the mean face;
    ``background`` (s, s, 3) 0..255.
    """
    size = image.shape[0]
    layers, fine, broad, fold = np.empty(m.LAYER_COUNT, F), np.empty(8, F), np.empty(8, F), np.zeros(3, F)
    brow, rgb, out, total = np.zeros(2, F), np.empty(3, F), np.empty(3, F), np.empty(3, F)
    n, flat, view, spot = np.empty(3, F), np.empty(3, F), np.empty(3, F), np.empty(3, F)
    slope, opened, basis = np.empty(6, F), np.empty(3, F), np.empty(9, F)
    classes = np.zeros(4, np.int64)
    q, tints = looks.amounts, looks.tints
    scale_curve = F((CURVE_SIZE - 1) / math.sqrt(CURVE_MAX))
    res = paints.label.shape[0]
    uv, triangles, screen, rest = surface.uv, surface.triangles, surface.screen, surface.rest
    box = paints.brow_box
    shift_u, shift_v = q[m.Q_SHIFT_U], q[m.Q_SHIFT_V]
    for row in range(size):
        for column in range(size):
            single = alike(ids, near, surface.kind, paints.over, 2 * row, 2 * column)
            samples = 1 if single else 4
            total[:] = 0.0
            depth[row, column] = np.inf
            s = 0
            while s < samples:
                y2, x2 = 2 * row + s // 2, 2 * column + s % 2
                t = ids[y2, x2]
                hair = paints.over[y2, x2, 3]
                label = paints.what[y2, x2]
                if t < 0 and hair < 0.002:
                    classes[s] = m.C_BACKGROUND
                    for c in range(3):
                        total[c] += background[row, column, c]
                    s += 1
                    continue
                if t < 0:
                    classes[s] = label if hair > 0.5 and label != KEEP else m.C_BACKGROUND
                    if hair > 0.5 and paints.front[y2, x2] > 0.0:
                        depth[row, column] = min(depth[row, column], F(1.0) / paints.front[y2, x2])
                    for c in range(3):
                        light = paints.over[y2, x2, c] / hair
                        light = min(max(light * q[m.Q_EXPOSURE], 0.0), CURVE_MAX * 0.999)
                        value = looks.curve[c, int(math.sqrt(light) * scale_curve + 0.5)]
                        total[c] += background[row, column, c] + hair * (value - background[row, column, c])
                    s += 1
                    continue
                if hair > 0.985 and label != KEEP:
                    classes[s] = label
                    for c in range(3):
                        light = min(max(paints.over[y2, x2, c] * q[m.Q_EXPOSURE], 0.0), CURVE_MAX * 0.999)
                        total[c] += looks.curve[c, int(math.sqrt(light) * scale_curve + 0.5)]
                    depth[row, column] = min(depth[row, column], F(1.0) / max(near[y2, x2], paints.front[y2, x2]))
                    s += 1
                    continue
                # the sample's place in output pixels, and its perspective-correct barycentric coordinates
                px, py = F(column), F(row)
                if samples == 4:
                    px, py = F(0.5) * x2 - F(0.25), F(0.5) * y2 - F(0.25)
                i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                b0, b1, b2, z = barycentric(screen, i, j, k, px, py)
                u = b0 * uv[i, 0] + b1 * uv[j, 0] + b2 * uv[k, 0]
                v = b0 * uv[i, 1] + b1 * uv[j, 1] + b2 * uv[k, 1]
                kind = surface.kind[t]
                bu = (u - box[0]) / box[2] if u > F(0.5) else (F(1) - u - box[0]) / box[2]
                bv = (v - box[1]) / box[3]
                browed = kind == m.K_SKIN and 0.0 < bu < 1.0 and 0.0 < bv < 1.0
                if browed:
                    fetch(paints.brow, bu, bv, brow)
                else:
                    brow[0] = 0.0
                    brow[1] = 0.0
                a, b = min(max(int(v * res), 0), res - 1), min(max(int(u * res), 0), res - 1)
                if kind == m.K_SKIN and samples == 1 and (paints.detail[a, b] > 0 or brow[1] > 0.03):
                    samples = 4
                    continue
                where = F(0.0)
                for c in range(3):
                    flat[c] = b0 * surface.normals[i, c] + b1 * surface.normals[j, c] + b2 * surface.normals[k, c]
                    spot[c] = b0 * surface.vertices[i, c] + b1 * surface.vertices[j, c] + b2 * surface.vertices[k, c]
                    view[c] = (F(distance) if c == 2 else F(0)) - spot[c]
                    opened[c] = b0 * surface.open[i, c] + b1 * surface.open[j, c] + b2 * surface.open[k, c]
                    where += view[c] * view[c]
                length = F(1.0) / math.sqrt(where)
                for c in range(3):
                    view[c] *= length
                length = F(1.0) / (math.sqrt(flat[0] ** 2 + flat[1] ** 2 + flat[2] ** 2) + F(1e-9))
                for c in range(3):
                    flat[c] *= length
                inner = flat[0] * view[0] + flat[1] * view[1] + flat[2] * view[2] < -0.1
                if inner:
                    for c in range(3):
                        flat[c] = -flat[c]
                for c in range(3):
                    n[c] = flat[c]
                depth[row, column] = min(depth[row, column], z)
                first = F(1.0)
                if kind < m.K_GUMS or kind > m.K_EYE:
                    lift = F(0.25)
                    first -= q[m.Q_UMBRA] * (
                        F(1) - arriving(shadow, spot[0] + lift * n[0], spot[1] + lift * n[1], spot[2] + lift * n[2])
                    )
                rx = b0 * rest[i, 0] + b1 * rest[j, 0] + b2 * rest[k, 0]
                ry = b0 * rest[i, 1] + b1 * rest[j, 1] + b2 * rest[k, 1]
                shine, rough, bleed = q[m.Q_SHINE], q[m.Q_ROUGH], q[m.Q_TRANSLUCENT]
                inside = b0 * surface.inside[i] + b1 * surface.inside[j] + b2 * surface.inside[k]
                if kind == m.K_SKIN:
                    sample(paints.layers, u, v, layers)
                    fetch(paints.folds, u, v, fold)
                    repeat(paints.tile, u * F(FINE) + shift_u, v * F(FINE) + shift_v, 6, fine)
                    repeat(paints.broad, u * F(BROAD) + shift_v, v * F(BROAD) + shift_u, 3, broad)
                    skin_albedo(layers, fine, broad, fold[2], brow[0], looks, rgb)
                    gradients(surface.vertices, uv, i, j, k, 1e-12, slope)
                    pore = q[m.Q_PORE] * (layers[m.L_PORES] + F(0.8) * layers[m.L_LIP])
                    hu = pore * (fine[3] - F(0.5)) * F(6.0) + fold[0]
                    hv = pore * (fine[4] - F(0.5)) * F(6.0) + fold[1]
                    for c in range(3):
                        n[c] -= clamp(hu * slope[c] + hv * slope[3 + c], -0.8, 0.8)
                    lip = layers[m.L_LIP]
                    shine *= (F(0.6) + q[m.Q_OIL] * layers[m.L_OIL]) * (F(1) - F(0.7) * brow[0])
                    shine *= F(1) + lip * (q[m.Q_GLOSS] - F(1))
                    shine *= F(1) - F(0.7) * min(F(1), q[m.Q_BEARD] * layers[m.L_BEARD])
                    rough *= (F(1) - F(0.15) * layers[m.L_OIL]) * (F(1) - F(0.30) * lip)
                    classes[s] = paints.label[a, b]
                    if brow[1] > 0.35:
                        classes[s] = m.C_L_BROW if u > F(0.5) else m.C_R_BROW
                    if inner:
                        for c in range(3):
                            rgb[c] = F(0.5) * (rgb[c] + tints[m.T_GUM, c])
                            opened[c] *= F(0.4)
                        if lip > 0.3:
                            classes[s] = m.C_MOUTH
                elif kind == m.K_HEAD:
                    repeat(paints.tile, rx * F(0.13) + shift_u, ry * F(0.13) + shift_v, 8, fine)
                    for c in range(3):
                        rgb[c] = tints[m.T_SKIN, c] * (F(1) + q[m.Q_BLOTCH] * (fine[1] - F(0.5)))
                    classes[s] = m.C_SKIN if ry > jaw else m.C_NECK
                if kind <= m.K_HEAD:
                    # the roots of hair darken the scalp
                    cover = q[m.Q_SCALP] * smooth(inside - q[m.Q_HAIRLINE] + F(1.6) * (fine[1] - F(0.5)), -0.25, 0.5)
                    if classes[s] != m.C_L_EAR and classes[s] != m.C_R_EAR and cover > 0.0:
                        for c in range(3):
                            rgb[c] += cover * (tints[m.T_HAIR, c] * (F(0.5) + F(0.8) * fine[5]) - rgb[c])
                        shine *= F(1) - F(0.85) * cover
                        if cover > 0.5:
                            classes[s] = m.C_HAIR
                    wear = dressed(rx, ry, b0 * rest[i, 2] + b1 * rest[j, 2] + b2 * rest[k, 2], looks)
                    if wear > 0.0:
                        repeat(paints.tile, rx * F(0.45), ry * F(0.45), 8, fine)
                        cloth_albedo(rx, ry, fine, looks, m.T_CLOTH, rgb)
                        hem = F(1) - F(0.45) * (F(1) - smooth(wear, 0.0, 0.5))
                        for c in range(3):
                            rgb[c] *= hem
                            n[c] = flat[c] + F(0.5) * (fine[c] - F(0.5))
                        bleed, shine, rough = F(0.0), F(0.15), F(0.8)
                        classes[s] = m.C_CLOTH
                elif kind == m.K_HAT or kind == m.K_CLOTH:
                    repeat(paints.tile, u * F(6.0), v * F(6.0), 8, fine)
                    cloth_albedo(u * F(30.0), v * F(30.0), fine, looks, m.T_HAT if kind == m.K_HAT else m.T_CLOTH, rgb)
                    for c in range(3):
                        n[c] = flat[c] + F(0.4) * (fine[c] - F(0.5))
                        opened[c] = F(0.35) if inner else F(0.9)
                    bleed, shine, rough = F(0.0), F(0.15), F(0.8)
                    classes[s] = m.C_HAT if kind == m.K_HAT else m.C_CLOTH
                elif kind == m.K_FRAME:
                    for c in range(3):
                        rgb[c] = tints[m.T_FRAME, c]
                        opened[c] = F(0.9)
                    bleed, shine, rough = F(0.0), F(1.6), F(0.35)
                    classes[s] = m.C_GLASSES
                length = F(1.0) / (math.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2) + F(1e-9))
                for c in range(3):
                    n[c] *= length
                if kind == m.K_EYE:
                    lid, low = under_lids(px, py, landmarks)
                    repeat(paints.tile, u * F(2.0) + shift_u, v * F(2.0), 8, fine)
                    gradients(surface.vertices, uv, i, j, k, 1e-12, slope)
                    first = F(1) - q[m.Q_UMBRA] * (F(1) - arriving(shadow, spot[0], spot[1], spot[2] + F(0.6)))
                    eye(u, v, slope, n, view, lid / unit, low / unit, opened[1], first, fine, looks, lights, basis, out)
                    classes[s] = m.C_R_EYE if rx < 0.0 else m.C_L_EYE
                elif kind >= m.K_SOCKET and kind <= m.K_TEETH:
                    rz = b0 * rest[i, 2] + b1 * rest[j, 2] + b2 * rest[k, 2]
                    behind = max(front - rz, F(0))
                    cover = F(0.05)
                    if kind != m.K_ORBIT:
                        cover = mouth_cover(px, py, landmarks, unit, behind)
                    base = m.T_TEETH if kind == m.K_TEETH else m.T_GUM
                    for c in range(3):
                        rgb[c] = tints[base, c] * (F(0.35) if kind == m.K_SOCKET else F(1.0))
                        opened[c] = cover
                    shine, rough, bleed = F(0.9), F(0.34), F(0.4)
                    if kind == m.K_SOCKET:
                        shine = F(0.2)
                    lit(rgb, n, flat, view, opened, bleed, rough, shine * cover, cover, lights, basis, out)
                    classes[s] = m.C_MOUTH if kind != m.K_ORBIT else m.C_SKIN
                else:
                    lit(rgb, n, flat, view, opened, bleed, rough, shine, first, lights, basis, out)
                for c in range(3):
                    value = out[c] * (F(1) - hair) + paints.over[y2, x2, c]
                    light = min(max(value * q[m.Q_EXPOSURE], 0.0), CURVE_MAX * 0.999)
                    total[c] += looks.curve[c, int(math.sqrt(light) * scale_curve + 0.5)]
                if hair > 0.5 and label != KEEP and label > 0:
                    classes[s] = label
                s += 1
            share = F(1.0) if samples == 1 else F(0.25)
            for c in range(3):
                image[row, column, c] = total[c] * share
            parsing[row, column] = most_frequent(classes) if samples == 4 else classes[0]
