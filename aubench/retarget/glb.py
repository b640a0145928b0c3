"""A glTF 2.0 binary (.glb) under construction: accessors, textures and the container.

After the specification's chapters 3 (concepts) and 4 (GLB file format), Khronos Group, 2021.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from aubench.types import AnyArray

COMPONENTS = {"float32": 5126, "uint32": 5125, "uint16": 5123, "uint8": 5121}
_TYPES = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
VERTICES, INDICES = 34962, 34963
"""What a buffer view is for, as a GPU is told."""
_CLAMPED = {"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}


class Glb:
    """``document`` is the JSON, to be filled in; arrays and pictures go into the binary chunk by the methods."""

    def __init__(self, generator: str) -> None:
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": generator},
            "accessors": [], "bufferViews": [], "images": [], "samplers": [_CLAMPED], "textures": [],
        }  # fmt: skip
        self._binary = bytearray()

    def _view(self, data: bytes, target: int | None = None) -> int:
        start = len(self._binary)
        self._binary += data + b"\0" * (-len(data) % 4)
        view = {"buffer": 0, "byteOffset": start, "byteLength": len(data)}
        self.document["bufferViews"].append(view | ({"target": target} if target else {}))
        return len(self.document["bufferViews"]) - 1

    def _accessor(self, values: AnyArray, bounds: bool, more: dict[str, Any]) -> int:
        kind = _TYPES[values.shape[1:]]
        entry = {"componentType": COMPONENTS[values.dtype.name], "count": len(values), "type": kind, **more}
        if bounds:
            entry["min"] = np.atleast_1d(values.min(axis=0)).tolist()
            entry["max"] = np.atleast_1d(values.max(axis=0)).tolist()
        self.document["accessors"].append(entry)
        return len(self.document["accessors"]) - 1

    def accessor(self, values: AnyArray, target: int | None = None, bounds: bool = False) -> int:
        """The number of an accessor that holds ``values``: (n,), (n, 2..4), or (n, 4, 4) with columns as last but one
        axis; float32, uint32, uint16 or uint8 (then (n, 4)). ``bounds`` writes their least and greatest."""
        view = self._view(np.ascontiguousarray(values).tobytes(), target)
        return self._accessor(values, bounds, {"bufferView": view})

    def sparse(self, values: AnyArray, bounds: bool = False) -> int:
        """The same for float32 ``values`` (n, 3) of which most rows are zero: only the others are stored."""
        rows = np.flatnonzero(values.any(axis=1))
        if not len(rows):
            return self._accessor(values, bounds, {})
        numbers = rows.astype(np.uint16 if len(values) <= 0xFFFF else np.uint32)
        stored = {
            "count": len(rows),
            "indices": {"bufferView": self._view(numbers.tobytes()), "componentType": COMPONENTS[numbers.dtype.name]},
            "values": {"bufferView": self._view(np.ascontiguousarray(values[rows]).tobytes())},
        }
        return self._accessor(values, bounds, {"sparse": stored})

    def texture(self, picture: bytes, kind: str) -> int:
        """The number of a texture that shows ``picture``, a file of MIME type ``kind``; its edges do not repeat."""
        self.document["images"].append({"bufferView": self._view(picture), "mimeType": kind})
        self.document["textures"].append({"sampler": 0, "source": len(self.document["images"]) - 1})
        return len(self.document["textures"]) - 1

    def data(self) -> bytes:
        """The file."""
        filled = {name: value for name, value in self.document.items() if value != []}
        text = json.dumps(filled | {"buffers": [{"byteLength": len(self._binary)}]}, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text
        chunks += struct.pack("<I4s", len(self._binary), b"BIN\0") + self._binary
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
