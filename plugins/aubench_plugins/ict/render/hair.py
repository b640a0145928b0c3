"""Hair: strands that grow from the scalp, are combed, fall, and keep off the head."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aubench.drawing.arrays import Bytes, Floats, Ints
from aubench.drawing.raster import jit

from .ids import C_HAIR
from .scalp import Scalp
from .strands import Strands


@dataclass(frozen=True)
class Cut:
    """A hair style: ``count`` of strands and ``steps`` of each; ``length`` (cm) on top and ``sides`` as a share of
    it; ``lift`` how far strands stand up; ``volume`` (cm) of the mass; ``comb`` (3,) direction in head space;
    ``part`` (cm, to the picture's right) from which hair falls to both sides, None for none; ``fall`` how soon gravity
    wins; ``curl`` (cm) radius of curls; ``messy``; ``bangs`` (cm) length over the forehead, 0 for none; ``open`` (cm)
    half width of the face that long hair leaves free; whether the ``ears`` are covered; ``width`` (cm) of a strand."""

    count: int = 4200
    steps: int = 9
    length: float = 3.0
    sides: float = 0.5
    lift: float = 0.5
    volume: float = 0.8
    comb: tuple[float, float, float] = (0.0, 0.0, 0.0)
    part: float | None = None
    fall: float = 0.2
    curl: float = 0.0
    messy: float = 0.2
    bangs: float = 0.0
    open: float = 0.0
    ears: bool = False
    width: float = 0.07


def cut_of(style: str, rng: np.random.Generator) -> Cut:
    """A random cut of one of ``HAIR_STYLES``."""
    side = float(rng.choice([-1.0, 1.0]))
    if style == "buzz":
        return Cut(
            5200, 3, float(rng.uniform(0.25, 0.8)), 0.7, 0.7, 0.1, (0, -0.3, 0.2), fall=0.1, messy=0.15, width=0.05
        )
    if style == "short":
        combs = ((0.2, 0.3, 0.9), (0.9 * side, 0.2, 0.3), (0.1, 0.6, -0.8), (0.3 * side, 0.9, 0.2))
        comb = combs[int(rng.integers(0, 4))]
        return Cut(
            4600, 7, float(rng.uniform(1.6, 4.5)), float(rng.uniform(0.25, 0.6)), float(rng.uniform(0.2, 0.85)),
            float(rng.uniform(0.5, 1.6)), comb, fall=0.12, messy=float(rng.uniform(0.12, 0.45)),
        )  # fmt: skip
    if style == "side":
        return Cut(
            4600, 10, float(rng.uniform(5.0, 9.0)), float(rng.uniform(0.2, 0.5)), 0.55, float(rng.uniform(1.0, 2.2)),
            (0.3 * side, 0.15, 0.4), part=2.6 * side, fall=0.22, messy=float(rng.uniform(0.08, 0.25)),
            bangs=float(rng.choice([0.0, 4.0])),
        )  # fmt: skip
    if style == "fringe":
        return Cut(
            5000, 13, float(rng.uniform(8.0, 22.0)), 1.0, 0.3, float(rng.uniform(0.7, 1.6)), (0.0, 0.0, 0.25), fall=0.5,
            messy=float(rng.uniform(0.05, 0.2)), bangs=float(rng.uniform(4.0, 8.0)), open=float(rng.uniform(6.2, 7.6)),
            ears=True, width=0.085,
        )  # fmt: skip
    if style == "curly":
        return Cut(
            5200, 16, float(rng.uniform(6.0, 16.0)), float(rng.uniform(0.5, 1.0)), 1.2, float(rng.uniform(1.6, 5.0)),
            (0.0, 0.1, 0.0), fall=float(rng.uniform(0.05, 0.3)), curl=float(rng.uniform(0.25, 0.7)),
            messy=0.5, bangs=float(rng.choice([0.0, 0.0, 4.5])), open=float(rng.uniform(6.8, 8.2)), ears=True,
            width=0.075,
        )  # fmt: skip
    if style == "long":
        return Cut(
            5000, 17, float(rng.uniform(18.0, 34.0)), 1.0, 0.5, float(rng.uniform(0.7, 2.2)), (0.0, 0.0, -0.25),
            part=float(rng.choice([0.0, 0.8 * side, 2.2 * side])), fall=0.45, curl=float(rng.choice([0.0, 0.0, 0.4])),
            messy=float(rng.uniform(0.05, 0.22)), open=float(rng.uniform(5.6, 8.4)), ears=bool(rng.random() < 0.7),
            width=0.095,
        )  # fmt: skip
    return Cut(4800, 9, 9.0, 0.9, 0.12, 0.35, (0.0, 0.25, -1.0), fall=0.05, messy=0.05, width=0.08)  # tied


def _unit(v: Floats) -> Floats:
    return np.asarray(v / (np.linalg.norm(v, axis=-1, keepdims=True) + 1e-9))


@jit
def _fall(
    here: Floats, way: Floats, comb: Floats, whim: Floats, length: Floats, mass: Floats, lift: Floats, banged: Bytes,
    edge: Floats, table: Floats, centre: Floats, axis_a: Floats, axis_b: Floats, phase: Floats, noise: Floats,
    fall: float, messy: float, free: float, curl: float, points: Floats,
) -> None:  # fmt: skip
    """Let strands grow from ``here`` (k, 3) along ``way``, combed, pulled down, and pushed out of the head, into
    ``points`` (k, steps, 3). The other arrays (k, ...) are each strand's own; ``table`` is :class:`Scalp`'s radius."""
    strands, steps = points.shape[0], points.shape[1]
    rises, turns = table.shape
    for k in range(strands):
        x, y, z = here[k, 0], here[k, 1], here[k, 2]
        wx, wy, wz = way[k, 0], way[k, 1], way[k, 2]
        points[k, 0] = here[k]
        stride = length[k] / (steps - 1)
        for step in range(1, steps):
            s = step / (steps - 1)
            ox, oy, oz = x - centre[0], y - centre[1], z - centre[2]
            far = math.sqrt(ox * ox + oy * oy + oz * oz) + 1e-6
            ox, oy, oz = ox / far, oy / far, oz / far
            along = comb[k, 0] * ox + comb[k, 1] * oy + comb[k, 2] * oz
            c = 0.28 * (1.0 - s)
            n = 0.10 * messy
            pull = 0.55 if banged[k] else fall * (0.5 + s)
            wx = 0.72 * wx + c * (comb[k, 0] - along * ox) + n * (whim[k, 0] + noise[k, step, 0])
            wy = 0.72 * wy + c * (comb[k, 1] - along * oy) + n * (whim[k, 1] + noise[k, step, 1]) - pull
            wz = 0.72 * wz + c * (comb[k, 2] - along * oz) + n * (whim[k, 2] + noise[k, step, 2])
            norm = math.sqrt(wx * wx + wy * wy + wz * wz) + 1e-9
            wx, wy, wz = wx / norm, wy / norm, wz / norm
            x, y, z = x + wx * stride, y + wy * stride, z + wz * stride
            ox, oy, oz = x - centre[0], y - centre[1], z - centre[2]
            far = math.sqrt(ox * ox + oy * oy + oz * oz) + 1e-6
            turn = (math.atan2(ox, oz) / (2 * math.pi) + 0.5) * turns - 0.5
            rise = (math.asin(min(max(oy / far, -1.0), 1.0)) / math.pi + 0.5) * rises - 0.5
            rise = min(max(rise, 0.0), rises - 1.001)
            row, column = int(rise), int(math.floor(turn))  # noqa: RUF046
            fy, fx = rise - row, turn - column
            left, right = column % turns, (column + 1) % turns
            skin = (table[row, left] * (1 - fx) + table[row, right] * fx) * (1 - fy)
            skin += (table[row + 1, left] * (1 - fx) + table[row + 1, right] * fx) * fy
            thick = mass[k] * min(1.0, 0.35 + 1.2 * s)
            least = skin + 0.10 + (0.35 * thick + 0.1 if banged[k] else thick)
            if far < least:
                x, y, z = centre[0] + ox / far * least, centre[1] + oy / far * least, centre[2] + oz / far * least
            if free > 0.0 and not banged[k] and z > centre[2] + 1.0:  # a curtain that leaves the face free
                wide = (free + lift[k]) * min(max((centre[1] + 8.0 - y) / 4.0, 0.0), 1.0)
                side = x * edge[k]
                if side < wide:
                    x = edge[k] * (0.2 * side + 0.8 * wide)
            angle = phase[k] + s * length[k] / max(curl, 0.2) * 1.1 * edge[k]
            a, b = curl * min(1.0, 2 * s) * math.cos(angle), curl * min(1.0, 2 * s) * math.sin(angle)
            points[k, step, 0] = x + a * axis_a[k, 0] + b * axis_b[k, 0]
            points[k, step, 1] = y + a * axis_a[k, 1] + b * axis_b[k, 1]
            points[k, step, 2] = z + a * axis_a[k, 2] + b * axis_b[k, 2]


def grow(scalp: Scalp, cut: Cut, rng: np.random.Generator, recede: float) -> tuple[Floats, Ints, Floats]:
    """Points (k, steps, 3) of all strands on the mean face, the vertex (k,) that carries each, and the layer (k,) of
    the mass it lies in, 0 inside and 1 outside."""
    root, carrier = scalp.roots(rng, cut.count, recede)
    k = len(root)
    points = np.zeros((k, cut.steps, 3))
    if k == 0:
        return points, carrier, np.zeros(0)
    depth = scalp.inside[carrier].astype(np.float64)
    normal = _unit(root - scalp.centre)
    layer = rng.random(k) ** 0.8
    # bundles: strands of one bundle, from about a square centimetre, share their whims
    cells = np.floor((root + rng.normal(0, 0.25, (k, 3))) / 1.1).astype(np.int64)
    _, mine = np.unique(cells @ np.array([1, 64, 4096]), return_inverse=True)
    bundles = int(mine.max()) + 1
    whim = rng.normal(0, 1, (bundles, 3))[mine]
    top = np.clip((depth - 1.5) / 4.0, 0.0, 1.0)
    length = cut.length * (cut.sides + (1 - cut.sides) * top) * rng.uniform(0.75, 1.1, k)
    comb = np.tile(np.array(cut.comb, np.float64), (k, 1))
    if cut.part is not None:
        comb[:, 0] += 1.1 * np.sign(root[:, 0] - cut.part + 0.15 * whim[:, 0])
    front = (root[:, 2] - scalp.centre[2] > 2.0) & (depth < 3.6) & (np.abs(root[:, 0]) < 5.0)
    banged = front & (cut.bangs > 0.0)
    length = np.where(banged, np.maximum(cut.bangs * rng.uniform(0.85, 1.1, k) + 0.6 * depth, 1.5), length)
    comb[banged] = np.array([0.0, -0.25, 0.9]) + 0.25 * whim[banged] * (1, 0, 0)
    tangent = comb - (comb * normal).sum(axis=1, keepdims=True) * normal
    way = _unit(normal * cut.lift + tangent + 0.25 * cut.messy * rng.normal(0, 1, (k, 3)) + 0.3 * cut.messy * whim)
    axis_a = _unit(np.cross(normal, [0.3, 0.9, 0.1]))
    _fall(
        root + 0.02 * normal, way, comb, whim, length, cut.volume * layer * np.clip((depth + 0.3) / 1.8, 0.25, 1.0),
        0.8 * layer, banged.astype(np.uint8), np.where(root[:, 0] >= (cut.part or 0.0), 1.0, -1.0),
        np.ascontiguousarray(scalp.eared if cut.ears else scalp.radius), scalp.centre, axis_a, np.cross(normal, axis_a),
        rng.uniform(0, 2 * np.pi, bundles)[mine] + rng.normal(0, 0.5, k), rng.standard_normal((k, cut.steps, 3)),
        cut.fall, cut.messy, cut.open, cut.curl, points,
    )  # fmt: skip
    return points, carrier, layer


def hair_strands(
    scalp: Scalp, style: str, seed: int, recede: float, root_colour: Floats, tip_colour: Floats
) -> tuple[Strands, Floats]:
    """The hair of a look, and how much (n,) it shades every vertex, 0..1."""
    rng = np.random.default_rng([55, seed])
    cut = cut_of(style, rng)
    points, carrier, layer = grow(scalp, cut, rng, recede)
    k, steps = points.shape[:2]
    s = np.linspace(0.0, 1.0, steps)
    offset = points - scalp.rest[carrier][:, None]
    shade = np.exp(rng.normal(0.0, 0.22, (k, 1, 1))) * np.exp(rng.normal(0.0, 0.05, (k, 1, 3)))
    streak = s[None, :, None] ** 1.5
    albedo = (root_colour + streak * (tip_colour - root_colour)) * shade
    opened = (0.30 + 0.62 * layer[:, None]) * (0.65 + 0.35 * s[None]) * np.ones((k, steps))
    width = cut.width * rng.uniform(0.7, 1.25, (k, 1)) * np.interp(s, [0, 0.7, 1.0], [1.0, 1.0, 0.35])[None]
    opacity = np.interp(s, [0.0, 0.8, 1.0], [1.0, 1.0, 0.55])[None] * np.ones((k, 1))
    if cut.open > 0.0 and cut.bangs == 0.0:  # few strands hang across a face that hair leaves free
        far = points - scalp.centre
        across = (far[..., 2] > 5.0) & (far[..., 1] < 4.0) & (np.abs(far[..., 0]) < 0.75 * cut.open)
        opacity[across.any(axis=1) & (rng.random(k) > 0.04)] = 0.0
    outward = _unit(points - scalp.centre) + 0.12 * rng.normal(0, 1, (k, 1, 3))
    order = np.argsort(layer, kind="stable")

    def flat(values: Floats, wide: int) -> Floats:
        out = np.ascontiguousarray(
            values[order].reshape(-1, wide) if wide > 1 else values[order].reshape(-1), np.float32
        )
        return out

    named = np.repeat(carrier[order].astype(np.int32), steps)
    strands = Strands(
        flat(offset, 3), named, named, np.zeros(len(named), np.float32), np.zeros(len(named), np.uint8),
        flat(albedo, 3), flat(width, 1), flat(opacity, 1), flat(opened, 1), flat(_unit(outward), 3),
        np.arange(0, k * steps + 1, steps, dtype=np.int32), np.full(k, C_HAIR, np.uint8),
        np.full(k, float(rng.uniform(0.4, 1.6)), np.float32),
    )  # fmt: skip
    table = scalp.density(points.reshape(-1, 3))
    table = np.clip(table / max(float(np.percentile(table, 90)) * 0.5, 1e-3), 0.0, 1.0)
    return strands, np.asarray(scalp.look_up(table, scalp.rest - scalp.centre), np.float32)
