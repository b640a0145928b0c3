"""Lips lie before the teeth: skin that a movement would put behind the front of a dental arch is laid upon it.

Seen from above, each arch is a curve about a centre behind it. A vertex of the lips keeps its distance from that
centre greater than the curve's where it is at the height of the teeth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aubench.drawing.arrays import Flags, Floats, Ints

from .lips import Lips
from .topology import PART, Topology

BEHIND = 4.5
"""How far, in centimetres, an arch's centre lies behind its front."""
ANGLES = np.linspace(-0.62, 0.62, 25)
"""Directions from that centre in which an arch's front is known, in radians from straight ahead."""
CLEARANCE = 0.05
"""Distance of lips from teeth, in centimetres, where the neutral face leaves so much."""
_EDGE = 0.25
"""Over so many centimetres below or above the teeth's edge, their hold on a lip fades."""


@dataclass(frozen=True, eq=False)
class Arch:
    """One row of teeth: ``front`` (angles,) vertices at its front, ``edge`` (angles,) vertices where it bites, ``sign``
    1 for the upper row; ``ids`` (k,) vertices of lips and cheeks before it, ``margin`` (k,) the clearance that each
    keeps."""

    front: Ints
    edge: Ints
    sign: float
    ids: Ints
    margin: Floats

    def clearance(self, vertices: Floats) -> tuple[Floats, Floats, Floats]:
        """How far (k,) lips are before the teeth, negative behind them; the way outwards (k, 2) along x and z; how
        firmly (k,) the teeth hold them, by their height."""
        front = vertices[self.front]
        middle = np.array([front[:, 0].mean(), front[:, 2].max() - BEHIND], vertices.dtype)
        arm = front[:, [0, 2]] - middle
        angles, radii = np.arctan2(arm[:, 0], arm[:, 1]), np.hypot(arm[:, 0], arm[:, 1])
        order = angles.argsort()
        lips = vertices[self.ids]
        arm = lips[:, [0, 2]] - middle
        distance, angle = np.hypot(arm[:, 0], arm[:, 1]), np.arctan2(arm[:, 0], arm[:, 1])
        before = distance - np.interp(angle, angles[order], radii[order], left=0.0, right=0.0)
        bite = np.interp(angle, angles[order], vertices[self.edge[order], 1])
        hold = np.clip(1.0 + self.sign * (lips[:, 1] - bite) / _EDGE, 0.0, 1.0)
        return before, arm / np.maximum(distance, 1e-6)[:, None], hold

    def cover(self, vertices: Floats) -> None:
        """Push the lips out of the teeth, in place."""
        before, outwards, hold = self.clearance(vertices)
        push = hold * np.maximum(self.margin - before, 0.0)
        vertices[self.ids, 0] += outwards[:, 0] * push
        vertices[self.ids, 2] += outwards[:, 1] * push


@dataclass(frozen=True, eq=False)
class Teeth:
    """Both rows."""

    upper: Arch
    lower: Arch

    def cover(self, vertices: Floats) -> None:
        """Lay the lips upon the teeth, in place."""
        self.upper.cover(vertices)
        self.lower.cover(vertices)


def teeth_of(base: Floats, topology: Topology, lower: Flags, lips: Lips) -> Teeth:
    """Find the rows of teeth of the neutral head; ``lower`` (n,) marks what the jaw carries."""
    tooth = topology.parts == PART["teeth"]
    skin = lips.ids[topology.parts[lips.ids] == PART["face"]]
    return Teeth(
        _arch(base, np.flatnonzero(tooth & ~lower), 1.0, skin), _arch(base, np.flatnonzero(tooth & lower), -1.0, skin)
    )


def _arch(base: Floats, teeth: Ints, sign: float, skin: Ints) -> Arch:
    points = base[teeth]
    middle = np.array([0.0, points[:, 2].max() - BEHIND])
    arm = points[:, [0, 2]] - middle
    angle, radius = np.arctan2(arm[:, 0], arm[:, 1]), np.hypot(arm[:, 0], arm[:, 1])
    front, edge = [], []
    for at in ANGLES:
        near = np.flatnonzero(np.abs(angle - at) < 0.5 * (ANGLES[1] - ANGLES[0]) + 0.02)
        front.append(near[radius[near].argmax()])
        crown = near[radius[near] > radius[near].max() - 0.35]
        edge.append(crown[(-sign * points[crown, 1]).argmax()])
    ids = np.array(front), np.array(edge)
    arch = Arch(teeth[ids[0]], teeth[ids[1]], sign, skin, np.zeros(len(skin), np.float32))
    margin = np.minimum(arch.clearance(base)[0], CLEARANCE)
    return Arch(arch.front, arch.edge, sign, skin, margin.astype(np.float32))
