"""The pose and AUs of a face on another character, drawn by an engine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from aubench import discovery
from aubench.contracts import NUISANCE_NAMES, Engine
from aubench.errors import UserError
from aubench.parameters import FacialParameters
from aubench.predict.align import Image
from aubench.predict.readings import Readings

BATCH = 16


def engine_of(name: str, size: int) -> Engine:
    """The engine called ``name``, whose pictures have ``size`` pixels a side. Raises ``UserError`` for a renderer that
    is none."""
    # Asked of one as it comes: a network whose weights fit one size only would complain of the size instead.
    if not isinstance(discovery.build("renderer", name), Engine):
        raise UserError(f"--to {name}: has no head to render; choose an engine such as bdfm", code="plugin-unsupported")
    made: Engine = discovery.build("renderer", name, {"size": size})
    return made


def character(engine: Engine, seed: int | None) -> FacialParameters:
    """Who is drawn: the engine's base face, or a random identity and brow style."""
    return FacialParameters.base() if seed is None else engine.sample(1, seed)


def pictures(engine: Engine, who: FacialParameters, readings: Readings, face: int) -> Iterator[Image]:
    """One RGB picture for each of the source's, in order. Where the face is not seen, the character holds still."""
    rows = {int(readings.frame[row]): int(row) for row in np.flatnonzero(readings.face == face)}
    shown: list[int] = []  # the row whose face each picture shows
    last = min(rows.values())
    for frame in range(1, int(readings.frame[-1]) + 1):
        last = rows.get(frame, last)
        shown.append(last)
    for start in range(0, len(shown), BATCH):
        part = shown[start : start + BATCH]
        needed = list(dict.fromkeys(part))
        drawn = dict(zip(needed, _draw(engine, who, readings, needed), strict=True))
        yield from (drawn[row] for row in part)


def _draw(engine: Engine, who: FacialParameters, readings: Readings, rows: list[int]) -> list[Image]:
    read = FacialParameters.from_vector(torch.from_numpy(readings.parameters[rows]))
    count = len(rows)
    moved = FacialParameters(read.pose, read.au, who.identity.expand(count, -1), who.brow.expand(count, -1))
    around = np.zeros((count, len(NUISANCE_NAMES)), np.float32)
    around[:, NUISANCE_NAMES.index("scale")] = -1.0  # some room around the face
    image = engine.draw(moved, style="game", nuisance=around).image
    return list((image.clamp(0, 1) * 255 + 0.5).byte().permute(0, 2, 3, 1).numpy())
