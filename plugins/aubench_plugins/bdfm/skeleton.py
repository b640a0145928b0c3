"""The bones of the face and how strongly each holds every vertex.

A bone sits at a chart point and holds the skin around it with a Gaussian of its own reach. Bones of lips and lids hold
only their side of the opening. Bones listed once for x > 0 exist on both sides; offsets are mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from . import feature_curves
from .mesh import Piece

Array = npt.NDArray[np.float64]
Hold = Literal["all", "upper lip", "lower lip", "upper lid", "lower lid", "jaw", "head", "eye"]


@dataclass(frozen=True)
class Bone:
    """``at`` and ``reach`` in chart units; ``pivot``: z of its turning point in the working space; ``holds``: which
    vertices."""

    name: str
    at: tuple[float, float]
    reach: tuple[float, float]
    holds: Hold = "all"
    pivot: float = 0.1
    paired: bool = True
    hinge: float | None = None
    """y of the turning point where it is not that of ``at``."""


BONES = {
    bone.name: bone
    for bone in (
        Bone("skull", (0.0, 0.0), (9.0, 9.0), "head", 1.3, False),
        Bone("jaw", (0.0, 0.55), (9.0, 9.0), "jaw", 1.25, False),
        Bone("forehead", (0.0, -0.85), (0.75, 0.36), paired=False),
        Bone("forehead_side", (0.55, -0.80), (0.35, 0.32)),
        Bone("glabella", (0.0, -0.24), (0.16, 0.20), paired=False),
        Bone("brow_inner", (0.21, -0.31), (0.18, 0.22)),
        Bone("brow_mid", (0.50, -0.38), (0.22, 0.22)),
        Bone("brow_outer", (0.80, -0.33), (0.20, 0.24)),
        Bone("temple", (1.02, -0.25), (0.26, 0.36), pivot=0.6),
        Bone("upper_lid", (0.50, -0.09), (0.30, 0.105), "upper lid"),
        Bone("upper_lid_inner", (0.36, -0.07), (0.10, 0.10), "upper lid"),
        Bone("upper_lid_outer", (0.64, -0.07), (0.11, 0.10), "upper lid"),
        Bone("lower_lid", (0.50, 0.09), (0.30, 0.12), "lower lid"),
        Bone("lid_fold", (0.52, -0.21), (0.30, 0.08)),
        Bone("canthus_inner", (0.26, 0.03), (0.09, 0.09)),
        Bone("canthus_outer", (0.75, -0.01), (0.12, 0.12)),
        Bone("orbit", (0.50, 0.0), (0.36, 0.27)),
        Bone("eye", (0.50, 0.0), (0.30, 0.20), "eye", 0.222),
        Bone("under_eye", (0.50, 0.24), (0.28, 0.13)),
        Bone("cheekbone", (0.80, 0.36), (0.30, 0.24), pivot=0.3),
        Bone("cheek", (0.58, 0.55), (0.28, 0.26)),
        Bone("cheek_low", (0.66, 0.98), (0.28, 0.34), pivot=0.4),
        Bone("nasolabial", (0.37, 0.80), (0.16, 0.20)),
        Bone("nose", (0.0, 0.45), (0.30, 0.42), pivot=-0.1, paired=False),
        Bone("nose_bridge", (0.0, 0.08), (0.15, 0.22), pivot=-0.05, paired=False),
        Bone("nose_dorsum", (0.0, 0.34), (0.14, 0.16), pivot=-0.1, paired=False),
        Bone("nose_side", (0.15, 0.30), (0.10, 0.24), pivot=-0.1),
        Bone("nose_tip", (0.0, 0.58), (0.15, 0.14), pivot=-0.2, paired=False),
        Bone("nose_base", (0.0, 0.77), (0.16, 0.08), pivot=-0.15, paired=False),
        Bone("ala", (0.20, 0.66), (0.10, 0.12), pivot=-0.1),
        Bone("philtrum", (0.0, 0.92), (0.17, 0.10), paired=False),
        Bone("mouth", (0.0, 1.15), (0.50, 0.27), pivot=0.0, paired=False),
        Bone("mouth_corner", (0.42, 1.14), (0.23, 0.21)),
        Bone("upper_lip_mid", (0.0, 1.06), (0.16, 0.13), "upper lip", -0.1, False),
        Bone("upper_lip_side", (0.22, 1.07), (0.14, 0.14), "upper lip", -0.05),
        Bone("lower_lip_mid", (0.0, 1.23), (0.17, 0.14), "lower lip", -0.1, False),
        Bone("lower_lip_side", (0.22, 1.21), (0.15, 0.15), "lower lip", -0.05),
        Bone("lips_upper", (0.0, 1.08), (0.36, 0.13), "upper lip", -0.14, False, 1.138),
        Bone("lips_lower", (0.0, 1.22), (0.36, 0.15), "lower lip", -0.14, False, 1.138),
        Bone("chin", (0.0, 1.62), (0.32, 0.26), paired=False),
        Bone("chin_boss", (0.0, 1.52), (0.26, 0.15), paired=False),
        Bone("chin_side", (0.32, 1.66), (0.22, 0.24)),
        Bone("jaw_body", (0.72, 1.45), (0.36, 0.34), pivot=0.5),
        Bone("jaw_angle", (1.05, 1.10), (0.42, 0.46), pivot=0.9),
        Bone("throat", (0.0, 2.1), (0.9, 0.40), pivot=0.8, paired=False),
        Bone("ear", (1.16, 0.30), (0.16, 0.40), pivot=1.25),
        Bone("crown", (0.0, -1.6), (1.3, 0.75), pivot=1.0, paired=False),
        Bone("scalp_side", (1.35, -0.7), (0.7, 0.6), pivot=0.9),
    )
}


def lip_side(piece: Piece) -> Array:
    """(n,) from -1 (moves with the upper lip, the skull) to 1 (with the lower lip, the mandible)."""
    x, y = np.abs(piece.seat[:, 0]), piece.seat[:, 1]
    corner = feature_curves.MOUTH_HALF_WIDTH
    opening = np.power(np.clip(1 - (x / (corner + 0.004)) ** 2, 0.0, 1.0), 0.55)
    middle = np.where(x < corner, feature_curves.lip_line(np.minimum(x, corner)), 0.0)
    beyond = feature_curves.MOUTH_CORNER_Y - 0.42 * np.clip(x - corner, 0.0, 1.1)
    middle = np.where(x < corner, middle, beyond)
    soft = np.tanh((y - middle) / (0.16 + 0.28 * np.clip(x - 0.3, 0.0, 1.0)))
    sign = np.where(piece.lip != 0, piece.lip, np.sign(y - middle))
    out: Array = opening * sign + (1 - opening) * soft
    return out


def lid_side(piece: Piece) -> Array:
    """(n,) from -1 (moves with the upper lid) to 1 (with the lower lid)."""
    x, y = np.abs(piece.seat[:, 0]), piece.seat[:, 1]
    (x0, y0), (x1, y1) = feature_curves.EYE_INNER, feature_curves.EYE_OUTER
    u = np.clip((x - x0) / (x1 - x0), 0.0, 1.0)
    chord = y0 + u * (y1 - y0)
    opening = np.power(4 * u * (1 - u), 0.5)
    sign = np.where(piece.lid != 0, piece.lid, np.sign(y - chord))
    out: Array = opening * sign + (1 - opening) * np.tanh((y - chord) / 0.07)
    return out


def weights(bone: Bone, piece: Piece, mirrored: bool = False) -> Array:
    """How strongly (n,) the bone holds the vertices of the piece; ``mirrored``: the twin on the picture's left."""
    x, y = piece.seat[:, 0] * (-1 if mirrored else 1), piece.seat[:, 1]
    if piece.part in ("neck", "cloth"):
        return np.zeros(len(x))
    if bone.holds == "head":
        return np.ones(len(x))
    if bone.holds == "jaw":
        low = 0.5 + 0.5 * lip_side(piece)
        return low * (
            1
            - np.clip((np.abs(x) - 0.75) / 0.45, 0.0, 1.0) ** 2 * (3 - 2 * np.clip((np.abs(x) - 0.75) / 0.45, 0.0, 1.0))
        )
    if bone.holds == "eye":
        return np.full(len(x), float(piece.part == "eyeball" and (piece.eye_side > 0) != mirrored))
    if piece.part in ("eyeball",):
        if bone.name != "orbit":
            return np.zeros(len(x))
        return np.full(len(x), float((piece.eye_side > 0) != mirrored))
    inside = piece.part in ("teeth", "tongue")
    if inside and bone.name not in ("mouth", "chin"):
        return np.zeros(len(x))
    if piece.part == "ear":
        own = (piece.seat[0, 0] > 0) != mirrored
        return np.full(len(x), float(own and bone.name == "ear"))
    q = ((x - bone.at[0]) / bone.reach[0]) ** 2 + ((y - bone.at[1]) / bone.reach[1]) ** 2
    w = np.exp(-q)
    w = np.clip(w - 0.004, 0.0, None) / 0.996
    if bone.holds == "upper lip":
        w = w * (0.5 - 0.5 * lip_side(piece))
    elif bone.holds == "lower lip":
        w = w * (0.5 + 0.5 * lip_side(piece))
    elif bone.holds in ("upper lid", "lower lid"):
        lid = lid_side(piece)
        w = w * (0.5 + 0.5 * lid if bone.holds == "lower lid" else 0.5 - 0.5 * lid)
    return w


def pivot(bone: Bone, mirrored: bool = False) -> Array:
    """The point (3,) about which a bone turns and scales."""
    return np.array(
        [-bone.at[0] if mirrored else bone.at[0], bone.at[1] if bone.hinge is None else bone.hinge, bone.pivot]
    )
