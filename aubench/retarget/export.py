"""Movements in the formats of other programs, chosen by the file's suffix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aubench.files import atomic_write_bytes, atomic_write_text
from aubench.predict.readings import Readings

if TYPE_CHECKING:
    from aubench.retarget.mesh import Artist, Model

FORMATS: Mapping[str, str] = {
    ".csv": "52 ARKit shapes and the head's angles",
    ".glb": "glTF: the head with AU targets and the movement",
    ".bvh": "the head's angles as a joint",
}
MESH = frozenset({".glb"})
"""Formats that hold an engine's head."""
DRAWING_SIDE = 512
"""Pixels of the drawings that a head's colours are taken from."""


def mesh_engine(name: str) -> tuple[Artist, Model]:
    """The engine ``name`` and its mesh. Raises ``UserError`` for one that has none."""
    from aubench.retarget.character import engine_of
    from aubench.retarget.mesh import artist_of

    return artist_of(engine_of(name, DRAWING_SIDE), name)


def write(
    path: Path,
    readings: Readings,
    face: int,
    rate: float,
    head: tuple[Artist, Model] | None = None,
    identity: int | None = None,
) -> str:
    """Write the movements of ``face`` and say in a few words what is in the file. ``rate``: pictures a second;
    ``head`` and the seed ``identity`` of who it is are for :data:`MESH` formats."""
    from aubench.retarget import arkit, bvh
    from aubench.retarget.motion import motion

    suffix = path.suffix.lower()
    if suffix == ".csv":
        atomic_write_text(path, arkit.table(readings, face, rate))
        return f"{int((readings.face == face).sum())} rows of 52 shapes and the head's angles"
    moves = motion(readings, face, rate)
    if suffix == ".bvh":
        atomic_write_text(path, bvh.text(moves, rate))
        return f"{len(moves.seconds)} turns of the head"
    from aubench.retarget import gltf
    from aubench.retarget.bake import textures
    from aubench.retarget.character import character
    from aubench.retarget.mesh import head_of

    if head is None:
        raise ValueError(f"{suffix} needs an engine's head")
    engine, model = head
    vector = character(engine, identity).vector()[0].numpy()
    built = head_of(model, vector)
    atomic_write_bytes(path, gltf.document(built, textures(engine, model, vector), moves, "face"))
    return f"{len(built.vertices)} vertices, {len(built.targets)} AUs, {len(moves.seconds)} frames"
