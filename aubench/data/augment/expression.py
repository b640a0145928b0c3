"""Another expression by warping: landmarks go where AUs would take them, and a thin plate carries the picture along.

A warp moves what a picture shows. It cannot show teeth or eyelids that were hidden; AUs that mostly do that (25, 26,
43) are therefore not among those that move by default.
"""

from __future__ import annotations

import functools

import numpy as np

from aubench.data.augment.maps import look_up
from aubench.data.augment.points import similarity
from aubench.data.augment.prior import Prior, face
from aubench.data.augment.thinplate import CELLS, ThinPlate
from aubench.types import Floats

STEEPEST = 0.75
"""Largest slope of a displacement. Below 1 the map is one to one: nothing folds over."""
ROUNDS = 9
"""Of the fixed-point iteration that turns a map around; each shrinks the error by the slope."""
_AROUND = (-0.1, 0.2, 0.5, 0.8, 1.1)
_EDGE = np.array([(x, y) for x in _AROUND for y in _AROUND if {x, y} & {-0.1, 1.1}], np.float32)
"""Places around the crop that stay."""


def displacement(points: Floats, prior: Prior, strengths: Floats) -> Floats:
    """Where AUs of ``strengths`` (23,), 1 for intensity 5, take the points (68, 2): the generic face's moves, turned
    and scaled as the face is."""
    move = np.einsum("a,apc->pc", strengths, prior.moves)
    fitted = similarity(prior.landmarks[:, :2], points)
    out: Floats = (move @ fitted[:2, :2].T).astype(np.float32)
    return out


def plate(points: Floats) -> ThinPlate:
    """The thin plate held by the landmarks (68, 2) and the places around the crop."""
    return ThinPlate(np.concatenate([points, _EDGE]))


@functools.cache
def generic_plate() -> ThinPlate:
    """That of the generic face's landmarks."""
    return plate(face().landmarks[:, :2])


def field(held: ThinPlate, move: Floats) -> tuple[Floats, float]:
    """Displacement on nodes (CELLS, CELLS, 2) of a :func:`plate` whose landmarks go by ``move`` (68, 2), weakened as a
    whole where it would be too steep; and by how much it was weakened (1 for not)."""
    forward = held(np.concatenate([move, np.zeros_like(_EDGE)]))
    across, down = (np.square(np.diff(forward, axis=axis)).sum(axis=2) for axis in (1, 0))
    steepest = float(np.sqrt((across[1:] + down[:, 1:]).max())) * (CELLS - 1)
    kept = min(1.0, STEEPEST / max(steepest, 1e-9))
    return forward * np.float32(kept), kept


def backward(forward: Floats) -> Floats:
    """For each node q, the displacement b with which q + b is the place that ``forward`` takes to q:
    b(q) = -forward(q + b(q)), by iteration."""
    line = np.arange(CELLS, dtype=np.float32)
    nodes, back = np.stack(np.meshgrid(line, line), axis=2), -forward
    for _ in range(ROUNDS):
        back = -look_up(forward, nodes + back * np.float32(CELLS - 1))
    return back
