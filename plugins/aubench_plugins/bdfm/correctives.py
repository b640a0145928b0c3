"""What linear bones cannot do: gaze, lids that close along the eyeball, lips that do not pass through each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .constants import EYE_UV_ANGLE
from .mesh import Piece

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

UPPER_FALL = np.array([1.0, 1.0, 0.94, 0.82, 0.63, 0.42, 0.22, 0.07], dtype=np.float32)
LOWER_FALL = np.array([1.0, 1.0, 0.85, 0.62, 0.40, 0.22, 0.10, 0.03], dtype=np.float32)
"""How far a lid's movement is handed on to its rings, from the wet margin outwards."""
UPPER_GAP = np.array([0.004, 0.034, 0.034, 0.033, 0.031, 0.026, 0.015, 0.0], dtype=np.float32)
LOWER_GAP = np.array([0.002, 0.022, 0.026, 0.028, 0.028, 0.024, 0.014, 0.0], dtype=np.float32)
"""Least distance of the rings from the eyeball; the upper lid closes over the lower."""
CLOSED_GAP = -0.004
"""Closed lids overlap by this much, so that nothing shines through."""
LIP_FALL = np.array([1.0, 1.0, 1.0, 1.0, 0.97, 0.88, 0.74, 0.58, 0.45, 0.30, 0.17, 0.08, 0.03], dtype=np.float32)


@dataclass(frozen=True)
class Eye:
    """One eye: its lid ``rings`` (8, n); its eyeball's vertices; two ``belts`` of them beside the equator, with the
    weight of the first that makes the mean their centre; the lashes with their columns of the rings."""

    rings: Ids
    ball: slice
    belts: tuple[Ids, Ids]
    belt_weight: float
    lashes: tuple[tuple[slice, Ids], ...]


def ball_centre(eye: Eye, vertices: Floats) -> tuple[Floats, Floats]:
    """Centre (b, 3) and radius (b,) of the eyeballs."""
    near = vertices[:, eye.belts[0]].mean(axis=1)
    far = vertices[:, eye.belts[1]].mean(axis=1)
    centre = near * eye.belt_weight + far * (1 - eye.belt_weight)
    radius = np.linalg.norm(vertices[:, eye.belts[0]] - centre[:, None], axis=2).mean(axis=1)
    return centre, radius


def turn_eye(eye: Eye, vertices: Floats, gaze: Floats, centre: Floats) -> None:
    """Turn the eyeball in place by ``gaze`` (b, 2) radians, right and down positive."""
    x, y = gaze[:, 0], gaze[:, 1]
    cx, sx, cy, sy = np.cos(x), np.sin(x), np.cos(y), np.sin(y)
    arm = vertices[:, eye.ball] - centre[:, None]
    b, c = arm[..., 1], arm[..., 2]
    down = b * cy[:, None] - c * sy[:, None]
    deep = b * sy[:, None] + c * cy[:, None]
    out = np.empty_like(arm)
    out[..., 0] = arm[..., 0] * cx[:, None] - deep * sx[:, None]
    out[..., 1] = down
    out[..., 2] = arm[..., 0] * sx[:, None] + deep * cx[:, None]
    vertices[:, eye.ball] = out + centre[:, None]


def close_lids(eye: Eye, vertices: Floats, share: Floats, upper_part: Floats, centre: Floats, radius: Floats) -> None:
    """Close ``share`` (b,) of the opening, ``upper_part`` (b,) of that by the upper lid; lay the lids on the
    eyeball."""
    n = eye.rings.shape[1]
    half = n // 2
    up, low = eye.rings[:, 1:half], eye.rings[:, n - 1 : half : -1]
    before = vertices[:, eye.rings[1]].copy()
    gap = vertices[:, low[1], 1] - vertices[:, up[1], 1] - CLOSED_GAP
    travel = np.where(gap > 0, gap * share[:, None], gap)  # lids that crossed go back apart
    down = travel * np.where(gap > 0, upper_part[:, None], 0.5)
    vertices[:, up, 1] += UPPER_FALL[None, :, None] * down[:, None]
    vertices[:, low, 1] -= LOWER_FALL[None, :, None] * (travel - down)[:, None]
    skin = vertices[:, eye.rings]
    arm = skin - centre[:, None, None]
    distance = np.linalg.norm(arm, axis=-1)
    gaps = np.tile(LOWER_GAP[:, None], (1, n))
    gaps[:, 1:half] = UPPER_GAP[:, None]
    gaps[:, [0, half]] = 0.5 * (UPPER_GAP + LOWER_GAP)[:, None]
    least = radius[:, None, None] + gaps
    grow = np.maximum(least / np.maximum(distance, 1e-6), 1.0)
    vertices[:, eye.rings] = centre[:, None, None] + arm * grow[..., None]
    shift = vertices[:, eye.rings[1]] - before
    for where, column in eye.lashes:
        vertices[:, where] += shift[:, column]


def part_lips(upper: Ids, lower: Ids, vertices: Floats) -> None:
    """Push lips apart that overlap: rows (k, columns) from the inside outwards, row 3 where they meet."""
    overlap = np.clip(vertices[:, upper[3], 1] - vertices[:, lower[3], 1], 0.0, None) * 0.5
    vertices[:, upper, 1] -= LIP_FALL[None, : len(upper), None] * overlap[:, None]
    vertices[:, lower, 1] += LIP_FALL[None, : len(lower), None] * overlap[:, None]


def eye_of(skin: Piece, side: int, ball: Piece, start: int, lashes: list[tuple[Piece, int]]) -> Eye:
    """Find the vertices of one eye; pieces come with their first vertex in the whole face."""
    rings = skin.ids["eye_l" if side > 0 else "eye_r"]
    belts, around = 16, 28
    angles = EYE_UV_ANGLE * np.arange(1, belts + 1) / belts
    k = int(np.searchsorted(angles, np.pi / 2)) - 1
    a, b = np.cos(angles[k]), np.cos(angles[k + 1])
    first = start + 1 + k * around
    pairs = []
    margin = rings[1]
    place = {int(v): i for i, v in enumerate(margin)}
    for piece, begin in lashes:
        column = np.array([place[int(v)] for v in piece.ids["root"]])
        pairs.append((slice(begin, begin + len(piece.vertices)), column))
    return Eye(
        rings, slice(start, start + len(ball.vertices)),
        (np.arange(first, first + around), np.arange(first + around, first + 2 * around)),
        float(-b / (a - b)), tuple(pairs),
    )  # fmt: skip
