"""MATLAB files of landmarks: opened, or refused with the reason.

Read here, as far as landmarks need it, and not with scipy, which a damaged file can make end the whole process: arrays
of real numbers, and structures of them, in files of version 4 and of versions 5 to 7.2. Everything else in a file is
passed over. Every length is checked against the bytes that are there.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np

from aubench.types import AnyArray

LARGEST = 64 << 20
"""Bytes of the largest file, and of all that is unpacked from it."""
_DEEPEST = 8
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""How numbers are stored, by the type of an element."""
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_STRUCTURE, _MATRIX, _PACKED = 2, 14, 15
_COMPLEX = 0x0800
_NUMBERS_4 = {0: "f8", 1: "f4", 2: "i4", 3: "i2", 4: "u2", 5: "u1"}
_HEADER, _HEADER_4 = 128, 20
_HDF5 = b"\x89HDF\r\n\x1a\n"


class NoPoints(ValueError):
    """A file that holds no landmarks, or none that can be used; says why."""


class _Torn(Exception):
    """Lengths that do not fit one another."""


def load_mat(path: Path, *, squeeze: bool = False) -> dict[str, AnyArray]:
    """The numeric variables of a MATLAB file by name.

    A structure is an array of records (one for each of its elements) whose fields are arrays, ``None`` where a field
    holds anything else. ``squeeze`` leaves out axes of length 1, of fields as well. Raises :class:`NoPoints`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise NoPoints(f"cannot be read ({error.strerror or error})") from None
    if len(data) > LARGEST:
        raise NoPoints(f"has more than {LARGEST >> 20} MB")
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128], "")
    if data.startswith(_HDF5) or data[512:520] == _HDF5 or (order and data[124:126] in (b"\x00\x02", b"\x02\x00")):
        raise NoPoints("is a MATLAB 7.3 file; save it again with -v7")
    try:
        if order:
            found = _Reader(order, squeeze).variables(data[_HEADER:])
        elif 0 in data[:4]:
            found = _variables_4(data, squeeze)
        else:
            raise _Torn
    except (_Torn, struct.error, zlib.error, ValueError):
        raise NoPoints("is not a MATLAB file, or is truncated") from None
    return {name: value for name, value in found.items() if value is not None}


class _Reader:
    """Files of version 5: elements, each with type and length in front, matrices made of further elements."""

    def __init__(self, order: str, squeeze: bool) -> None:
        self.order, self.squeeze, self.room = order, squeeze, LARGEST

    def variables(self, data: bytes) -> dict[str, AnyArray | None]:
        found: dict[str, AnyArray | None] = {}
        at = 0
        while at < len(data):
            kind, content, at = self.element(data, at)
            if kind == _PACKED:
                unpacker = zlib.decompressobj()
                content = unpacker.decompress(content, self.room + 1)
                self.room -= len(content)
                if self.room < 0 or not unpacker.eof:
                    raise _Torn
                kind, content, _ = self.element(content, 0)
            if kind == _MATRIX:
                name, value = self.matrix(content)
                found[name] = value
        return found

    def element(self, data: bytes, at: int) -> tuple[int, bytes, int]:
        """Type and content of the element at a place, and where the next one begins."""
        (kind,) = struct.unpack_from(f"{self.order}I", data, at)
        if kind >> 16:  # a small one: type and length share four bytes, the content has the next four
            length, start, step = kind >> 16, at + 4, 8
            kind &= 0xFFFF
            if length > 4:
                raise _Torn
        else:
            (length,) = struct.unpack_from(f"{self.order}I", data, at + 4)
            start, step = at + 8, 8 + (length if kind == _PACKED else -(-length // 8) * 8)
        if start + length > len(data):
            raise _Torn
        return kind, data[start : start + length], at + step

    def matrix(self, data: bytes, depth: int = 0) -> tuple[str, AnyArray | None]:
        """Name and value of a matrix; ``None`` for what is neither real numbers nor a structure."""
        if not data:  # an empty field is written without any content
            return "", None
        _, flags, at = self.element(data, 0)
        _, sides, at = self.element(data, at)
        _, name, at = self.element(data, at)
        (about,) = struct.unpack_from(f"{self.order}I", flags)
        shape = tuple(int(side) for side in np.frombuffer(sides, f"{self.order}i4"))
        if any(side < 0 for side in shape) or not 2 <= len(shape) <= 8:
            raise _Torn
        title, kind = name.decode("latin-1"), about & 0xFF
        if kind == _STRUCTURE and depth < _DEEPEST:
            return title, self.structure(data, at, shape, depth)
        if kind not in _CLASSES or about & _COMPLEX:
            return title, None
        stored, content, _ = self.element(data, at)
        if stored not in _NUMBERS:
            raise _Torn
        numbers = np.frombuffer(content, f"{self.order}{_NUMBERS[stored]}")
        if len(numbers) != math.prod(shape):
            raise _Torn
        return title, self.squeezed(numbers.astype(_CLASSES[kind]).reshape(shape, order="F"))

    def structure(self, data: bytes, at: int, shape: tuple[int, ...], depth: int) -> AnyArray | None:
        _, length, at = self.element(data, at)
        _, joined, at = self.element(data, at)
        (width,) = struct.unpack_from(f"{self.order}i", length)
        if width <= 0 or len(joined) % width:
            raise _Torn
        names = [joined[i : i + width].split(b"\0")[0].decode("latin-1") for i in range(0, len(joined), width)]
        count = math.prod(shape)
        if len(set(names)) != len(names) or "" in names or count * len(names) > (len(data) - at) // 8:
            raise _Torn
        if not names:
            return None
        records = np.empty(count, [(name, object) for name in names])
        for row in range(count):
            for name in names:
                kind, content, at = self.element(data, at)
                if kind != _MATRIX:
                    raise _Torn
                records[row][name] = self.matrix(content, depth + 1)[1]
        return self.squeezed(records.reshape(shape, order="F"))

    def squeezed(self, array: AnyArray) -> AnyArray:
        return array.squeeze() if self.squeeze else array


def _variables_4(data: bytes, squeeze: bool) -> dict[str, AnyArray | None]:
    """Files of version 4: one header of five numbers, a name and the numbers for each matrix."""
    found: dict[str, AnyArray | None] = {}
    order = "<" if struct.unpack_from("<I", data)[0] < 5000 else ">"
    at = 0
    while at < len(data):
        kind, rows, columns, imaginary, named = struct.unpack_from(f"{order}5I", data, at)
        precision, form = kind // 10 % 10, kind % 10
        if kind >= 5000 or precision not in _NUMBERS_4 or form > 2 or not 0 < named < 256:
            raise _Torn
        start = at + _HEADER_4 + named
        dtype = np.dtype(f"{order}{_NUMBERS_4[precision]}")
        at = start + rows * columns * dtype.itemsize * (2 if imaginary else 1)
        if at > len(data):
            raise _Torn
        name = data[start - named : start].split(b"\0")[0].decode("latin-1")
        if form == 0 and not imaginary:
            numbers = np.frombuffer(data, dtype, rows * columns, start).reshape(rows, columns, order="F")
            found[name] = numbers.squeeze() if squeeze else numbers
        else:
            found[name] = None
    return found
