"""From parameters to posed vertices: one matrix product, the mends, then the turn of the head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aubench.contracts import NUISANCE_NAMES
from aubench.drawing.variation import Variation
from aubench.parameters import AU, AU_NAMES, BASE_AU, IDENTITY, PITCH_RANGE_DEGREES, POSE, YAW_RANGE_DEGREES

from . import correctives
from .actions import ACTIONS

Floats = npt.NDArray[np.float32]
GAZE_RANGE_DEGREES, ROLL_RANGE_DEGREES = 25.0, 15.0
ASYMMETRY = 0.3
BATCH = 64

_COLUMN = {name: k for k, name in enumerate(NUISANCE_NAMES)}
_NARROW = np.array([ACTIONS[name].narrow[0] for name in AU_NAMES], dtype=np.float32)
_UPPER = np.array([ACTIONS[name].narrow[1] for name in AU_NAMES], dtype=np.float32)


@dataclass(frozen=True)
class Rig:
    """``base`` (v, 3) about the head's rotation centre; ``rows`` (k, 3 v), see :func:`.rig.bake`; ``carried`` (v,): 1
    for what turns with the head, 0 for the shoulders; ``crease_weights`` (23, c); ``eyes`` of the picture's left and
    right; ``lips``: upper and lower rows; ``anchors`` (v, 3): where on the base head a person's own geometry is looked
    up, one place for all of what is rigid."""

    base: Floats
    rows: Floats
    carried: Floats
    crease_weights: Floats
    eyes: tuple[correctives.Eye, correctives.Eye]
    lips: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    anchors: Floats

    def pose(self, vectors: Floats, nuisance: Floats, variation: Variation | None = None) -> tuple[Floats, Floats]:
        """Vertices (b, v, 3) and crease strengths (b, c). ``variation``: the geometry and AU shapes of the one person
        of all faces, beyond what identity numbers can say."""
        parts = [
            self._pose(vectors[k : k + BATCH], nuisance[k : k + BATCH], variation)
            for k in range(0, len(vectors), BATCH)
        ]
        if not parts:
            return np.zeros((0, *self.base.shape), np.float32), np.zeros((0, self.crease_weights.shape[1]), np.float32)
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _pose(self, vectors: Floats, nuisance: Floats, variation: Variation | None) -> tuple[Floats, Floats]:
        extra: Mapping[str, Floats] = {name: nuisance[:, k] for name, k in _COLUMN.items()}
        action = np.maximum((vectors[:, AU] - BASE_AU) / (1 - BASE_AU), 0.0)
        tilt = (ASYMMETRY * extra["asymmetry"])[:, None]
        moved = action if variation is None else np.stack([variation.actions(one) for one in action])
        left, right = moved * (1 + tilt), moved * (1 - tilt)
        identity = 2 * vectors[:, IDENTITY] - 1
        puff = extra["cheek_puff"] * np.where(extra["cheek_puff"] < 0, 0.5, 1.0)  # sucked in less far than puffed out
        numbers = np.concatenate([left, right, identity, puff[:, None], extra["jaw_forward"][:, None]], axis=1)
        vertices = (numbers.astype(np.float32) @ self.rows).reshape(len(vectors), -1, 3) + self.base
        if variation is not None:
            muscles = numbers[:, : 2 * len(AU_NAMES)].astype(np.float32) @ self.rows[: 2 * len(AU_NAMES)]
            for face, moves in zip(vertices, muscles.reshape(len(vectors), -1, 3), strict=True):
                face += variation.displacement(self.anchors) + variation.bent(self.anchors, moves) - moves
            action = np.stack([variation.folds(one) for one in action])
        gaze = np.radians(GAZE_RANGE_DEGREES) * np.stack([extra["gaze_x"], extra["gaze_y"]], axis=1)
        for eye, strength in zip(self.eyes, (right, left), strict=True):
            centre, radius = correctives.ball_centre(eye, vertices)
            share, upper = _closing(strength, extra["gaze_y"])
            correctives.close_lids(eye, vertices, share, upper, centre, radius)
            correctives.turn_eye(eye, vertices, gaze, centre)
        correctives.part_lips(*self.lips, vertices)
        turned = vertices @ _rotation(vectors[:, POSE], extra["roll"]).transpose(0, 2, 1)
        vertices += self.carried[:, None] * (turned - vertices)
        creases = np.clip(np.minimum(action, 1.0) @ self.crease_weights, 0.0, 1.0)
        return vertices.astype(np.float32), creases.astype(np.float32)


def _closing(action: Floats, gaze_down: Floats) -> tuple[Floats, Floats]:
    """Share of the lid opening (b,) that closes and the upper lid's part (b,) of it. Lids follow a lowered gaze."""
    each = np.clip(action * _NARROW, 0.0, 1.0)
    follow = 0.38 * np.clip(gaze_down, 0.0, 1.0)
    share = 1 - np.prod(1 - each, axis=1) * (1 - follow)
    total = each.sum(axis=1) + follow
    upper = ((each * _UPPER).sum(axis=1) + follow * 0.95) / np.maximum(total, 1e-6)
    return share.astype(np.float32), upper.astype(np.float32)


def _rotation(pose: Floats, roll: Floats) -> Floats:
    """Head rotations (b, 3, 3): pitch (positive lowers the chin), then yaw (positive to the picture's right), then roll
    (positive clockwise in the picture)."""
    yaw = np.radians(YAW_RANGE_DEGREES) * (2 * pose[:, 0] - 1)
    pitch = np.radians(PITCH_RANGE_DEGREES) * (2 * pose[:, 1] - 1)
    angle = np.radians(ROLL_RANGE_DEGREES) * roll
    one, zero = np.ones_like(yaw), np.zeros_like(yaw)

    def stack(*rows: tuple[Floats, Floats, Floats]) -> Floats:
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    c, s = np.cos(pitch), np.sin(pitch)
    nod = stack((one, zero, zero), (zero, c, -s), (zero, s, c))
    c, s = np.cos(yaw), np.sin(yaw)
    turn = stack((c, zero, -s), (zero, one, zero), (s, zero, c))
    c, s = np.cos(angle), np.sin(angle)
    lean = stack((c, -s, zero), (s, c, zero), (zero, zero, one))
    out: Floats = (lean @ turn @ nod).astype(np.float32)
    return out
