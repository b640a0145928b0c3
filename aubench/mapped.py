"""Arrays on disk that are filled through a memory map, with their space reserved before the first number is written."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.errors import UserError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_OFFERED = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


def new_array(path: Path, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """A new ``.npy`` file of zeros, memory-mapped to be filled, whose space on the disk is reserved.

    Writing to a map of a file without space would end the process by a signal (SIGBUS) once the disk is full.

    Args:
        path: The file, replaced if it is there.
        dtype: The numbers' type.
        shape: The array's shape.

    Raises:
        UserError: There is not enough space (``disk-full``); the file is removed.
        OSError: As the system gives it.
    """
    need = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        array: npt.NDArray[Any] = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        if need and hasattr(os, "posix_fallocate"):
            with open(path, "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    except OSError as error:
        if error.errno in _FULL:
            with contextlib.suppress(OSError):
                os.unlink(path)
            free = shutil.disk_usage(path.parent).free
            raise UserError(
                f"{path.parent}: {need / 1e6:.1f} MB are needed for {path.name} and {free / 1e6:.1f} MB are free; free "
                "space, or set AUBENCH_CACHE to a folder with more space",
                code="disk-full",
            ) from error
        if error.errno not in _NOT_OFFERED:  # no reservation on this file system
            raise
    return array
