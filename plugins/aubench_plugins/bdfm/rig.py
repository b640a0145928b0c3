"""Bakes bones into offsets: one row of vertex displacements for each identity number, AU side and nuisance movement.

All rows are linear in their number, so that a face is one matrix product; what cannot be linear (lids that close on the
eyeball, lips that must not pass through each other) is mended afterwards in :mod:`.correctives`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aubench.parameters import AU_NAMES

from .actions import ACTIONS
from .correctives import LIP_FALL
from .identity import FREEDOMS
from .mesh import Piece
from .skeleton import BONES, Bone, pivot, weights

Array = npt.NDArray[np.float64]

SIDE_BLEND = 0.16
"""Half width of the blend between the two sides of a face at the median."""


def left_share(piece: Piece) -> Array:
    """How much (n,) a vertex belongs to the person's left (picture's right)."""
    t = np.clip(piece.seat[:, 0] / SIDE_BLEND * 0.5 + 0.5, 0.0, 1.0)
    return t * t * (3 - 2 * t)


def bone_offset(piece: Piece, bone: Bone, kind: str, axis: int, amount: float) -> Array:
    """Displacements (n, 3) that one degree of freedom of a bone (with its twin) makes."""
    total = np.zeros_like(piece.vertices)
    for mirrored in (False, True) if bone.paired else (False,):
        key = (bone.name, mirrored)
        if key not in piece.held:
            piece.held[key] = weights(bone, piece, mirrored)
        w = piece.held[key][:, None] * amount
        if not np.any(w):
            continue
        flip = -1.0 if mirrored else 1.0
        if kind == "position":
            move = np.zeros(3)
            move[axis] = flip if axis == 0 else 1.0
            total += w * move
            continue
        arm = piece.vertices - pivot(bone, mirrored)
        if kind == "scale":
            move = np.zeros_like(arm)
            move[:, axis] = arm[:, axis]
        else:
            about = np.zeros(3)
            about[axis] = 1.0 if axis == 0 else flip
            move = np.cross(about, arm)
        total += w * move
    return total


def action_offset(piece: Piece, name: str) -> Array:
    """Displacements (n, 3) of an AU at x = 1."""
    action = ACTIONS[name]
    total = np.zeros_like(piece.vertices)
    for bone, move in action.moves.items():
        for axis, amount in enumerate(move):
            if amount:
                total += bone_offset(piece, BONES[bone], "position", axis, amount)
    for bone, shares in action.scales.items():
        for axis, amount in enumerate(shares):
            if amount:
                total += bone_offset(piece, BONES[bone], "scale", axis, amount)
    opening, shift = action.jaw
    if opening or shift:
        total += jaw_offset(piece, opening, shift, 0.0)
    return total


def jaw_offset(piece: Piece, opening: float, shift: float, forward: float) -> Array:
    """The mandible turns about the line between its joints, and glides."""
    w = weights(BONES["jaw"], piece)
    joint = np.array([0.0, 0.42, 1.30])
    arm = piece.vertices - joint
    cos, sin = np.cos(opening), np.sin(opening)
    # Opening turns the chin down and back: about +x with y down and z away.
    turned = np.stack([arm[:, 0], arm[:, 1] * cos - arm[:, 2] * sin, arm[:, 1] * sin + arm[:, 2] * cos], axis=1)
    move = turned - arm + np.array([0.0, 0.0, -0.10 * opening / 0.3])
    # Sideways it glides as a whole; the weights let the cheeks hold it back.
    move[:, 0] += shift
    move[:, 2] -= forward
    out: Array = w[:, None] * move
    return out


def keep_lips_shut(piece: Piece, offset: Array) -> Array:
    """The same offset (n, 3), but with the lips moved together where they meet: no identity has parted lips."""
    if piece.part != "skin":
        return offset
    upper = np.concatenate([piece.ids["upper"], piece.ids["skin_upper"]])
    lower = np.concatenate([piece.ids["lower"], piece.ids["skin_lower"]])
    apart = 0.5 * (offset[upper[3]] - offset[lower[3]])
    offset[upper] -= LIP_FALL[:, None, None] * apart
    offset[lower] += LIP_FALL[:, None, None] * apart
    return offset


def bake(pieces: list[Piece]) -> Array:
    """Rows (2 * 23 + 208 + 2, vertices, 3): AUs of the person's left, of the right, identity, cheek puff, jaw forward.

    An identity row is the displacement at 1 (at 0 it is the opposite)."""
    rows: list[Array] = []
    for piece in pieces:
        left = left_share(piece)[:, None]
        block = [action_offset(piece, name) for name in AU_NAMES]
        middle = [name.startswith("AU30") or name == "AU26" for name in AU_NAMES]
        sides = [b * (0.5 if m else left) for b, m in zip(block, middle, strict=True)]
        sides += [b * (0.5 if m else 1 - left) for b, m in zip(block, middle, strict=True)]
        sides += [
            keep_lips_shut(piece, bone_offset(piece, BONES[f.bone], f.kind, "xyz".index(f.axis), f.reach))
            for f in FREEDOMS
        ]
        puff = bone_offset(piece, BONES["cheek_low"], "position", 0, 0.10)
        puff += bone_offset(piece, BONES["cheek_low"], "position", 2, -0.09)
        sides += [puff, jaw_offset(piece, 0.0, 0.0, 0.09)]
        rows.append(np.stack(sides))
    return np.concatenate(rows, axis=1)
