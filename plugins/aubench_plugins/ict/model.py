"""From facial parameters to a posed head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from aubench.contracts import NUISANCE_NAMES
from aubench.drawing.arrays import Floats
from aubench.drawing.variation import Variation
from aubench.parameters import (
    AU,
    AU_SIZE,
    BASE_AU,
    BROW,
    IDENTITY,
    PITCH_RANGE_DEGREES,
    POSE,
    SIZE,
    YAW_RANGE_DEGREES,
    au_index,
)  # fmt: skip
from aubench.progress import progress

from . import ASSET
from .identity import SIGMA
from .lids import gaze_rotation
from .rig import EXPRESSION_ROWS, GAZE_SHAPE_DEGREES, LOOKS, PIVOT, Rig, build
from .source import MODES, open_source
from .topology import Topology

GAZE_RANGE_DEGREES, ROLL_RANGE_DEGREES = 25.0, 15.0
ASYMMETRY = 0.3
_COLUMN = {name: k for k, name in enumerate(NUISANCE_NAMES)}
_ROW = {name: k for k, name in enumerate(EXPRESSION_ROWS)}
_AU25, _AU26 = au_index("AU25"), au_index("AU26")


@dataclass(frozen=True, eq=False)
class Posed:
    """One face, ready to be drawn.

    ``vertices`` (n, 3) float32: centimetres in head space (x to the picture's right, y up, z to the camera), with
    identity, expression and gaze, before the pose; what belongs to the shoulders is counter-rotated, so that it stays
    behind when the whole is posed. ``rest`` (n, 3): the same identity without expression and gaze. ``rotation`` (3, 3)
    and ``translation`` (3,): head space to camera space, ``rotation @ v + translation``. ``eyes`` (2, 3): centres of
    the eyeballs in head space, that of the picture's left (the person's right) first; ``gaze`` (2, 3): where they look,
    unit vectors in head space. ``au`` (23,): AU parameters in [0, 1] with the base at 0, as the folds show them.
    ``brows`` (36,): weights of the brow styles. ``identity`` (208,): the identity numbers in [0, 1]."""

    vertices: Floats
    rest: Floats
    rotation: Floats
    translation: Floats
    eyes: Floats
    gaze: Floats
    au: Floats
    brows: Floats
    identity: Floats

    def in_camera(self, points: Floats | None = None) -> Floats:
        """Points (k, 3) of head space, by default all vertices, in camera space."""
        points = self.vertices if points is None else points
        out: Floats = points @ self.rotation.T + self.translation
        return out


@dataclass(frozen=True, eq=False)
class Model:
    """ICT-FaceKit with the parameters of :class:`aubench.parameters.FacialParameters`."""

    rig: Rig

    @property
    def topology(self) -> Topology:
        return self.rig.topology

    def rest(self, identity: Floats) -> Floats:
        """The head (n, 3) float32 of identity numbers (208,) without expression, before lids and lips are mended."""
        rig = self.rig
        numbers = 2 * identity.astype(np.float32) - 1
        out: Floats = (SIGMA * numbers[:MODES] @ rig.modes).reshape(-1, 3)
        out += rig.base
        rig.bones.add(numbers[MODES:], out)
        return out

    def pose(self, vector: Floats, nuisance: Floats | None = None, variation: Variation | None = None) -> Posed:
        """The face of parameters (269,) in [0, 1], with nuisance movements (9,) in [-1, 1] or none. ``variation``: the
        person's own geometry and AU shapes, beyond what identity numbers can say."""
        if vector.shape != (SIZE,):
            raise ValueError(f"facial parameters of one face are ({SIZE},), not {vector.shape}")
        extra = np.zeros(len(_COLUMN), np.float32) if nuisance is None else np.asarray(nuisance, np.float32)
        rig = self.rig
        au = np.maximum((vector[AU] - BASE_AU) / (1 - BASE_AU), 0.0).astype(np.float32)
        tilt = ASYMMETRY * float(extra[_COLUMN["asymmetry"]])
        rest = self.rest(vector[IDENTITY])
        strength = au
        if variation is not None:
            rest += variation.displacement(rig.anchors)
            strength = variation.actions(au)
        vertices = rest.copy()
        sides = {"left": strength * (1 + tilt), "right": strength * (1 - tilt)}
        gaze = np.radians(GAZE_RANGE_DEGREES) * extra[[_COLUMN["gaze_x"], _COLUMN["gaze_y"]]]
        numbers, closed = _expression(sides, gaze, extra, rig.closing)
        rig.moves.add(numbers, vertices)
        if variation is not None:
            vertices = rest + variation.bent(rig.anchors, (vertices - rest).astype(np.float32))
            au = variation.folds(au)
        turn = gaze_rotation(float(gaze[0]), float(gaze[1]))
        ahead = np.array([0.0, 0.0, 1.0], np.float32)
        centres = []
        for eye, share in zip(rig.eyes, (closed["right"], closed["left"]), strict=True):
            centre = eye.centre(rest)
            wide = eye.opening(rest)
            eye.close(rest, 0.0, wide, centre, ahead)
            eye.close(vertices, share, wide, centre, turn @ ahead)
            eye.turn(vertices, turn, centre)
            centres.append(centre)
        for head in (rest, vertices):
            rig.lips.part(head)
            rig.teeth.cover(head)
        rotation = head_rotation(vector[POSE], float(extra[_COLUMN["roll"]]))
        pivot = np.array(PIVOT, np.float32)
        stays = (1 - rig.carried)[:, None]
        if not np.allclose(rotation, np.eye(3)):
            vertices += stays * ((vertices - pivot) @ rotation + pivot - vertices)
        return Posed(
            vertices, rest, rotation, -rotation @ pivot, np.array(centres, np.float32),
            np.stack([turn @ ahead] * 2), np.minimum(au, 1.0), vector[BROW].astype(np.float32),
            vector[IDENTITY].astype(np.float32),
        )  # fmt: skip


def _expression(
    sides: dict[str, Floats], gaze: Floats, extra: Floats, closing: Floats
) -> tuple[Floats, dict[str, float]]:
    """Numbers of all expression rows, and the share of each lid opening that closes."""
    numbers = np.zeros(len(EXPRESSION_ROWS), np.float32)
    right, down = np.degrees(gaze) / GAZE_SHAPE_DEGREES
    closed = {}
    for n, (side, au) in enumerate(sides.items()):
        numbers[n * AU_SIZE : (n + 1) * AU_SIZE] = au
        closed[side] = float(1 - np.prod(1 - np.clip(au * closing, 0.0, 1.0)))
        numbers[_ROW[f"blink.{side}"]] = closed[side]
        outwards = right if side == "left" else -right
        for look, amount in zip(LOOKS, (-down, down, -outwards, outwards), strict=True):
            numbers[_ROW[f"{look}.{side}"]] = max(amount, 0.0) * (1 - closed[side])
    middle = 0.5 * (sides["left"] + sides["right"])
    numbers[_ROW["jaw_parted"]] = min(middle[_AU25], 1.0) * middle[_AU26]
    puff = float(extra[_COLUMN["cheek_puff"]])
    numbers[_ROW["puff"]] = puff * (0.35 if puff < 0 else 1.0)
    numbers[_ROW["jaw_forward"]] = extra[_COLUMN["jaw_forward"]]
    return numbers, closed


def head_rotation(pose: Floats, roll: float) -> Floats:
    """Head rotation (3, 3): pitch (positive lowers the chin), then yaw (positive to the picture's right), then roll
    (positive clockwise in the picture)."""
    yaw = np.radians(YAW_RANGE_DEGREES) * (2 * float(pose[0]) - 1)
    pitch = np.radians(PITCH_RANGE_DEGREES) * (2 * float(pose[1]) - 1)
    angle = np.radians(ROLL_RANGE_DEGREES) * roll
    c, s = np.cos(angle), np.sin(angle)
    lean = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32)
    return np.asarray(lean @ gaze_rotation(yaw, pitch), np.float32)


def face_model() -> Model:
    """The model of the asset, where the user says it is; built once for each place. Raises
    :class:`aubench.errors.UserError` without it."""
    return _model_at(ASSET.locate().absolute())


@lru_cache(maxsize=1)
def _model_at(path: Path) -> Model:
    with progress("reading ICT-FaceKit, once", unit="files") as advance:
        source = open_source(path, advance)
    return Model(build(source))
