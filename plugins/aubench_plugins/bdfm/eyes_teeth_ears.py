"""Eyeballs, lashes, teeth, tongue, lining of the mouth, ears, neck, shoulders and the shell of hair."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import sculpt
from .constants import EYE_UV_ANGLE, IRIS_ANGLE
from .mesh import Piece, dome, grid

Array = npt.NDArray[np.float64]

CORNEA_BULGE = 0.016


def eyeball(side: int) -> Piece:
    """One eyeball with its cornea; ``side`` +1 on the picture's right."""
    sphere, uv, triangles = dome(16, 28, EYE_UV_ANGLE)
    angle = np.arccos(np.clip(-sphere[:, 2], -1.0, 1.0))
    bulge = CORNEA_BULGE * np.clip(1 - (angle / (IRIS_ANGLE * 1.12)) ** 2, 0.0, None)
    centre = np.array(sculpt.EYE_CENTRE) * np.array([side, 1, 1])
    vertices = centre + sphere * (sculpt.EYE_RADIUS + bulge)[:, None]
    seat = np.tile(centre[:2], (len(vertices), 1))
    return Piece.make("eyeball", vertices, triangles, uv, seat, eye_side=side)


def lashes(skin: Piece, side: int, upper: bool) -> Piece:
    """A strip of lashes rooted on the lid margin."""
    ring = skin.ids["eye_l" if side > 0 else "eye_r"][1]
    half = len(ring) // 2
    root_ids = ring[1:half] if upper else ring[half + 1 :][::-1]
    root = skin.vertices[root_ids]
    u = np.linspace(0.0, 1.0, len(root))
    length = (0.070 if upper else 0.034) * (0.55 + 0.45 * u) * np.clip(np.minimum(u, 1 - u) * 7 + 0.3, 0.0, 1.0)
    rise = -1.0 if upper else 1.0
    steps = np.array([0.0, 0.5, 1.0])
    out = np.stack([side * (0.25 + 0.5 * (u - 0.4)), np.full_like(u, rise * 0.20), np.full_like(u, -0.70)], axis=1)
    curl = np.stack([np.zeros_like(u), np.full_like(u, rise * 0.55), np.full_like(u, 0.12)], axis=1)
    vertices = np.concatenate([root + length[:, None] * (s * out + s * s * curl) for s in steps])
    uv = np.concatenate([np.stack([u, np.full_like(u, s)], axis=1) for s in steps])
    triangles = grid(len(steps), len(u))
    seat = np.tile(skin.seat[root_ids], (len(steps), 1))
    piece = Piece.make("lash", vertices, np.concatenate([triangles, triangles[:, [0, 2, 1]]]), uv, seat)
    piece.lid[:] = -1.0 if upper else 1.0
    piece.ids["root"] = np.tile(root_ids, len(steps))
    return piece


def teeth(upper: bool) -> Piece:
    """One row of 14 teeth along its arch, each slightly rounded."""
    across, down = 14 * 4 + 1, 7
    u = np.linspace(0.0, 1.0, across)
    turn = (u - 0.5) * 2.5
    v = np.linspace(0.0, 1.0, down)
    width, front = (0.395, 0.045) if upper else (0.365, 0.075)
    tooth = np.abs(np.sin(u * 14 * np.pi))
    gum, edge = (0.985, 1.180) if upper else (1.365, 1.188)
    rows = []
    for s in v:
        swell = 0.014 * np.power(tooth, 0.6) * np.sin(np.pi * (0.15 + 0.75 * s)) - 0.012 * s
        x = width * np.sin(turn)
        z = front + 0.46 * (1 - np.cos(turn)) - swell
        biting = 0.006 * (1 - np.power(tooth, 0.4)) + 0.030 * (1 - np.cos(turn))
        y = gum + (edge - gum) * s - np.sign(edge - gum) * biting * s
        rows.append(np.stack([x, y, z], axis=1))
    vertices = np.concatenate(rows)
    uv = np.stack([np.tile(u, down), np.repeat(v * 0.5 if upper else 1 - v * 0.5, across)], axis=1)
    triangles = grid(down, across)
    if not upper:
        triangles = triangles[:, [0, 2, 1]]
    piece = Piece.make("teeth", vertices, triangles, uv, np.tile([[0.0, 1.15]], (len(vertices), 1)))
    piece.lip[:] = -1.0 if upper else 1.0
    return piece


def tongue() -> Piece:
    sphere, uv, triangles = dome(8, 18, 2.6)
    vertices = np.array([0.0, 1.315, 0.31]) + sphere * np.array([0.25, 0.075, 0.22])
    vertices[:, 1] += 0.012 * np.exp(-((vertices[:, 0] / 0.04) ** 2)) * (sphere[:, 1] < 0)
    piece = Piece.make("tongue", vertices, triangles, uv, np.tile([[0.0, 1.15]], (len(vertices), 1)))
    piece.lip[:] = 1.0
    return piece


def cavity() -> Piece:
    """The dark lining of the mouth, a bag that opens to the front."""
    sphere, uv, triangles = dome(9, 28, 1.75)
    vertices = np.array([0.0, 1.17, 0.22]) + sphere * np.array([0.43, 0.30, -0.42])
    seat = vertices[:, :2].copy()
    piece = Piece.make("cavity", vertices, triangles, uv, seat)
    piece.lip = np.clip((vertices[:, 1] - 1.17) / 0.12, -1.0, 1.0)
    return piece


def ear(side: int) -> Piece:
    """One ear: a curved leaf with helix, antihelix, concha, tragus and lobe, from a height field over its outline."""
    rows, columns = 21, 15
    v, u = np.meshgrid(np.linspace(0.0, 1.0, rows), np.linspace(0.0, 1.0, columns), indexing="ij")
    height = 0.93
    front = 0.10 * np.sin(np.pi * v) - 0.05 * v
    back = 0.50 * np.power(np.sin(np.pi * np.clip(0.08 + 0.86 * v, 0, 1)), 0.62) * (1.0 - 0.42 * v**1.7)
    along = front + (back - front) * u
    # Heights across the leaf: rim, trough, inner fold, bowl, little front flap.
    rim = np.exp(-(((u - 0.93) / 0.10) ** 2)) * np.clip(1.15 - v, 0.0, 1.0)
    rim += np.exp(-(((v - 0.05) / 0.07) ** 2)) * np.clip(u * 1.5, 0.0, 1.0)
    fold = np.exp(-(((u - 0.68 + 0.12 * (v - 0.5)) / 0.09) ** 2)) * np.exp(-(((v - 0.42) / 0.30) ** 2))
    bowl = np.exp(-(((u - 0.36) / 0.20) ** 2) - ((v - 0.56) / 0.16) ** 2)
    flap = np.exp(-(((u - 0.10) / 0.10) ** 2) - ((v - 0.55) / 0.10) ** 2)
    lobe = np.exp(-(((v - 0.90) / 0.10) ** 2))
    lift = 0.075 * rim + 0.055 * fold - 0.10 * bowl + 0.05 * flap + 0.03 * lobe
    out = 0.02 + 0.22 * u * np.sin(np.pi * np.clip(0.28 + 0.54 * (1 - v), 0, 1)) + lift
    out = np.where(u == 0, out - 0.08, out)
    # Round off the top and the lobe.
    taper = np.sqrt(1 - np.clip((v - 0.66) / 0.342, 0.0, 1.0) ** 3) * np.sqrt(np.clip(0.25 + v / 0.08, 0.0, 1.0))
    out, along = out * taper, 0.06 * v + (along - 0.06 * v) * taper
    x = side * (1.065 + out)
    y = -0.06 + height * v - 0.05 * u
    z = 1.22 + 0.16 * (0.5 - v) + along
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    uv = np.stack([u, v], axis=-1).reshape(-1, 2)
    triangles = grid(rows, columns)
    # Seen from the side of the ear, u runs backwards: to the picture's left for the ear on its right.
    if side > 0:
        triangles = triangles[:, [0, 2, 1]]
    doubled = np.concatenate([vertices, vertices - np.array([side * 0.03, 0.0, 0.0])])
    count = len(vertices)
    both = np.concatenate([triangles[:, [0, 2, 1]], triangles + count])
    seat = np.tile([[side * 1.16, 0.30]], (len(doubled), 1))
    return Piece.make("ear", doubled, both, np.tile(uv, (2, 1)), seat)


NECK = np.array(
    [  # y, half width, half depth, centre z
        (0.80, 0.72, 0.40, 1.56), (1.20, 0.76, 0.44, 1.53), (1.55, 0.77, 0.52, 1.48), (1.78, 0.77, 0.63, 1.44),
        (2.00, 0.775, 0.70, 1.43), (2.14, 0.80, 0.73, 1.47), (2.28, 0.86, 0.78, 1.52), (2.40, 0.96, 0.84, 1.56),
    ]
)  # fmt: skip
CLOTH = np.array(
    [
        (2.20, 0.84, 0.80, 1.52), (2.25, 0.90, 0.87, 1.52), (2.36, 1.05, 0.93, 1.55), (2.52, 1.42, 1.02, 1.58),
        (2.70, 2.00, 1.10, 1.62), (2.95, 2.55, 1.18, 1.65), (3.30, 2.85, 1.22, 1.65), (3.90, 3.00, 1.25, 1.65),
    ]
)  # fmt: skip


def _loft(part: str, profile: Array, per: int) -> Piece:
    """A tube about the vertical axis through the ellipses of ``profile``."""
    around = 37
    level = np.linspace(0, len(profile) - 1, (len(profile) - 1) * per + 1)
    shape = np.stack([np.interp(level, np.arange(len(profile)), profile[:, k]) for k in range(4)], axis=1)
    turn = np.linspace(-np.pi, np.pi, around)
    x = shape[:, 1:2] * np.sin(turn)
    y = np.repeat(shape[:, :1], around, axis=1)
    if part == "cloth":
        y = y + 0.10 * np.cos(turn) ** 3 * np.clip(1.6 - (shape[:, :1] - 2.2), 0.0, 1.0)
    z = shape[:, 3:] - shape[:, 2:3] * np.cos(turn)
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    v = np.repeat(np.linspace(0, 1, len(shape)), around)
    uv = np.stack([np.tile(turn / (2 * np.pi) + 0.5, len(shape)), v], axis=1)
    return Piece.make(part, vertices, grid(len(shape), around), uv, np.tile([[0.0, 4.0]], (len(vertices), 1)))


def neck() -> Piece:
    return _loft("neck", NECK, 2)


def cloth() -> Piece:
    return _loft("cloth", CLOTH, 2)
