"""Components of the face as soft bones: each holds an ellipsoid of the head and moves, turns or scales it.

Places come from the 68 landmarks of the neutral mesh, so nothing of the asset is written down here. Centimetres, x to
the picture's right (the person's left), y up, z to the camera. A paired bone is given for x > 0 and mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aubench.drawing.arrays import Flags, Floats, Ints

from .topology import PART


@dataclass(frozen=True)
class Bone:
    """``at``: landmarks whose mean, moved by ``shift``, is the centre; ``radii`` of the ellipsoid it holds, with a
    smooth edge. ``paired``: has a twin on the other side. ``carries``: which of the mouth's inside goes along:
    "none", "both" rows of teeth, or the "lower" one."""

    name: str
    at: tuple[int, ...]
    shift: tuple[float, float, float]
    radii: tuple[float, float, float]
    paired: bool = False
    carries: str = "none"


_EYE = (42, 43, 44, 45, 46, 47)
BONES = {
    bone.name: bone
    for bone in (
        Bone("eye", _EYE, (0.0, 0.1, 0.0), (2.9, 2.1, 3.4), True),
        Bone("upper_lid", (43, 44), (0.0, 0.15, 0.0), (1.9, 0.75, 1.8), True),
        Bone("lower_lid", (46, 47), (0.0, -0.15, 0.0), (1.9, 0.75, 1.8), True),
        Bone("canthus_inner", (42,), (0.0, 0.0, 0.0), (1.0, 0.9, 1.4), True),
        Bone("canthus_outer", (45,), (0.0, 0.0, 0.0), (1.3, 1.1, 1.6), True),
        Bone("lid_fold", (43, 44), (0.0, 0.75, 0.2), (2.2, 0.95, 2.0), True),
        Bone("under_eye", (46, 47), (0.0, -0.95, 0.2), (2.2, 1.3, 2.0), True),
        Bone("brow", (23, 24, 25), (0.0, -0.25, 0.0), (3.4, 1.9, 3.2), True),
        Bone("brow_inner", (22,), (0.0, -0.25, 0.0), (1.8, 1.7, 2.2), True),
        Bone("brow_outer", (25, 26), (0.0, -0.2, 0.0), (2.0, 1.8, 2.4), True),
        Bone("glabella", (27,), (0.0, 1.0, 0.0), (1.7, 1.7, 2.2)),
        Bone("forehead", (21, 22), (0.0, 3.2, -1.0), (8.0, 4.6, 6.0)),
        Bone("temple", (26,), (1.4, 0.2, -2.4), (2.6, 3.4, 3.4), True),
        Bone("cheekbone", (45,), (0.9, -2.2, -0.6), (2.8, 2.2, 3.4), True),
        Bone("cheek", (46, 35), (1.6, -0.6, 0.0), (2.6, 2.4, 3.0), True),
        Bone("cheek_low", (54,), (2.6, 0.2, -1.6), (2.8, 2.8, 3.4), True),
        Bone("nasolabial", (35, 54), (0.8, 0.1, 0.0), (1.4, 2.0, 2.2), True),
        Bone("nose", (29, 30, 33), (0.0, 0.2, -0.6), (3.0, 3.6, 3.6)),
        Bone("nose_bridge", (27, 28), (0.0, 0.0, -0.2), (1.5, 1.7, 2.0)),
        Bone("nose_tip", (30,), (0.0, -0.2, -0.2), (1.6, 1.5, 1.9)),
        Bone("ala", (35,), (0.25, 0.45, -0.3), (1.1, 1.2, 1.5), True),
        Bone("philtrum", (33, 51), (0.0, 0.0, 0.0), (1.2, 1.1, 1.6)),
        Bone("mouth", (48, 54, 51, 57), (0.0, 0.0, -0.2), (4.4, 3.0, 4.0), False, "both"),
        Bone("mouth_corner", (54,), (0.0, 0.0, 0.0), (1.5, 1.4, 2.0), True),
        Bone("lip_upper", (51, 62), (0.0, 0.0, 0.0), (3.0, 0.85, 1.8)),
        Bone("lip_lower", (57, 66), (0.0, 0.0, 0.0), (3.0, 1.0, 1.8)),
        Bone("jaw", (5, 8, 11), (0.0, 0.3, -1.5), (8.2, 4.6, 9.0), False, "lower"),
        Bone("chin", (8, 57), (0.0, -0.5, 0.0), (2.7, 2.2, 3.2)),
        Bone("chin_side", (10,), (0.0, 0.4, -0.2), (2.2, 2.0, 2.8), True),
        Bone("jaw_angle", (12,), (0.4, 0.0, -1.2), (2.6, 3.4, 3.6), True),
        Bone("ear", (15,), (1.6, -0.6, -2.6), (2.4, 3.8, 2.9), True),
        Bone("skull", (27, 33), (0.0, 0.0, -6.5), (60.0, 60.0, 60.0), False, "both"),
        Bone("crown", (27,), (0.0, 8.5, -7.0), (11.0, 7.5, 11.0)),
    )
}


@dataclass(frozen=True, eq=False)
class Body:
    """What bones hold: ``vertices`` (n, 3), ``parts`` (n,) and ``landmarks`` (68,) of the neutral head; ``lower`` (n,)
    true for teeth and gums of the lower jaw; ``balls``: vertices and centre of the eyeballs on the person's left and
    right."""

    vertices: Floats
    parts: Ints
    landmarks: Ints
    lower: Flags
    balls: tuple[tuple[Ints, Floats], tuple[Ints, Floats]]

    @cached_property
    def soft(self) -> Flags:
        """(n,): skin, sockets and lashes."""
        return np.isin(self.parts, _SOFT)

    @cached_property
    def hard(self) -> Flags:
        """(n,): teeth and gums."""
        return np.isin(self.parts, _HARD)


def pivot(bone: Bone, body: Body, mirrored: bool) -> Floats:
    """The centre (3,) of a bone or of its twin."""
    centre: Floats = body.vertices[body.landmarks[list(bone.at)]].astype(np.float64).mean(axis=0) + bone.shift
    if not bone.paired:
        centre[0] = 0.0
    return centre * (-1, 1, 1) if mirrored else centre


def weights(bone: Bone, points: Floats, centre: Floats) -> Floats:
    """How firmly (n,) a bone holds points (n, 3): 1 at its centre, 0 from its edge on, smooth between."""
    arm = (points - centre) / bone.radii
    out: Floats = np.maximum(1.0 - np.einsum("ij,ij->i", arm, arm), 0.0) ** 2
    return out


def offset(bone: Bone, body: Body, kind: str, axis: int, amount: float) -> Floats:
    """Displacements (n, 3) that one freedom of a bone (with its twin) makes.

    ``amount``: centimetres (x outwards for pairs), radians (about the axis; mirrored for pairs), or a share."""
    total = np.zeros((len(body.vertices), 3))
    for mirrored in (False, True) if bone.paired else (False,):
        centre = pivot(bone, body, mirrored)
        flip = -1.0 if mirrored else 1.0
        w = np.where(body.soft, weights(bone, body.vertices, centre), 0.0)
        if bone.carries != "none":
            w[body.hard if bone.carries == "both" else body.hard & body.lower] = 1.0
        mine = np.flatnonzero(w)
        total[mine] += w[mine, None] * _move(body.vertices[mine] - centre, kind, axis, amount, flip)
        for ids, middle in body.balls:  # eyeballs stay round: they go where their centre goes
            share = weights(bone, middle[None], centre)[:, None]
            total[ids] += share * _move((middle - centre)[None], kind, axis, amount, flip)
    return total


_SOFT = [PART[name] for name in ("face", "back_of_head", "neck", "mouth_socket", "eye_socket", "lashes")]
_HARD = [PART[name] for name in ("gums", "teeth")]


def _move(arm: Floats, kind: str, axis: int, amount: float, flip: float) -> Floats:
    move = np.zeros_like(arm, dtype=np.float64)
    if kind == "position":
        move[:, axis] = amount * (flip if axis == 0 else 1.0)
    elif kind == "scale":
        move[:, axis] = amount * arm[:, axis]
    else:
        about = np.zeros(3)
        about[axis] = 1.0 if axis == 0 else flip
        move = amount * np.cross(about, arm)
    return move
