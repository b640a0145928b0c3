"""Aligned crops in one file per recording: compressed pictures end to end, memory-mapped, found through an index.

Why JPEG (quality 95, no chroma subsampling) and not raw pixels or a lossless format: see the numbers in
``docs/data.md``. A crop of 128 px takes about a seventh of its raw size, is half a grey level off on average, and one
core decodes thousands a second, so that random reads need no order on disk and the whole of a data set stays in the
page cache. ``raw`` keeps the pixels as they are for whoever has the room. Each entry carries a CRC-32 that every read
checks.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from aubench.arrays import load_array
from aubench.errors import UserError, code_of_errno
from aubench.processes import available_cores

Codec = Literal["jpeg", "raw"]
QUALITY = 95
BLOBS, INDEX = "crops.bin", "index.npy"
ENTRY = np.dtype(
    [
        ("frame", "<i8"),  # 0-based number
        ("offset", "<i8"),
        ("bytes", "<i4"),
        ("crc", "<u4"),
        ("source", "u1"),  # where the five points came from: a place in SOURCES
        ("points", "<f4", (5, 2)),  # in the original picture, upright, pixels
        ("matrix", "<f4", (2, 3)),  # original picture to crop
    ]
)
"""One row of an index file."""
SOURCES = ("landmarks", "openface", "detector")
FEW = 8
"""Fewer crops than this are decoded in the calling thread."""

Crop = npt.NDArray[np.uint8]
_JPEG = [
    cv2.IMWRITE_JPEG_QUALITY, QUALITY,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]  # fmt: skip


def encode(crop: Crop, codec: Codec) -> bytes:
    """An RGB crop (size, size, 3) as it is stored."""
    if codec == "raw":
        return crop.tobytes()
    return bytes(cv2.imencode(".jpg", np.ascontiguousarray(crop[..., ::-1]), _JPEG)[1])


def decode(blob: npt.NDArray[np.uint8], codec: Codec, size: int) -> Crop | None:
    """What :func:`encode` stored; ``None`` where it is no such picture."""
    if codec == "raw":
        return np.array(blob).reshape(size, size, 3) if len(blob) == size * size * 3 else None
    try:
        image = cv2.imdecode(blob, cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    if image is None or image.shape != (size, size, 3):
        return None
    cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
    return np.asarray(image, np.uint8)


class CropFile:
    """The crops of one recording, read at random. Opened when first read; cheap to pickle."""

    def __init__(self, folder: Path, codec: Codec, size: int) -> None:
        self.folder, self.codec, self.size = folder, codec, size

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "codec": self.codec, "size": self.size}

    @cached_property
    def index(self) -> npt.NDArray[Any]:
        """The entries (n,), see :data:`ENTRY`. Raises ``UserError`` for a damaged file."""
        path = self.folder / INDEX
        try:
            index = load_array(path)
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read ({error}). {remedy(self.folder)}", code="file-damaged") from None
        if index.dtype != ENTRY:
            raise UserError(f"{path}: is not an index of crops. {remedy(self.folder)}", code="file-damaged")
        return np.asarray(index)

    @cached_property
    def _blobs(self) -> npt.NDArray[np.uint8]:
        path = self.folder / BLOBS
        try:
            return np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)
        except OSError as error:
            raise UserError(
                f"{path}: cannot be read ({error.strerror}). {remedy(self.folder)}",
                code=code_of_errno(error.errno, "file-unreadable"),
            ) from None

    def fault(self, row: int, *, pixels: bool = False) -> str | None:
        """What is wrong with an entry, ``None`` where nothing is; with ``pixels``, decodes it as well."""
        entry = self.index[row]
        start, stop = int(entry["offset"]), int(entry["offset"]) + int(entry["bytes"])
        if start < 0 or stop > len(self._blobs):
            return "lies beyond the end of the file"
        blob = self._blobs[start:stop]
        if zlib.crc32(blob.data) != entry["crc"]:
            return "its bytes are not those that were written"
        return "cannot be decoded" if pixels and decode(blob, self.codec, self.size) is None else None

    def __getitem__(self, row: int) -> Crop:
        """One crop (size, size, 3). Raises ``UserError`` naming the frame where the entry is corrupt."""
        entry = self.index[row]
        start = int(entry["offset"])
        blob = self._blobs[start : start + int(entry["bytes"])]
        crop = decode(blob, self.codec, self.size) if zlib.crc32(blob.data) == entry["crc"] else None
        if crop is None:
            why = self.fault(row) or "cannot be decoded"
            raise UserError(
                f"{self.folder / BLOBS}: frame {int(entry['frame'])} is corrupt: {why}. {remedy(self.folder)}",
                code="file-damaged",
            )
        return crop


def remedy(folder: Path) -> str:
    """What to do about a damaged recording."""
    return f"Delete {folder} and run `aubench data prepare` again; it makes only what is missing."


class CropStack:
    """Crops of many recordings as one array-like, uint8 RGB (n, h, w, 3).

    ``stack[3]`` is a crop (an array); ``stack[a:b]`` and ``stack[rows]`` are stacks again, without a pixel read, as
    slices of a memory-mapped array are views; ``np.asarray(stack)`` decodes, with as many threads as there are cores.
    Whatever else an array can do (``astype``, ``mean``, ...) decodes first.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, files: Sequence[CropFile], which: npt.NDArray[np.int32], rows: npt.NDArray[np.int32]) -> None:
        """Entry i is row ``rows[i]`` of ``files[which[i]]``, all of one size."""
        self._files, self._which, self._rows = tuple(files), which, rows

    @property
    def shape(self) -> tuple[int, int, int, int]:
        size = self._files[0].size if self._files else 0
        return len(self._rows), size, size, 3

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple):
            return np.asarray(self[key[0]])[(slice(None), *key[1:])] if not _single(key[0]) else self[key[0]][key[1:]]
        if _single(key):
            at = range(len(self))[int(key)]
            return self._files[self._which[at]][int(self._rows[at])]
        return CropStack(self._files, self._which[key], self._rows[key])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        out = np.empty(self.shape, np.uint8)

        def fill(start: int, stop: int) -> None:
            for at in range(start, stop):
                out[at] = self._files[self._which[at]][int(self._rows[at])]

        count = len(self)
        if count < FEW:
            fill(0, count)
        else:
            step = max(1, -(-count // (4 * available_cores())))
            for future in [_pool(os.getpid()).submit(fill, at, min(at + step, count)) for at in range(0, count, step)]:
                future.result()
        return out if dtype is None else out.astype(dtype, copy=False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(name)
        return getattr(np.asarray(self), name)


def _single(key: Any) -> bool:
    return isinstance(key, int | np.integer) and not isinstance(key, bool)


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Decoding threads of a process (a forked one has none of its parent's): OpenCV lets go of the interpreter."""
    return ThreadPoolExecutor(available_cores(), thread_name_prefix="crops")
