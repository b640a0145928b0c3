"""Puts the face model together: pieces, landmarks, charts, rig."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from . import correctives, topology, uv_outlines
from . import eyes_teeth_ears as organs
from .constants import PARTS
from .hair import hair
from .mesh import Piece, skin
from .model import FaceModel
from .posing import Rig
from .rig import bake

ROTATION_CENTRE = np.array([0.0, 0.0, 1.30])
"""Of the head, in the working space: between the ears, where the skull sits on the neck."""


@lru_cache(maxsize=1)
def face_model() -> FaceModel:
    """The one face model of this engine: sculpted, meshed, rigged on first use. Deterministic; about two seconds."""
    half = topology.half_face()
    face = skin(half)
    balls = [organs.eyeball(-1), organs.eyeball(1)]
    lashes = [organs.lashes(face, side, upper) for side in (-1, 1) for upper in (True, False)]
    pieces = [
        face, *balls, *lashes, organs.teeth(True), organs.teeth(False), organs.tongue(), organs.cavity(),
        organs.ear(-1), organs.ear(1), organs.neck(), organs.cloth(), hair(face),
    ]  # fmt: skip
    starts = np.concatenate([[0], np.cumsum([len(p.vertices) for p in pieces])])[:-1]
    base = np.concatenate([p.vertices for p in pieces]) - ROTATION_CENTRE
    rows = bake(pieces)
    eyes = tuple(
        correctives.eye_of(
            face, side, balls[k], int(starts[1 + k]), [(lashes[2 * k + j], int(starts[3 + 2 * k + j])) for j in (0, 1)]
        )
        for k, side in enumerate((-1, 1))
    )
    lips = (
        np.concatenate([face.ids["upper"], face.ids["skin_upper"]]),
        np.concatenate([face.ids["lower"], face.ids["skin_lower"]]),
    )
    carried = np.concatenate([_carried(p) for p in pieces])
    creases = uv_outlines.creases()
    rig = Rig(
        base.astype(np.float32), np.ascontiguousarray(rows.reshape(len(rows), -1), dtype=np.float32),
        carried.astype(np.float32), uv_outlines.crease_weights(creases), (eyes[0], eyes[1]), lips,
        np.concatenate([_anchors(p) for p in pieces]).astype(np.float32),
    )  # fmt: skip
    return FaceModel(
        triangles=np.concatenate([p.triangles + s for p, s in zip(pieces, starts, strict=True)]).astype(np.int32),
        uv=np.concatenate([p.uv for p in pieces]).astype(np.float32),
        part=np.concatenate([np.full(len(p.triangles), PARTS.index(p.part)) for p in pieces]).astype(np.uint8),
        eye_side=np.concatenate([np.full(len(p.triangles), p.eye_side) for p in pieces]).astype(np.int8),
        landmarks=_landmarks(face),
        chart=uv_outlines.charts(),
        creases=creases,
        rig=rig,
    )


def _anchors(piece: Piece) -> npt.NDArray[np.float64]:
    """Each vertex's own place; of what keeps its shape, its middle."""
    if piece.part not in ("eyeball", "teeth", "tongue"):
        return piece.vertices
    return np.broadcast_to(piece.vertices.mean(axis=0), piece.vertices.shape)


def _carried(piece: Piece) -> npt.NDArray[np.float64]:
    if piece.part not in ("neck", "cloth"):
        return np.ones(len(piece.vertices))
    t = np.clip((piece.vertices[:, 1] - 1.0) / 1.3, 0.0, 1.0)
    return 1 - t * t * (3 - 2 * t)


def _landmarks(face: Piece) -> npt.NDArray[np.int64]:
    """68 vertex ids in iBUG order."""
    ids = face.ids
    out = [*ids["jaw_r"][:8], ids["jaw_l"][8], *ids["jaw_l"][7::-1]]
    out += [*ids["brow_r"][::-1], *ids["brow_l"]]
    nose, nose_r = ids["nose_l"], ids["nose_r"]
    out += [*nose[:4], nose_r[6], nose_r[5], nose[4], nose[5], nose[6]]
    n = topology.EYE_COUNT
    half, third = n // 2, n // 6
    right, left = ids["eye_r"][1], ids["eye_l"][1]
    out += [right[k] for k in (half, half - third, third, 0, n - third, half + third)]
    out += [left[k] for k in (0, third, half - third, half, half + third, n - third)]
    border_up, border_low = ids["upper"][-1], ids["lower"][-1]
    inner_up, inner_low = ids["upper"][3], ids["lower"][3]
    columns = len(border_up)
    mid = columns // 2
    seats = face.seat[border_up, 0]

    def column(x: float) -> int:
        return int(np.abs(seats - x).argmin())

    out += [inner_up[0], *(border_up[column(x)] for x in (-0.25, -0.085)), border_up[mid]]
    out += [*(border_up[column(x)] for x in (0.085, 0.25)), inner_up[-1]]
    out += [border_low[column(x)] for x in (0.25, 0.12, 0.0, -0.12, -0.25)]
    out += [inner_up[2], *(inner_up[column(x)] for x in (-0.12, 0.0, 0.12)), inner_up[-3]]
    out += [inner_low[column(x)] for x in (0.12, 0.0, -0.12)]
    return np.array(out, dtype=np.int64)
