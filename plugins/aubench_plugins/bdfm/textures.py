"""What is painted on the skin and in the eyes: layers in the face chart that a look mixes, and the folds of the skin.

Everything is painted once, at build time, from noise with fixed seeds and from the model's chart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from aubench.contracts import PARSING_CLASSES
from aubench.drawing.arrays import Bytes, Floats, Ints

from . import brushes
from .build import face_model
from .constants import CHART_SCALE, Crease

LAYERS = (
    "pore_u", "pore_v", "mottle", "blotch", "freckle", "flush", "lip", "beard", "strand", "oil", "socket", "shade",
    "age_u", "age_v", "age", "margin",
)  # fmt: skip
"""Channels of :attr:`SkinTextures.layers`. ``pore_u/v``: slope of the skin's fine relief (interocular distances per
chart unit); ``mottle, blotch``: fine and coarse colour noise, variance 1; ``freckle, flush, lip, beard, oil, socket,
margin``: masks in 0..1 of freckles, ruddy places, the red of the lips, beard growth (negative: hair of the head),
shine, the hollow round the eye, the lid's edge; ``strand``: beard hairs 0..1; ``shade``: light that reaches the place
0..1; ``age_u/v, age``: slope and depth of the wrinkles that stay."""
_AT = {name: n for n, name in enumerate(LAYERS)}


@dataclass(frozen=True)
class CreaseTextures:
    """Patches of all folds, one after the other: ``data`` (n, 3) slope in u, slope in v, shade; ``boxes`` (c, 5)
    left, top, width, height, first row in ``data``."""

    data: Floats
    boxes: Ints


@dataclass(frozen=True)
class SkinTextures:
    """``layers`` (r, r, 16); ``label`` (r, r) uint8 parsing class of skin; ``creases``; ``iris`` (e, e, 4) fibres,
    inner colour, veins, limbus shade in a window of the eye chart; ``hair`` (r, r, 2) strand brightness and coverage
    noise; ``tile`` (256, 256) repeating noise."""

    layers: Floats
    label: Bytes
    creases: CreaseTextures
    iris: Floats
    hair: Floats
    tile: Floats


def _spots(rng: np.random.Generator, side: int, count: int, low: float, high: float) -> Floats:
    """``count`` soft round spots (side, side), radii in chart units between ``low`` and ``high``, strengths 0..1."""
    canvas = np.zeros((side, side), np.float32)
    us, vs, radii = rng.random(count), rng.random(count), rng.uniform(low, high, count)
    for u, v, r, a in zip(us, vs, radii, rng.uniform(0.3, 1, count), strict=True):
        reach = int(3 * r * side) + 2
        x, y = int(u * side), int(v * side)
        x0, x1, y0, y1 = max(0, x - reach), min(side, x + reach), max(0, y - reach), min(side, y + reach)
        ys, xs = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        d = ((xs + 0.5) / side - u) ** 2 + ((ys + 0.5) / side - v) ** 2
        canvas[y0:y1, x0:x1] = np.maximum(canvas[y0:y1, x0:x1], a * np.exp(-d / (r * r)))
    return canvas


def _layers(side: int) -> Floats:
    model = face_model()
    chart = model.chart
    rng = np.random.default_rng(2026)
    u, v = brushes.grid(side)
    unit = side / 512.0
    out = np.zeros((side, side, len(LAYERS)), np.float32)

    def put(name: str, values: Floats) -> None:
        out[..., _AT[name]] = values

    lips = np.maximum(
        brushes.polygon(side, chart["upper_lip"], 0.003), brushes.polygon(side, chart["lower_lip"], 0.003)
    )
    line, _ = brushes.to_polyline(u, v, chart["lip_line"])
    lips = np.maximum(lips, (line < 0.006).astype(np.float32) * (lips > 0.02))
    nose = brushes.polygon(side, chart["nose"], 0.012)
    eyes = [chart["r_eye"], chart["l_eye"]]
    brows = [chart["r_brow"].mean(axis=0), chart["l_brow"].mean(axis=0)]
    centres = [outline.mean(axis=0) for outline in eyes]
    tip = chart["nose"].mean(axis=0)
    mouth = chart["lip_line"].mean(axis=0)
    cheeks = [chart["r_cheek"].reshape(-1, 2)[0], chart["l_cheek"].reshape(-1, 2)[0]]
    chin = mouth + np.array([0.0, 0.11], np.float32)

    # relief: pores, stronger on nose and cheeks; fine lines across the lips
    pores = -np.clip(brushes.noise(rng, side, 1.1 * unit) - 0.6, 0, None) + 0.35 * brushes.noise(rng, side, 2.2 * unit)
    where = 0.45 + 0.8 * nose + sum(0.7 * brushes.blob(u, v, c, 0.09, 0.07) for c in cheeks)
    height = 0.0008 * pores * where * (1 - lips)
    wander = u + 0.0015 * brushes.noise(rng, side, 9 * unit)
    furrow = np.sin(2 * np.pi * 95 * wander) + 0.6 * np.sin(2 * np.pi * 151 * wander + 2.0)
    height += 0.0011 * lips * furrow * (0.6 + 0.4 * brushes.noise(rng, side, 6 * unit))
    slope_u, slope_v = brushes.slopes(height.astype(np.float32))
    put("pore_u", slope_u)
    put("pore_v", slope_v)
    put("mottle", brushes.fractal(rng, side, 3.5 * unit, 3, 0.7))
    put("blotch", brushes.fractal(rng, side, 26 * unit, 3, 0.5))

    band = sum(brushes.blob(u, v, c, 0.13, 0.085) for c in cheeks) + brushes.blob(u, v, tip, 0.10, 0.09) + 0.25
    put("freckle", np.clip(_spots(rng, side, 1500, 0.0011, 0.0032) * np.clip(band, 0, 1), 0, 1))
    flush = sum(0.75 * brushes.blob(u, v, c, 0.085, 0.07) for c in cheeks)
    flush = flush + 0.75 * brushes.blob(u, v, tip + np.array([0, 0.03], np.float32), 0.045, 0.05)
    flush = flush + 0.35 * brushes.blob(u, v, chin, 0.06, 0.045)
    flush = flush + sum(0.25 * brushes.blob(u, v, c, 0.09, 0.05) for c in centres)
    put("flush", np.clip(flush * (1 + 0.25 * brushes.fractal(rng, side, 12 * unit, 3)), 0, 1.2))
    put("lip", lips)

    beard = brushes.polygon(side, chart["beard"], 0.012)
    # no hair on the red, under the nose's wings and in the bare wedge under the lower lip
    beard *= 1 - np.clip(brushes.blur(lips, 3 * unit) * 1.5, 0, 1)
    beard *= 1 - 0.85 * np.clip(nose * 1.5, 0, 1)
    hairline, _ = brushes.to_polyline(u, v, chart["hairline"])
    scalp = 1 - brushes.polygon(side, _below(chart["hairline"]))
    scalp = np.clip(
        0.5 + np.where(scalp > 0.5, hairline, -hairline) / 0.022 + 0.30 * brushes.fractal(rng, side, 5 * unit, 2), 0, 1
    )
    scalp *= np.clip((float(chart["hairline"][:, 1].max()) - 0.03 - v) / 0.03, 0, 1)
    put("beard", np.where(scalp > 0, -scalp, np.clip(beard, 0, 1)))
    put("strand", _strands(rng, side, mouth))

    oil = np.clip(nose + brushes.blob(u, v, np.mean(brows, axis=0) - (0, 0.07), 0.16, 0.07), 0, 1)
    oil = (
        oil + sum(0.5 * brushes.blob(u, v, c, 0.06, 0.05) for c in cheeks) + 0.4 * brushes.blob(u, v, chin, 0.05, 0.04)
    )
    put("oil", np.clip(oil, 0, 1))

    socket = np.zeros_like(u)
    margin = np.zeros_like(u)
    for c, outline in zip(centres, eyes, strict=True):
        below = c + np.array([0.0, 0.035], np.float32)
        socket += 0.75 * brushes.blob(u, v, below, 0.062, 0.028)
        inner = c + np.array([np.sign(0.5 - c[0]) * 0.06, 0.0], np.float32)
        socket += 0.8 * brushes.blob(u, v, inner, 0.030, 0.036) + 0.45 * brushes.blob(u, v, c - (0, 0.022), 0.06, 0.024)
        distance, _ = brushes.to_polyline(u, v, outline, closed=True)
        margin = np.maximum(margin, np.exp(-((distance / 0.0045) ** 2)))
    put("socket", np.clip(socket, 0, 1))
    put("margin", margin)

    shade = np.ones_like(u)
    shade *= 1 - 0.75 * np.exp(-((line / 0.0042) ** 2))
    for name in ("r_nostril", "l_nostril"):
        shade *= 1 - 0.80 * brushes.polygon(side, chart[name], 0.003)
    for name in ("r_lid_crease", "l_lid_crease"):
        distance, along = brushes.to_polyline(u, v, chart[name])
        shade *= 1 - 0.42 * np.exp(-((distance / 0.0042) ** 2)) * np.clip(np.sin(np.pi * along) * 2.5, 0, 1)
    shade *= 1 - 0.25 * brushes.blob(u, v, mouth + np.array([0, 0.052], np.float32), 0.055, 0.014)
    put("shade", shade.astype(np.float32))

    age_u, age_v, age = _age(side, model.creases, rng)
    put("age_u", age_u)
    put("age_v", age_v)
    put("age", age)
    return out


def _below(hairline: Floats) -> Floats:
    """The closed region (n, 2) of the chart under the hairline."""
    ends = np.array([[hairline[-1, 0], 2.0], [hairline[0, 0], 2.0]], np.float32)
    return np.concatenate([hairline, ends]).astype(np.float32)


def _strands(rng: np.random.Generator, side: int, mouth: Floats) -> Floats:
    """Short hairs that grow away from the mouth: white noise smeared along the direction of growth."""
    u, v = brushes.grid(side)
    white = (rng.random((side, side)) < 0.20).astype(np.float32)
    du, dv = (u - mouth[0]) * 0.8, np.abs(v - mouth[1]) * 0.6 + 0.06
    norm = np.hypot(du, dv) * side
    rows, columns = np.mgrid[0:side, 0:side]
    total = np.zeros_like(white)
    for step in range(-4, 5):
        x = np.clip(np.round(columns + step * du / norm * side), 0, side - 1).astype(int)
        y = np.clip(np.round(rows + step * dv / norm * side), 0, side - 1).astype(int)
        total += white[y, x]
    return np.asarray(np.clip(total / 4.0, 0, 1).astype(np.float32))


def _profile(side: int, crease: Crease, pad: float = 3.2) -> tuple[tuple[int, int, int, int], Floats, Floats]:
    """The fold's box (left, top, width, height), its height (interocular distances, negative) and its shade 0..1."""
    reach = pad * crease.width
    low = np.floor((crease.uv.min(axis=0) - reach) * side).astype(int).clip(1, side - 2)
    high = np.ceil((crease.uv.max(axis=0) + reach) * side).astype(int).clip(1, side - 2)
    u, v = np.meshgrid((np.arange(low[0], high[0] + 1) + 0.5) / side, (np.arange(low[1], high[1] + 1) + 0.5) / side)
    distance, along = brushes.to_polyline(u.astype(np.float32), v.astype(np.float32), crease.uv)
    taper = np.clip(np.sin(np.pi * np.clip(along, 0.02, 0.98)) * 1.6, 0, 1)
    width = max(crease.width, 0.9 / side)
    groove = np.exp(-((distance / width) ** 2)) * taper
    swell = np.exp(-(((distance - 2.0 * width) / (1.2 * width)) ** 2)) * taper
    depth = 0.55 * width / CHART_SCALE
    height = (depth * (0.45 * swell - groove)).astype(np.float32)
    return (int(low[0]), int(low[1]), u.shape[1], u.shape[0]), height, groove.astype(np.float32)


def _creases(side: int) -> CreaseTextures:
    parts, boxes, start = [], [], 0
    for crease in face_model().creases:
        (left, top, width, height), relief, shade = _profile(side, crease)
        dv, du = np.gradient(relief)
        parts.append(np.stack([du * side, dv * side, shade], axis=2).reshape(-1, 3))
        boxes.append((left, top, width, height, start))
        start += width * height
    data = np.concatenate(parts) if parts else np.zeros((0, 3))
    return CreaseTextures(np.ascontiguousarray(data, np.float32), np.array(boxes, np.int32).reshape(-1, 5))


def _age(side: int, creases: tuple[Crease, ...], rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Wrinkles of age: faint copies of the folds, and fine lines."""
    height, depth = np.zeros((side, side), np.float32), np.zeros((side, side), np.float32)
    for crease in creases:
        (left, top, width, rows), relief, shade = _profile(side, crease)
        weight = rng.uniform(0.25, 0.6)
        height[top : top + rows, left : left + width] += 0.55 * weight * relief
        depth[top : top + rows, left : left + width] = np.maximum(
            depth[top : top + rows, left : left + width], weight * shade
        )
    fine = brushes.noise(rng, side, 2.0 * side / 512)
    height += 0.0006 * fine
    slope_u, slope_v = brushes.slopes(height)
    return slope_u, slope_v, depth


def _label(side: int) -> Bytes:
    chart = face_model().chart
    label = np.full((side, side), PARSING_CLASSES.index("skin"), np.uint8)
    label[brushes.polygon(side, chart["nose"]) > 0.5] = PARSING_CLASSES.index("nose")
    upper, lower = brushes.polygon(side, chart["upper_lip"]), brushes.polygon(side, chart["lower_lip"])
    label[upper > 0.5] = PARSING_CLASSES.index("u_lip")
    label[lower > 0.5] = PARSING_CLASSES.index("l_lip")
    return label


def _iris(side: int) -> Floats:
    """The eye's front in its own chart, window of half width 0.25 around the pole (see ``gloss.EYE_WINDOW``)."""
    rng = np.random.default_rng(11)
    u, v = brushes.grid(side)
    x, y = (u - 0.5) * 2, (v - 0.5) * 2
    radius, angle = np.hypot(x, y), np.arctan2(y, x) / (2 * np.pi) + 0.5
    # fibres: noise that is narrow in angle and long in radius
    table = brushes.noise(rng, 256, 0.0)
    table = np.stack([np.convolve(np.tile(row, 3), np.ones(3) / 3, "same")[256:512] for row in table])
    table = table.astype(np.float32)
    smooth = np.stack([brushes.blur(np.ascontiguousarray(table[:, n : n + 1]), 14.0)[:, 0] for n in range(256)], axis=1)
    smooth /= smooth.std() + 1e-9
    fibre = smooth[np.clip((radius * 180).astype(int), 0, 255), (angle * 255).astype(int)]
    collarette = 0.23 + 0.02 * brushes.noise(rng, side, side / 40)
    inner = 1 / (1 + np.exp((radius - collarette * 1.15) / 0.02))
    veins = np.clip(np.abs(brushes.fractal(rng, side, side / 16, 3, 0.6)) * -6 + 0.9, 0, 1) * np.clip(
        (radius - 0.55) * 2.5, 0, 1
    )
    limbus = brushes.noise(rng, side, side / 30)
    return np.ascontiguousarray(np.stack([fibre, inner, veins, limbus], axis=2), dtype=np.float32)


def _hair(side: int) -> Floats:
    """Strands in the face chart that run from the crown outwards: brightness (variance 1) and locks."""
    rng = np.random.default_rng(5)
    u, v = brushes.grid(side)
    crown = np.array([0.5, 0.02], np.float32)
    angle = np.arctan2(u - crown[0], v - crown[1] + 0.25) / np.pi
    radius = np.hypot(u - crown[0], v - crown[1])
    angle = angle + 0.012 * brushes.noise(rng, side, side / 14)
    out = np.zeros((side, side, 2), np.float32)
    for channel, (count, length) in enumerate(((700, 22.0), (90, 60.0))):
        table = rng.standard_normal((256, count)).astype(np.float32)
        table = np.stack(
            [brushes.blur(np.ascontiguousarray(column[:, None]), length)[:, 0] for column in table.T], axis=1
        )
        table /= table.std() + 1e-9
        x = (angle + 1) * 0.5 * (count - 1)
        x0 = np.clip(np.floor(x).astype(int), 0, count - 2)
        row = np.clip((radius * 255).astype(int), 0, 255)
        mix = np.clip(x - x0, 0, 1)
        out[..., channel] = table[row, x0] * (1 - mix) + table[row, x0 + 1] * mix
    return out


@lru_cache(maxsize=4)
def skin_textures(side: int) -> SkinTextures:
    """All painted textures at ``side`` texels (256, 512 or 1024); about one texel for each sample of the picture."""
    fine = max(side, 512)
    hair = brushes.shrink(_hair(fine), side)
    tile = brushes.fractal(np.random.default_rng(3), 256, 4.0, 4, 0.7)
    return SkinTextures(brushes.shrink(_layers(fine), side), _label(side), _creases(side), _iris(192), hair, tile)
