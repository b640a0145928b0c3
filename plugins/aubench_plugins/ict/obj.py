"""Reading the Wavefront .obj files of ``FaceXModel/``: positions, texture coordinates, quads and their materials.

Only what these files hold: ``v``, ``vt``, ``usemtl`` and ``f a/b ...`` of three or four corners, in that order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aubench.drawing.arrays import Floats, Ints
from aubench.errors import UserError, code_of_errno


@dataclass(frozen=True)
class Faces:
    """Triangles of an .obj file, quads split at their first corner: ``corners`` (t, 3) vertex ids from 0, ``uv``
    (t, 3, 2), ``material`` (t,) places in ``names``, the materials in the order in which the file first uses them."""

    corners: Ints
    uv: Floats
    material: Ints
    names: tuple[str, ...]


def read_vertices(path: Path) -> Floats:
    """Positions (n, 3) float64. Raises :class:`UserError` for a file that is not such a one."""
    return _numbers(path, _load(path), b"v", 3)


def read_faces(path: Path) -> Faces:
    """Triangles with texture coordinates and materials. Raises :class:`UserError` for a file that is not such a one."""
    data = _load(path)
    chart = _numbers(path, data, b"vt", 2)
    corners: list[tuple[int, int, int]] = []
    places: list[tuple[int, int, int]] = []
    material: list[int] = []
    names: list[str] = []
    try:
        for line in data.splitlines():
            if line.startswith(b"usemtl"):
                name = line.split(maxsplit=1)[1].decode()
                if name not in names:
                    names.append(name)
                current = names.index(name)
            elif line.startswith(b"f "):
                pairs = [corner.split(b"/") for corner in line.split()[1:]]
                v = [int(pair[0]) - 1 for pair in pairs]
                t = [int(pair[1]) - 1 for pair in pairs]
                for k in range(1, len(v) - 1):
                    corners.append((v[0], v[k], v[k + 1]))
                    places.append((t[0], t[k], t[k + 1]))
                    material.append(current)
        uv = chart[np.array(places)]
    except (ValueError, IndexError, UnboundLocalError):
        raise UserError(
            f"{path}: its faces are not `f vertex/texture ...` under `usemtl`; clone it again", code="file-damaged"
        ) from None
    return Faces(np.array(corners, np.int32), uv.astype(np.float32), np.array(material, np.int32), tuple(names))


def _load(path: Path) -> bytes:
    try:
        return path.read_bytes().replace(b"\r\n", b"\n")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or error})", code=code_of_errno(error.errno, "file-unreadable")
        ) from None


def _numbers(path: Path, data: bytes, key: bytes, width: int) -> Floats:
    """The rows (n, width) of the lines that begin with ``key``, which stand together."""
    start = data.find(b"\n" + key + b" ")
    if start < 0:
        raise UserError(
            f"{path}: holds no `{key.decode()}` lines; it is not one of the public .obj files", code="file-damaged"
        )
    last = data.rfind(b"\n" + key + b" ")
    end = data.find(b"\n", last + 1)
    block = data[start : len(data) if end < 0 else end]
    lines = block.count(b"\n")
    words = block.replace(b"\n" + key + b" ", b" ").split()
    try:
        numbers = np.array(words, dtype=np.float64).reshape(lines, -1)[:, :width]
    except ValueError:
        raise UserError(
            f"{path}: its `{key.decode()}` lines do not hold numbers; the file is damaged", code="file-damaged"
        ) from None
    if numbers.shape[1] != width:
        raise UserError(
            f"{path}: its `{key.decode()}` lines hold {numbers.shape[1]} numbers, not {width}", code="file-damaged"
        )
    return numbers
