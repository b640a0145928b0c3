"""Glasses, hats and collars: small meshes that ride on a face's own bones."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from aubench.drawing.arrays import Bytes, Flags, Floats, Ints

from ..camera import Camera
from .ids import K_CLOTH, K_FRAME, K_HAT
from .scalp import Scalp

_GLASSES = {
    "round": (2.25, 2.15, 2.0, 0.10), "square": (2.65, 1.85, 3.6, 0.15), "thin": (2.5, 1.85, 2.6, 0.055),
    "sun": (2.95, 2.35, 2.7, 0.13),
}  # fmt: skip
"""Half width and height (cm), roundness of the outline, and radius of the rim."""
_EDGE = {
    "beanie": ([0, 40, 70, 100, 180], [24, 22, 6, -2, -22]),
    "cap": ([0, 40, 70, 100, 180], [28, 26, 17, 12, -4]),
    "scarf": ([0, 38, 58, 72, 95, 180], [36, 33, 12, -48, -64, -64]),
}
"""Elevation in degrees of a hat's lower edge over azimuth, 0 in front."""


@dataclass(frozen=True, eq=False)
class Piece:
    """``vertices`` (v, 3) in head space, ``triangles`` (t, 3), ``uv`` (v, 2), ``kind`` of all triangles."""

    vertices: Floats
    triangles: Ints
    uv: Floats
    kind: int


def _grid(points: Floats, kind: int, closed: bool, scale: tuple[float, float] = (1.0, 1.0)) -> Piece:
    """A sheet of points (a, b, 3), whose second axis may close on itself, as triangles."""
    a, b = points.shape[:2]
    index = np.arange(a * b).reshape(a, b)
    if closed:
        index = np.concatenate([index, index[:, :1]], axis=1)
    p, q, r, s = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.concatenate([np.stack([p, q, r], -1).reshape(-1, 3), np.stack([p, r, s], -1).reshape(-1, 3)])
    u, v = np.meshgrid(np.arange(b) / b * scale[0], np.arange(a) / a * scale[1])
    return Piece(points.reshape(-1, 3), triangles, np.stack([u, v], axis=-1).reshape(-1, 2), kind)


def _tube(line: Floats, radius: float, closed: bool, sides: int = 6) -> Piece:
    """A tube around a polyline (n, 3)."""
    ahead = np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0)
    if not closed:
        ahead[0], ahead[-1] = line[1] - line[0], line[-1] - line[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-9
    side = np.cross(ahead, np.array([0.1, 0.2, 1.0]))
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    up = np.cross(side, ahead)
    turn = np.linspace(0, 2 * np.pi, sides + 1)[:-1]
    ring = radius * (np.cos(turn)[None, :, None] * side[:, None] + np.sin(turn)[None, :, None] * up[:, None])
    points = line[:, None] + ring
    if closed:
        points = np.concatenate([points, points[:1]])
    return _grid(points, K_FRAME, True)


def lens_lines(style: str, marks: Floats) -> list[Floats]:
    """The rims (2, 40, 3) of glasses for landmarks (68, 3) of a face at rest."""
    wide, high, power, _ = _GLASSES[style]
    eyes = np.stack([marks[36:42].mean(axis=0), marks[42:48].mean(axis=0)])
    apart = float(eyes[1, 0] - eyes[0, 0])
    wide = min(wide, 0.46 * apart)
    level, front = float(eyes[:, 1].mean()) - 0.25, float(marks[27, 2]) + 0.30
    turn = np.linspace(0, 2 * np.pi, 41)[:-1]
    out: list[Floats] = []
    for sign in (-1.0, 1.0):
        cos, sin = np.cos(turn), np.sin(turn)
        x = 0.5 * apart + 0.10 + wide * np.sign(cos) * np.abs(cos) ** (2 / power)
        y = level + high * np.sign(sin) * np.abs(sin) ** (2 / power)
        out.append(np.stack([sign * x, y, front - 0.030 * x**2], axis=1))
    return out


def glasses(style: str, marks: Floats) -> list[Piece]:
    """Rims, bridge and temples for landmarks (68, 3) of a face at rest."""
    if style not in _GLASSES:
        return []
    radius = _GLASSES[style][3]
    rims = lens_lines(style, marks)
    pieces = [_tube(rim, radius, True) for rim in rims]
    inner = [rims[0][np.argmax(rims[0][:, 0])], rims[1][np.argmin(rims[1][:, 0])]]
    middle = 0.5 * (inner[0] + inner[1]) + (0.0, 0.45, 0.15)
    pieces.append(_tube(np.stack([inner[0] + (0, 0.3, 0), middle, inner[1] + (0, 0.3, 0)]), radius, False))
    for sign, rim, ear in ((-1.0, rims[0], marks[0]), (1.0, rims[1], marks[16])):
        hinge = rim[np.argmax(sign * rim[:, 0])] + (0.0, 0.6, 0.0)
        far = np.array([ear[0] + sign * 0.75, hinge[1] + 0.1, ear[2] - 3.2])
        bend = np.array([ear[0] + sign * 0.55, hinge[1] + 0.1, ear[2] + 1.0])
        pieces.append(_tube(np.stack([hinge, 0.5 * (hinge + bend) + (sign * 0.25, 0, 0), bend, far]), radius, False))
    return pieces


def covered(style: str, way: Floats, slack: float = 0.0) -> Flags:
    """Whether a hat covers the directions (n, 3) from the middle of the head."""
    turn = np.degrees(np.arctan2(np.abs(way[:, 0]), way[:, 2]))
    rise = np.degrees(np.arctan2(way[:, 1], np.hypot(way[:, 0], way[:, 2])))
    knots, level = _EDGE[style]
    return np.asarray(rise > np.interp(turn, knots, level) - slack)


def hat(style: str, scalp: Scalp, rng: np.random.Generator) -> list[Piece]:
    """A hat over the mean head."""
    if style not in _EDGE:
        return []
    knots, level = _EDGE[style]
    turns, rings = 64, 16
    turn = (np.arange(turns) + 0.5) / turns * 2 * np.pi - np.pi
    low = np.radians(np.interp(np.degrees(np.abs(turn)), knots, level))
    share = np.linspace(0.0, 1.0, rings)[:, None] ** 0.8
    rise = low[None] + share * (np.pi / 2 - 0.02 - low[None])
    way = np.stack([np.cos(rise) * np.sin(turn), np.sin(rise), np.cos(rise) * np.cos(turn)], axis=-1)
    skin = scalp.look_up(scalp.eared if style != "cap" else scalp.radius, way.reshape(-1, 3)).reshape(rings, turns)
    puff = {"beanie": rng.uniform(0.7, 1.6), "cap": rng.uniform(0.8, 1.5), "scarf": rng.uniform(0.5, 1.0)}[style]
    lift = 0.45 + puff * np.sin(np.pi * np.minimum(share, 0.75)) * np.ones((1, turns))
    if style == "beanie":
        lift += np.where(share < 0.22, 0.35, 0.0)
    lift += 0.10 * np.sin(5 * turn + 9 * share + rng.uniform(0, 6)) * (style == "scarf")
    points = scalp.centre + way * (skin + lift)[..., None]
    edge = scalp.centre + way[0] * (skin[0] + 0.08)[:, None]
    pieces = [_grid(np.concatenate([edge[None], points]), K_HAT, True, (3.0, 1.0))]
    if style == "cap":
        reach, bend = rng.uniform(5.0, 7.5), rng.uniform(0.02, 0.06)
        x = np.linspace(-1, 1, 15)
        front = np.interp(0, knots, level)
        start = scalp.centre + np.array([0.0, np.sin(np.radians(front)), np.cos(np.radians(front))]) * float(
            skin[0].max()
        )
        rows = []
        for out in np.linspace(0.0, 1.0, 6):
            z = (
                start[2]
                - 0.22 * (6.5 * np.abs(x)) ** 1.6 * 0.35
                + out * reach * np.sqrt(np.maximum(1 - 0.75 * x**2, 0))
            )
            y = start[1] + 0.3 - 0.16 * out * reach - bend * (6.5 * x) ** 2
            rows.append(np.stack([6.5 * x, y, z], axis=1))
        pieces.append(_grid(np.stack(rows), K_HAT, False, (1.0, 0.5)))
    return pieces


def collar(rest: Floats, jaw: float, rng: np.random.Generator) -> list[Piece]:
    """A high collar or a scarf round the neck of the mean face ``rest`` (n, 3), whose jaw's angle is at height
    ``jaw``."""
    level = jaw - 9.0
    neck = rest[np.abs(rest[:, 1] - level) < 1.2]
    if len(neck) < 8:
        return []
    middle, turns, rings = float(neck[:, 2].mean()), 48, 7
    turn = np.arctan2(neck[:, 0], neck[:, 2] - middle)
    far = np.hypot(neck[:, 0], neck[:, 2] - middle)
    order = np.argsort(turn)
    at = (np.arange(turns) + 0.5) / turns * 2 * np.pi - np.pi
    radius = np.interp(at, turn[order], far[order], period=2 * np.pi)
    top, puff = jaw - rng.uniform(5.8, 7.8), rng.uniform(0.4, 2.0)
    share = np.linspace(0.0, 1.0, rings)[:, None]
    fold = 0.18 * puff * np.sin(7 * at[None] + 6 * share + rng.uniform(0, 6))
    wide = radius[None] + 0.35 + puff * np.sin(np.pi * np.clip(share, 0.08, 0.92)) + fold + 2.5 * (1 - share) ** 3
    high = level - 4.0 + share * (top - level + 4.0) - 0.5 * np.cos(at)[None] * share
    points = np.stack([wide * np.sin(at), high, middle + wide * np.cos(at)], axis=-1)
    return [_grid(points, K_CLOTH, True, (3.0, 1.0))]


def through_lenses(
    image: Floats, parsing: Bytes, rims: list[Floats], camera: Camera, tint: Floats, dark: bool, label: int,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Tint what lies behind the lenses and mirror some light in them, in place. ``rims`` (2, k, 3) in camera space;
    dark lenses get ``label`` in ``parsing``."""
    size = len(parsing)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    slope, place, strength = rng.uniform(-1.5, 1.5), rng.uniform(-0.2, 1.2), rng.uniform(0.0, 1.0) ** 2
    wide = rng.uniform(0.02, 0.15)
    for rim in rims:
        line = camera.project(rim.astype(np.float32))[:, :2]
        mask = np.zeros((size, size), np.float32)
        cv2.fillPoly(mask, [np.round(line * 256).astype(np.int32)], 1.0, cv2.LINE_AA, 8)
        middle = line.mean(axis=0) / size
        stripe = np.exp(-(((x - middle[0] + slope * (y - middle[1]) - 0.12 * (place - 0.5)) / wide) ** 2))
        glow = strength * (70.0 * stripe + 25.0 * np.clip(0.6 - (y - middle[1]) * 6, 0, 1))
        image *= 1.0 - mask[..., None] * (1.0 - tint)
        image += (mask * glow)[..., None] * np.float32(1.0 - 0.55 * (not dark))
        if dark:
            parsing[mask > 0.5] = label
