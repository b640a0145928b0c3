"""The rig: what every parameter moves, prepared once from the asset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aubench.drawing.arrays import Floats
from aubench.parameters import AU_NAMES

from .actions import ACTIONS, CENTRED, JAW_PARTED, Action
from .bones import BONES, Body, offset
from .identity import AXES, FREEDOMS
from .lids import Eye, eye_of
from .lips import Lips, lips_of
from .source import Source
from .sparse_offsets import Rows
from .teeth import Teeth, teeth_of
from .topology import PART, Topology, topology_of

SIDE_BLEND = 1.0
"""Half width, in centimetres, of the blend between the two sides of a face at the median."""
GAZE_SHAPE_DEGREES = 30.0
"""Turn of the eye for which the lids' gaze shapes are made."""
LOOKS = ("eyeLookUp", "eyeLookDown", "eyeLookIn", "eyeLookOut")
PIVOT = (0.0, -1.5, -0.5)
"""Where the head turns on the neck; the origin of camera space."""
EXPRESSION_ROWS = (
    *(f"{name}.left" for name in AU_NAMES), *(f"{name}.right" for name in AU_NAMES), "blink.left", "blink.right",
    *(f"{look}.left" for look in LOOKS), *(f"{look}.right" for look in LOOKS), "jaw_parted", "puff", "jaw_forward",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rig:
    """``base`` (n, 3): the neutral head with its lips closed; ``modes`` (100, 3 n); ``bones``: rows of the 108
    freedoms; ``moves``: rows of :data:`EXPRESSION_ROWS`; ``eyes`` of the picture's left and right; ``carried`` (n,): 1
    for what turns with the head, 0 for the shoulders; ``anchors`` (n, 3): where on the neutral head a person's own
    geometry is looked up, one place for all of what is rigid; ``closing`` (23,): share of the lid opening that each AU
    closes."""

    topology: Topology
    base: Floats
    modes: Floats
    bones: Rows
    moves: Rows
    lips: Lips
    teeth: Teeth
    eyes: tuple[Eye, Eye]
    carried: Floats
    anchors: Floats
    closing: Floats


def build(source: Source) -> Rig:
    """Prepare the asset for posing."""
    topology = topology_of(source)
    neutral = source.neutral.astype(np.float64)
    lips = lips_of(neutral, topology)
    base = neutral.copy()
    lips.shut(base)
    modes = np.stack([lips.seal(mode) for mode in source.modes])
    body = _body(source, topology)
    freedoms = (lips.seal(offset(BONES[f.bone], body, f.kind, AXES.index(f.axis), f.reach)) for f in FREEDOMS)
    blink = {left: source.shape("eyeBlink_L" if left else "eyeBlink_R") for left in (True, False)}
    eyes = (eye_of(base, topology, blink[False], False), eye_of(base, topology, blink[True], True))
    return Rig(
        topology, base.astype(np.float32), modes.reshape(len(modes), -1), Rows.of(freedoms),
        Rows.of(_expressions(source, topology, body, lips)), lips,
        teeth_of(base, topology, body.lower, lips), eyes, _carried(neutral), _anchors(neutral, topology, body),
        np.array([ACTIONS[name].close for name in AU_NAMES], np.float32),
    )  # fmt: skip


def _body(source: Source, topology: Topology) -> Body:
    jaw = np.linalg.norm(source.shape("jawOpen"), axis=1)
    balls = []
    for name in ("sclera_l", "sclera_r"):
        ids = np.flatnonzero(topology.parts == PART[name])
        balls.append((ids, source.neutral[ids].astype(np.float64).mean(axis=0)))
    return Body(
        source.neutral.astype(np.float64),
        topology.parts,
        topology.landmarks,
        jaw > 0.5 * jaw.max(),
        (balls[0], balls[1]),
    )


def left_share(neutral: Floats) -> Floats:
    """How much (n,) a vertex belongs to the person's left (x > 0)."""
    t = np.clip(neutral[:, 0] / SIDE_BLEND * 0.5 + 0.5, 0.0, 1.0)
    out: Floats = t * t * (3 - 2 * t)
    return out


def _mixed(source: Source, shapes: dict[str, float], left: bool) -> Floats:
    """The weighted sum (n, 3) of shapes on one side; a shape without sides counts on its side only."""
    share = left_share(source.neutral) if left else 1 - left_share(source.neutral)
    total = np.zeros(source.neutral.shape)
    for name, weight in shapes.items():
        side = f"{name}_{'L' if left else 'R'}"
        total += weight * (source.shape(side) if side in source.names else share[:, None] * source.shape(name))
    return total


def _within(source: Source, action: Action, left: bool) -> Floats:
    """Where (n, 1) an action may move the face."""
    if not action.within:
        return np.ones((len(source.neutral), 1))
    reach = np.zeros(len(source.neutral))
    for mark, radius in action.within:
        centre = source.neutral[source.landmarks[mark]] * (1 if left else (-1, 1, 1))
        distance = np.linalg.norm(source.neutral - centre, axis=1) / radius
        reach = np.maximum(reach, (1 - np.clip(distance - 0.4, 0.0, 1.0) ** 2) ** 2)
    return reach[:, None]


def _expressions(source: Source, topology: Topology, body: Body, lips: Lips) -> list[Floats]:
    sides: dict[bool, list[Floats]] = {True: [], False: []}
    for name in AU_NAMES:
        action = ACTIONS[name]
        whole = {left: _mixed(source, action.shapes, left) * _within(source, action, left) for left in sides}
        for bone, move in action.moves.items():
            for axis, amount in enumerate(move):
                if amount:
                    moved = offset(BONES[bone], body, "position", axis, amount)
                    share = left_share(source.neutral)[:, None]
                    whole[True] += moved * share
                    whole[False] += moved * (1 - share)
        if name in CENTRED:
            both = 0.5 * (whole[True] + whole[False])
            whole = {True: both, False: both}
        for left, rows in sides.items():
            rows.append(lips.seal(whole[left], action.sealed))
    rows = sides[True] + sides[False]
    rows += [source.shape("eyeBlink_L"), source.shape("eyeBlink_R")]
    rows += [source.shape(f"{look}_{side}") for side in "LR" for look in LOOKS]
    rows.append(_mixed(source, JAW_PARTED, True) + _mixed(source, JAW_PARTED, False))
    puff = 0.7 * (source.shape("cheekPuff_L") + source.shape("cheekPuff_R"))
    rows += [lips.seal(puff.astype(np.float64)), lips.seal(0.6 * source.shape("jawForward").astype(np.float64))]
    return rows


def _anchors(neutral: Floats, topology: Topology, body: Body) -> Floats:
    """Each vertex's own place; of eyeballs, teeth and gums, which keep their shape, the middle of each piece."""
    out = neutral.astype(np.float32)
    jaws = [np.isin(topology.parts, [PART["teeth"], PART["gums"]]) & (body.lower == low) for low in (True, False)]
    for piece in (*(topology.parts == PART[name] for name in ("sclera_l", "sclera_r")), *jaws):
        out[piece] = out[piece].mean(axis=0)
    return out


def _carried(neutral: Floats) -> Floats:
    """1 for the head, 0 for the shoulders, smooth along a neck that leans forward."""
    height = neutral[:, 1] + 0.35 * neutral[:, 2]
    t = np.clip((height + 14.0) / 8.0, 0.0, 1.0)
    return (t * t * (3 - 2 * t)).astype(np.float32)
