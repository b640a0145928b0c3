"""What shading reads, and light on rough surfaces: diffuse under skin, highlights, the key light's shadow."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints
from aubench.drawing.raster import jit
from aubench.drawing.shading import clamp

from . import ids as m
from .light import Lights, glossy, harmonic

F = np.float32
Number: TypeAlias = Any
"""A scalar of whatever width compiled code passes."""
assert m.FORM == 2  # see there
FINE, BROAD = 4.1, 1.3
"""How often the noise tile goes into the chart."""


class Surface(NamedTuple):
    """A posed mesh in camera space: ``vertices``, ``normals`` (v, 3); ``screen`` (v, 3) output pixels and 1/z; ``uv``
    (v, 2); ``rest`` (v, 3) the mean face; ``inside`` (v,) centimetres inside the hairline; ``open`` (v, 3) the
    share of the sky's light that arrives, per channel; ``triangles`` (t, 3); ``kind`` (t,)."""

    vertices: Floats
    normals: Floats
    screen: Floats
    uv: Floats
    rest: Floats
    inside: Floats
    open: Floats
    triangles: Ints
    kind: Bytes


class Paints(NamedTuple):
    """Textures: ``layers``, ``label``, ``detail`` see :class:`.chart.Chart`; ``folds`` (r, r, 3) this frame's
    creases; ``brow`` (h, w, 2) this face's brow and the area it covers, 0..1, in ``brow_box`` (left, top, width,
    height); ``tile`` noise at about a texel to a pixel where the chart is taken ``FINE`` times, ``broad`` ``BROAD``
    times; ``over`` (2s, 2s, 4), ``front``, ``what`` (2s, 2s) strands, see
    :func:`aubench.drawing.raster.draw_strands`."""

    layers: Bytes
    label: Bytes
    detail: Bytes
    folds: Floats
    brow: Floats
    brow_box: Floats
    tile: Bytes
    broad: Bytes
    over: Floats
    front: Floats
    what: Bytes


class Looks(NamedTuple):
    """Who and with which film: ``tints`` (n, 3) linear colours and ``amounts`` (m,), indexed by the constants of
    :mod:`.ids`; ``curve`` (3, CURVE_SIZE) tone curve of each channel."""

    tints: Floats
    amounts: Floats
    curve: Floats


@jit
def sample(texture: Bytes, u: float, v: float, out: Floats) -> None:
    """Bilinear lookup of all channels of ``texture`` (h, w, c), u and v in [0, 1], into ``out`` (c,), 0..1."""
    height, width, channels = texture.shape
    x = min(max(u * width - 0.5, 0.0), width - 1.001)
    y = min(max(v * height - 0.5, 0.0), height - 1.001)
    column, row = int(x), int(y)
    fx, fy = F(x - column), F(y - row)
    w00, w01 = (F(1) - fx) * (F(1) - fy), fx * (F(1) - fy)
    w10, w11 = (F(1) - fx) * fy, fx * fy
    for c in range(channels):
        out[c] = F(1 / 255.0) * (
            F(texture[row, column, c]) * w00
            + F(texture[row, column + 1, c]) * w01
            + F(texture[row + 1, column, c]) * w10
            + F(texture[row + 1, column + 1, c]) * w11
        )


@jit
def repeat(texture: Bytes, u: float, v: float, channels: int, out: Floats) -> None:
    """As :func:`sample`, of the first ``channels``, for a tile that repeats over the whole plane and has a power of two
    texels."""
    side = texture.shape[0]
    x, y = u * side + 65536.0 * side, v * side + 65536.0 * side
    column, row = int(x), int(y)
    fx, fy = F(x - column), F(y - row)
    column, row = column & (side - 1), row & (side - 1)
    right, below = (column + 1) & (side - 1), (row + 1) & (side - 1)
    w00, w01 = (F(1) - fx) * (F(1) - fy), fx * (F(1) - fy)
    w10, w11 = (F(1) - fx) * fy, fx * fy
    for c in range(channels):
        out[c] = F(1 / 255.0) * (
            F(texture[row, column, c]) * w00
            + F(texture[row, right, c]) * w01
            + F(texture[below, column, c]) * w10
            + F(texture[below, right, c]) * w11
        )


@jit
def fetch(texture: Floats, u: float, v: float, out: Floats) -> None:
    """As :func:`sample` for float textures."""
    height, width, channels = texture.shape
    x = min(max(u * width - 0.5, 0.0), width - 1.001)
    y = min(max(v * height - 0.5, 0.0), height - 1.001)
    column, row = int(x), int(y)
    fx, fy = F(x - column), F(y - row)
    for c in range(channels):
        top = texture[row, column, c] * (F(1) - fx) + texture[row, column + 1, c] * fx
        low = texture[row + 1, column, c] * (F(1) - fx) + texture[row + 1, column + 1, c] * fx
        out[c] = top * (F(1) - fy) + low * fy


@jit
def lit(
    rgb: Floats, n: Floats, flat: Floats, view: Floats, open_sky: Floats, bleed: Number, rough: Number, shine: Number,
    first: Number, lights: Lights, basis: Floats, out: Floats,
) -> None:  # fmt: skip
    """Diffuse and specular light of a surface of albedo ``rgb`` into ``out`` (3,).

    ``n`` is the normal with bumps, ``flat`` without; under skin red light blurs over them, so that it sees mostly
    ``flat``. ``open_sky`` (3,) shares of the sky's light; ``bleed`` 0..1 how far light reaches round the terminator,
    red the farthest; ``first`` the share of the key light that arrives; ``basis`` (9,) is scratch.
    """
    sky, lamps = lights.sky, lights.lamps
    nv = clamp(n[0] * view[0] + n[1] * view[1] + n[2] * view[2], 0.0, 1.0)
    # the sky's irradiance at a normal between bumped and smooth, the same for all channels
    soft = F(0.35) * bleed
    x, y, z = n[0] + soft * (flat[0] - n[0]), n[1] + soft * (flat[1] - n[1]), n[2] + soft * (flat[2] - n[2])
    harmonic(x, y, z, basis)
    for c in range(3):
        value = basis[0] * sky[0, c]
        for k in range(1, 4):
            value += F(0.6667) * basis[k] * sky[k, c]
        for k in range(4, 9):
            value += F(0.25) * basis[k] * sky[k, c]
        # occluded skin turns red before it turns black
        share = open_sky[c] + (bleed * F(0.30) * open_sky[c] * (F(1) - open_sky[c]) if c == 0 else F(0))
        out[c] = max(value, F(0.0)) * share * rgb[c]
    grazing = (1.0 - nv) * (1.0 - nv)
    fresnel = (0.035 + 0.5 * grazing * grazing * (1.0 - nv)) * shine * (1.15 - rough)
    rx, ry, rz = 2 * nv * n[0] - view[0], 2 * nv * n[1] - view[1], 2 * nv * n[2] - view[2]
    harmonic(rx, ry, rz, basis)
    for c in range(3):
        value = basis[0] * sky[0, c] + F(0.85) * (basis[1] * sky[1, c] + basis[2] * sky[2, c] + basis[3] * sky[3, c])
        out[c] += max(value, F(0)) * fresnel * open_sky[1] * open_sky[1]
    broad, tight = rough * rough, 0.45 * rough * rough
    for k in range(lamps.shape[0]):
        lx, ly, lz = lamps[k, 0], lamps[k, 1], lamps[k, 2]
        cosine = n[0] * lx + n[1] * ly + n[2] * lz
        direct = first if k == 0 else open_sky[1]
        if k == 0:
            smooth_cosine = flat[0] * lx + flat[1] * ly + flat[2] * lz
            for c in range(3):
                wide = bleed * (F(0.34) if c == 0 else (F(0.14) if c == 1 else F(0.08)))
                mixed = cosine + (smooth_cosine - cosine) * bleed * (F(0.7) if c == 0 else F(0.35))
                value = (mixed + wide) / (F(1) + wide)
                if value > 0.0:
                    # behind the terminator light leaks even where the shadow map says none
                    leak = direct + (F(1) - direct) * bleed * (F(0.10) if c == 0 else F(0.03))
                    out[c] += lamps[k, 3 + c] * rgb[c] * value * leak / (F(1) + F(0.5) * wide)
        if cosine > 0.0 and shine > 0.0:
            lv = lx * view[0] + ly * view[1] + lz * view[2]
            scale = 1.0 / math.sqrt(2.0 + 2.0 * lv + 1e-6)
            nh, lh = min((cosine + nv) * scale, 1.0), min((1.0 + lv) * scale, 1.0)
            spread = 0.35 * (1.0 - lamps[k, 6])  # a wide light blurs its highlight
            gloss = 0.65 * glossy(nh, lh, cosine, broad + spread) + 0.35 * glossy(nh, lh, cosine, tight + spread)
            for c in range(3):
                out[c] += lamps[k, 3 + c] * direct * shine * gloss


@jit
def skin_albedo(
    layers: Floats, fine: Floats, broad: Floats, fold_dark: float, brow: float, looks: Looks, rgb: Floats
) -> None:
    """The albedo ``rgb`` (3,) of a point of the face chart: pigment and blood as densities (Tsumura et al. 2003), then
    lips, shadow of the beard, make-up, creases and brow hair. ``fine``, ``broad`` (8,) samples of the noise tile."""
    q, tints = looks.amounts, looks.tints
    mottle, blotch = fine[0] - F(0.5), broad[1] - F(0.5)
    flush = q[m.Q_FLUSH] * layers[m.L_FLUSH] * (F(1) + F(1.2) * blotch)
    blood = (
        flush + q[m.Q_MOTTLE] * mottle * F(1.6) + q[m.Q_BLOTCH] * blotch + F(0.35) * q[m.Q_SOCKET] * layers[m.L_SOCKET]
    )
    pigment = q[m.Q_FRECKLE] * broad[2] * (F(0.25) + F(0.75) * layers[m.L_FLUSH])
    pigment += F(0.8) * q[m.Q_BLOTCH] * (broad[0] - F(0.5)) + q[m.Q_MOTTLE] * (fine[1] - F(0.5))
    pigment += (F(0.75) * q[m.Q_SOCKET] - q[m.Q_POWDER]) * layers[m.L_SOCKET]
    lip = clamp(q[m.Q_LIP] * layers[m.L_LIP], 0.0, 1.0)
    stubble = clamp(q[m.Q_STUBBLE] * layers[m.L_BEARD] * (F(0.45) + F(0.75) * fine[5]), 0.0, 0.9)
    beard = max(q[m.Q_BEARD] * layers[m.L_BEARD], F(0))
    beard = clamp(beard * (F(0.7) + F(0.5) * fine[5]), 0.0, 0.92)
    dark = clamp(q[m.Q_CREASE] * fold_dark, 0.0, 1.0)
    liner = clamp(q[m.Q_LINER] * layers[m.L_MARGIN], 0.0, 0.93)
    painted = layers[m.L_LID]
    hair = clamp(q[m.Q_BROW] * brow, 0.0, 0.97)
    for c in range(3):
        mel = F(0.40) if c == 0 else (F(0.66) if c == 1 else F(0.85))
        red = F(0.06) if c == 0 else (F(0.62) if c == 1 else F(0.52))
        value = tints[m.T_SKIN, c] * math.exp(-(mel * pigment + red * blood))
        value *= F(1) + painted * (tints[m.T_SHADOW, c] - F(1))
        value += lip * (tints[m.T_LIP, c] * (F(1) + F(0.35) * mottle + F(0.2) * blotch) - value)
        value *= F(1) - stubble * (F(0.50) if c == 0 else (F(0.42) if c == 1 else F(0.36)))
        value += beard * (tints[m.T_HAIR, c] - value)
        value *= F(1) - dark * (F(0.24) if c == 0 else F(0.33))  # creases stay warm: light bounces inside them
        value *= F(1) - liner * (F(0.86) if c == 0 else F(0.93))
        value += hair * (tints[m.T_BROW, c] - value)
        rgb[c] = max(value, F(0.0))
