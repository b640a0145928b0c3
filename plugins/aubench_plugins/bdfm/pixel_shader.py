"""The loop over pixels: gathers what lies under each sample, shades it, and writes colour, parsing class and depth."""

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
    between,
    clamp,
    most_frequent,
    smooth,
    under_lids,
)

from . import materials as m
from .shade import Look, Paints, Surface, fetch, lit, same_surface, skin_albedo
from .specular import eye, strand_light

F = np.float32


@jit
def shade_picture(
    surface: Surface,
    paints: Paints,
    look: Look,
    shadow: Shadow,
    ids: Ints,
    near: Floats,
    landmarks: Floats,
    distance: float,
    unit: float,
    background: Floats,
    image: Floats,
    parsing: Bytes,
    depth: Floats,
) -> None:
    """Shade ``ids`` and ``near`` (2s, 2s) into ``image`` (s, s, 3) 0..255, ``parsing`` (s, s) and ``depth`` (s, s).

    ``landmarks`` (68, 2) in pixels; the camera sits ``distance`` before the origin; ``unit`` is the interocular
    distance in pixels; ``background`` (s, s, 3) 0..255.
    """
    size = image.shape[0]
    layers, fold, brow = np.empty(16, F), np.empty(3, F), np.zeros(2, F)
    iris, strand, rgb, out = np.empty(4, F), np.empty(2, F), np.empty(3, F), np.empty(3, F)
    n, view, total = np.empty(3, F), np.empty(3, F), np.empty(3, F)
    classes = np.empty(4, np.int64)
    q = look.amounts
    curve_scale = (CURVE_SIZE - 1) / math.sqrt(CURVE_MAX)
    res = paints.label.shape[0]
    uv, triangles, screen, slopes = surface.uv, surface.triangles, surface.screen, surface.slopes
    tile = paints.tile.reshape(256, 256, 1)
    grain = strand[:1]
    left, top, wide, high = paints.brow_box[0], paints.brow_box[1], paints.brow_box[2], paints.brow_box[3]
    for row in range(size):
        for column in range(size):
            single = same_surface(ids, near, surface.part, 2 * row, 2 * column)
            samples = 1 if single else 4
            total[:] = 0.0
            depth[row, column] = np.inf
            sample = 0
            while sample < samples:
                y2, x2 = 2 * row + sample // 2, 2 * column + sample % 2
                t = ids[y2, x2]
                if t < 0:
                    classes[sample] = m.CLS_BACKGROUND
                    for c in range(3):
                        total[c] += background[row, column, c]
                    sample += 1
                    continue
                # the sample's place in output pixels, and its perspective-correct barycentric coordinates
                px, py = F(column), F(row)
                if samples == 4:
                    px, py = F(0.5) * x2 - F(0.25), F(0.5) * y2 - F(0.25)
                i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                b0, b1, b2, z = barycentric(screen, i, j, k, px, py)
                u = b0 * uv[i, 0] + b1 * uv[j, 0] + b2 * uv[k, 0]
                v = b0 * uv[i, 1] + b1 * uv[j, 1] + b2 * uv[k, 1]
                kind = surface.part[t]
                if kind == m.P_SKIN and samples == 1:
                    a = min(max(int(v * res), 0), res - 1)
                    b = min(max(int(u * res), 0), res - 1)
                    if paints.detail[a, b] > 0:
                        samples = 4
                        continue
                for c in range(3):
                    n[c] = b0 * surface.normals[i, c] + b1 * surface.normals[j, c] + b2 * surface.normals[k, c]
                    view[c] = -(b0 * surface.vertices[i, c] + b1 * surface.vertices[j, c] + b2 * surface.vertices[k, c])
                first = 1.0
                if kind != m.P_EYE and (kind < m.P_TEETH or kind > m.P_LASH):
                    x, y, depth_z = 0.07 * n[0] - view[0], 0.07 * n[1] - view[1], 0.07 * n[2] - view[2]
                    first -= q[m.Q_UMBRA] * (1.0 - arriving(shadow, x, y, depth_z))
                view[2] -= F(distance)
                scale = F(1.0) / math.sqrt(view[0] ** 2 + view[1] ** 2 + view[2] ** 2)
                for c in range(3):
                    view[c] *= scale
                open_sky = b0 * surface.open_sky[i] + b1 * surface.open_sky[j] + b2 * surface.open_sky[k]
                depth[row, column] = min(depth[row, column], z)
                person_left = surface.side[t] > 0
                shine, rough, soft = q[m.Q_SHINE], q[m.Q_ROUGH], 1.0
                done = False
                if kind == m.P_SKIN:
                    fetch(paints.layers, u, v, layers)
                    fetch(paints.folds, u, v, fold)
                    bu = (u - left) / wide if u > 0.5 else (1.0 - u - left) / wide
                    bv = (v - top) / high
                    brow[0] = 0.0
                    brow[1] = 0.0
                    if 0.0 < bu < 1.0 and 0.0 < bv < 1.0:
                        fetch(paints.brow, bu, bv, brow)
                    skin_albedo(layers, fold, brow, look, rgb)
                    hu = q[m.Q_PORE] * layers[0] + q[m.Q_CREASE] * fold[0] + q[m.Q_AGE] * layers[12]
                    hv = q[m.Q_PORE] * layers[1] + q[m.Q_CREASE] * fold[1] + q[m.Q_AGE] * layers[13]
                    for c in range(3):
                        n[c] -= clamp(hu * slopes[t, c] + hv * slopes[t, 3 + c], -0.9, 0.9)
                    open_sky *= layers[11]
                    lip = layers[6]
                    shine *= (1.0 + q[m.Q_OIL] * layers[9]) * (1.0 - 0.8 * brow[0]) * (1.0 + lip * (q[m.Q_GLOSS] - 1.0))
                    shine *= 1.0 - 0.8 * min(
                        1.0, q[m.Q_BEARD] * max(layers[7], 0.0) + q[m.Q_SCALP] * max(-layers[7], 0.0)
                    )
                    rough *= (1.0 - 0.18 * layers[9]) * (1.0 - 0.35 * lip)
                    classes[sample] = paints.label[
                        min(max(int(v * res), 0), res - 1), min(max(int(u * res), 0), res - 1)
                    ]
                    if brow[1] > m.BROW_AREA:
                        classes[sample] = m.CLS_L_BROW if u > 0.5 else m.CLS_R_BROW
                elif kind == m.P_EYE:
                    classes[sample] = m.CLS_L_EYE if person_left else m.CLS_R_EYE
                elif kind == m.P_EAR or kind == m.P_NECK:
                    fetch(tile, u, v, grain)
                    ruddy = 0.6 if kind == m.P_EAR else 0.1
                    for c in range(3):
                        rgb[c] = look.tints[m.SKIN, c] * (1.0 + ruddy * q[m.Q_FLUSH] * (look.tints[m.FLUSH, c] - 1.0))
                        rgb[c] *= 1.0 + q[m.Q_BLOTCH] * strand[0]
                    classes[sample] = m.CLS_NECK
                    if kind == m.P_EAR:
                        classes[sample] = m.CLS_L_EAR if person_left else m.CLS_R_EAR
                elif kind == m.P_HAIR or kind == m.P_LASH:
                    soft, shine = 0.3, 0.0
                    strand[0] = 0.0
                    strand[1] = 0.0
                    if kind == m.P_HAIR:
                        fetch(paints.hair, u, v, strand)
                    fade = max(1.0 + 0.28 * strand[0] + 0.22 * strand[1], 0.15)
                    for c in range(3):
                        rgb[c] = look.tints[m.HAIR, c] * fade if kind == m.P_HAIR else 0.012
                    classes[sample] = m.CLS_HAIR if kind == m.P_HAIR else m.CLS_SKIN
                elif kind == m.P_CLOTH or kind == m.P_HAT:
                    tint = m.CLOTH if kind == m.P_CLOTH else m.HAT
                    fetch(tile, u * 3.0 % 1.0, v * 3.0 % 1.0, grain)
                    for c in range(3):
                        rgb[c] = look.tints[tint, c] * (1.0 + 0.12 * strand[0])
                    soft, shine = 0.1, 0.15
                    classes[sample] = m.CLS_CLOTH if kind == m.P_CLOTH else m.CLS_HAT
                elif kind == m.P_FRAME:
                    for c in range(3):
                        rgb[c] = look.tints[m.FRAME, c]
                    soft, shine, rough = 0.0, 2.2, 0.3
                    classes[sample] = m.CLS_GLASSES
                else:
                    classes[sample] = m.CLS_MOUTH
                    # inside the mouth: dark under the upper lip, at the corners and towards the throat
                    lid = between(px, py, landmarks, 60, 61, 62, 63, 64) / unit
                    low = -between(px, py, landmarks, 60, 67, 66, 65, 64) / unit
                    across = (px - landmarks[60, 0]) / (landmarks[64, 0] - landmarks[60, 0] + F(1e-3))
                    lips_z = F(0.5) * (surface.vertices[surface.lips[0], 2] + surface.vertices[surface.lips[1], 2])
                    behind = max(z - F(distance) - lips_z - F(0.10), 0.0)
                    cover = (0.50 + 0.50 * smooth(lid, -0.02, 0.06)) * (0.7 + 0.3 * smooth(low, -0.02, 0.05))
                    cover *= 0.25 + 0.75 * smooth(min(across, 1.0 - across), -0.05, 0.25)
                    cover /= 1.0 + behind * behind * 22.0
                    if kind == m.P_TEETH:
                        place = u * 14.0
                        gap = abs(place - math.floor(place) - 0.5) * 2.0
                        gum = smooth(abs(v - 0.5) * 2.0, 0.62 + 0.16 * gap * gap, 0.78 + 0.16 * gap * gap)
                        line = 1.0 - 0.55 * smooth(gap, 0.78, 1.0)
                        edge = 1.0 - 0.35 * (1.0 - smooth(abs(v - 0.5) * 2.0, 0.0, 0.12))
                        for c in range(3):
                            tooth = look.tints[m.TEETH, c] * line * edge
                            rgb[c] = tooth + gum * (look.tints[m.GUM, c] - tooth)
                        shine, rough, soft = 1.3, 0.3, 0.5
                    elif kind == m.P_TONGUE:
                        for c in range(3):
                            rgb[c] = look.tints[m.GUM, c] * 1.1
                        shine, rough = 1.0, 0.42
                    else:
                        for c in range(3):
                            rgb[c] = look.tints[m.GUM, c] * 0.30
                        shine = 0.0
                        cover *= 0.35
                    shine *= cover
                    open_sky = cover
                length = F(1.0) / (math.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2) + F(1e-12))
                for c in range(3):
                    n[c] *= length
                facing = n[0] * view[0] + n[1] * view[1] + n[2] * view[2]
                if facing < -0.15 and kind == m.P_SKIN:  # the inner side of a lid or lip: moist and shaded
                    open_sky *= 0.5
                    if layers[6] > 0.3:
                        classes[sample] = m.CLS_MOUTH
                        open_sky *= 0.3
                    for c in range(3):
                        n[c] = -n[c]
                        rgb[c] = 0.5 * (rgb[c] + look.tints[m.GUM, c])
                elif facing < 0.0 and (kind == m.P_HAIR or kind == m.P_LASH or kind >= m.P_FRAME):
                    open_sky *= 0.3 if kind == m.P_HAT else 1.0
                    for c in range(3):
                        n[c] = -n[c]
                if kind == m.P_EYE:
                    lid, low = under_lids(px, py, landmarks)
                    lid, low = lid / unit, low / unit
                    eye(u, v, slopes[t], n, view, lid, low, paints, look, iris, rgb, out)
                    done = True
                elif kind == m.P_HAIR:
                    du, dv = u - F(0.5), v + F(0.23)
                    tx, ty, tz = (
                        du * slopes[t, 0] + dv * slopes[t, 3],
                        du * slopes[t, 1] + dv * slopes[t, 4],
                        du * slopes[t, 2] + dv * slopes[t, 5],
                    )
                    scale = F(1.0) / (math.sqrt(tx * tx + ty * ty + tz * tz) + F(1e-9))
                    strand_light(
                        rgb,
                        n,
                        view,
                        tx * scale,
                        ty * scale,
                        tz * scale,
                        open_sky,
                        0.10 * strand[0] - 0.1,
                        first,
                        look,
                        out,
                    )
                    done = True
                if not done:
                    lit(rgb, n, view, open_sky, soft, rough, shine, first, look, out)
                    if kind >= m.P_TEETH and kind <= m.P_CAVITY:
                        for c in range(3):
                            out[c] *= 0.45 + 0.55 * open_sky
                for c in range(3):
                    light = min(max(out[c] * q[m.Q_EXPOSURE], 0.0), CURVE_MAX * 0.999)
                    total[c] += look.curve[c, int(math.sqrt(light) * curve_scale + 0.5)]
                sample += 1
            share = F(1.0) if samples == 1 else F(0.25)
            for c in range(3):
                image[row, column, c] = total[c] * share
            parsing[row, column] = most_frequent(classes) if samples == 4 else classes[0]
