"""Deferred shading: the colour, the parsing class and the depth of every pixel, from what the rasteriser found.

The picture is rasterised at twice its side. A pixel whose four samples lie on one smooth surface is shaded once, at
its centre; any other is shaded four times and averaged (in display values), so edges, lids, lips and brows are clean at
little cost. The parsing class is that of most samples, never a mixture.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints
from aubench.drawing.raster import jit
from aubench.drawing.shading import clamp, gradients, smooth

from . import materials as m
from .light import two_lobes

F = np.float32


class Surface(NamedTuple):
    """A posed mesh: ``vertices``, ``normals`` (v, 3), ``screen`` (v, 3) in output pixels and 1/z, ``uv`` (v, 2),
    ``open_sky`` (v,) baked ambient light 0..1, ``triangles`` (t, 3), ``part`` (t,) materials, ``side`` (t,) -1
    picture's left, +1 right, ``slopes`` (t, 6) gradients of u and of v in space; ``lips`` (2,) vertices in the middle
    of the inner upper and lower lip."""

    vertices: Floats
    normals: Floats
    screen: Floats
    uv: Floats
    open_sky: Floats
    triangles: Ints
    part: Bytes
    side: Ints
    slopes: Floats
    lips: Ints


class Paints(NamedTuple):
    """Textures: see :mod:`.textures`; ``folds`` (r, r, 3) this frame's creases; ``brow`` (h, w, 2) this face's style
    0..1 in ``brow_box`` (left, top, width, height); ``detail`` (r, r) uint8, 1 where a pixel needs four samples."""

    layers: Floats
    label: Bytes
    detail: Bytes
    folds: Floats
    brow: Floats
    brow_box: Floats
    iris: Floats
    hair: Floats
    tile: Floats


class Look(NamedTuple):
    """Who and under which light: ``tints`` (n, 3) linear colours and ``amounts`` (m,), indexed by the constants of
    :mod:`.materials`; ``lights`` (l, 11) direction to the light, colour, diffuse reach, cosine
    radius, reach under skin of red, green and blue (see :func:`.light.lamp`); ``ambient`` (3, 3) sky, ground,
    the eye's reflections; ``curve`` tone curve for each channel (3, CURVE_SIZE)."""

    tints: Floats
    amounts: Floats
    lights: Floats
    ambient: Floats
    curve: Floats


@jit
def texture_slopes(vertices: Floats, triangles: Ints, uv: Floats, out: Floats) -> None:
    """Gradients of u and v along each triangle's plane into ``out`` (t, 6), zero for degenerate triangles."""
    for t in range(triangles.shape[0]):
        gradients(vertices, uv, triangles[t, 0], triangles[t, 1], triangles[t, 2], 1e-14, out[t])


@jit
def fetch(texture: Floats, u: float, v: float, out: Floats) -> None:
    """Bilinear lookup of all channels of ``texture`` (h, w, c), u and v in [0, 1], into ``out`` (c,)."""
    height, width, channels = texture.shape
    x = min(max(u * width - 0.5, 0.0), width - 1.001)
    y = min(max(v * height - 0.5, 0.0), height - 1.001)
    column, row = int(x), int(y)
    fx, fy = F(x - column), F(y - row)
    w00, w01 = (F(1) - fx) * (F(1) - fy), fx * (F(1) - fy)
    w10, w11 = (F(1) - fx) * fy, fx * fy
    for c in range(channels):
        out[c] = (
            texture[row, column, c] * w00
            + texture[row, column + 1, c] * w01
            + texture[row + 1, column, c] * w10
            + texture[row + 1, column + 1, c] * w11
        )


@jit
def same_surface(ids: Ints, near: Floats, part: Bytes, row: int, column: int) -> bool:
    """Whether the four samples of a pixel lie on one smooth part."""
    first = ids[row, column]
    if first < 0:
        return False
    kind = part[first]
    if (
        kind != m.P_SKIN
        and kind != m.P_NECK
        and kind != m.P_CLOTH
        and kind != m.P_EAR
        and kind != m.P_HAIR
        and kind != m.P_HAT
    ):
        return False
    low = high = near[row, column]
    for n in range(1, 4):
        y, x = row + n // 2, column + n % 2
        other = ids[y, x]
        if other < 0 or part[other] != kind:
            return False
        low, high = min(low, near[y, x]), max(high, near[y, x])
    return bool(high - low < 0.02 * high)


@jit
def skin_albedo(layers: Floats, fold: Floats, brow: Floats, look: Look, rgb: Floats) -> None:
    """Mix the skin's layers into the albedo ``rgb`` (3,)."""
    q, tints = look.amounts, look.tints
    grain = 1.0 + q[m.Q_MOTTLE] * layers[2] + q[m.Q_BLOTCH] * layers[3]
    flush = q[m.Q_FLUSH] * layers[5]
    freckle = q[m.Q_FRECKLE] * layers[4]
    lip = clamp(q[m.Q_LIP] * layers[6], 0.0, 1.0)
    socket = q[m.Q_SOCKET] * layers[10]
    bearded = max(layers[7], 0.0)
    scalp = q[m.Q_SCALP] * max(-layers[7], 0.0)
    stubble = clamp(q[m.Q_STUBBLE] * bearded * (0.55 + 0.6 * layers[8]), 0.0, 0.95)
    beard = clamp(smooth(q[m.Q_BEARD] * bearded, 0.25, 0.75) * (0.45 + 0.9 * layers[8]), 0.0, 0.96)
    hair = clamp(q[m.Q_BROW] * brow[0], 0.0, 0.97)
    dark = 1.0 - 0.50 * clamp(q[m.Q_CREASE] * fold[2], 0.0, 1.0) - 0.28 * clamp(q[m.Q_AGE] * layers[14], 0.0, 1.0)
    liner = clamp(q[m.Q_LINER] * layers[15], 0.0, 0.9)
    for c in range(3):
        value = tints[m.SKIN, c] * grain
        value *= 1.0 + flush * (tints[m.FLUSH, c] - 1.0)
        value *= 1.0 + freckle * (tints[m.FRECKLE, c] - 1.0)
        value *= 1.0 + socket * (tints[m.SHADOW, c] - 1.0)
        value += lip * (tints[m.LIP, c] * (1.0 + 0.06 * layers[2]) - value)
        value *= 1.0 + stubble * (tints[m.STUBBLE, c] - 1.0)
        value += beard * (tints[m.HAIR, c] * (0.55 + 0.9 * layers[8]) - value)
        value *= dark if c else 1.0 - 0.8 * (1.0 - dark)  # folds and wrinkles stay warm: light bounces inside them
        value *= 1.0 - liner * (0.85 if c else 0.75)
        value += hair * (tints[m.BROW, c] - value)
        value += scalp * (tints[m.HAIR, c] * (0.6 + 0.5 * layers[8]) - value)
        rgb[c] = max(value, 0.0)


@jit
def lit(
    rgb: Floats,
    n: Floats,
    view: Floats,
    open_sky: float,
    soft: float,
    rough: float,
    shine: float,
    first: float,
    look: Look,
    out: Floats,
) -> None:
    """Diffuse and specular light of a rough surface into ``out`` (3,). ``soft`` is how far light bleeds round the
    terminator, red the farthest, as under skin; ``first`` how much of the first light arrives."""
    sky = 0.5 - 0.5 * n[1]
    nv = clamp(n[0] * view[0] + n[1] * view[1] + n[2] * view[2], 0.0, 1.0)
    grazing = (1.0 - nv) * (1.0 - nv)
    grazing *= grazing
    for c in range(3):
        ambient = look.ambient[1, c] + sky * (look.ambient[0, c] - look.ambient[1, c])
        # occluded skin turns red before it turns black
        reach = open_sky if c else open_sky + soft * 0.35 * open_sky * (1.0 - open_sky)
        out[c] = ambient * reach * (rgb[c] + shine * 0.10 * grazing)
    unshadowed = 0.45 + 0.55 * open_sky
    broad, tight = rough * rough * rough * rough, (0.72 * rough) ** 4
    lights = look.lights
    for k in range(lights.shape[0]):
        cosine = n[0] * lights[k, 0] + n[1] * lights[k, 1] + n[2] * lights[k, 2]
        if cosine < -0.55:
            continue
        gloss = 0.0
        direct = unshadowed * first if k == 0 else unshadowed
        if cosine > 0.0 and shine > 0.0:
            # the half vector h = (l + v) / |l + v|, and |l + v|^2 = 2 + 2 l.v
            lv = lights[k, 0] * view[0] + lights[k, 1] * view[1] + lights[k, 2] * view[2]
            scale = 1.0 / math.sqrt(2.0 + 2.0 * lv + 1e-6)
            nh, lh = min((cosine + nv) * scale, 1.0), min((1.0 + lv) * scale, 1.0)
            gloss = shine * two_lobes(nh, lh, cosine, rough, broad, tight)
        for c in range(3):
            reach = lights[k, 6] + soft * (lights[k, 8 + c] - lights[k, 6])
            value = cosine * (1.0 - reach) + reach
            diffuse = 0.0 if value <= 0.0 else value * (value * 0.25 + 0.75) * (1.0 - 0.32 * reach)
            out[c] += lights[k, 3 + c] * direct * (rgb[c] * diffuse + gloss)
