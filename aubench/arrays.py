"""One array in a ``.npy`` file: written, or read, or a reason why that cannot be."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_MAGIC = b"\x93NUMPY"


def save_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write a ``.npy`` file. Raises ``OSError`` as the system gives it; that of ``numpy.save`` does not say that a disk
    is full. Arrays of Python objects are refused."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    path.write_bytes(buffer.getbuffer())


def load_array(path: Path, *, mapped: bool = False) -> npt.NDArray[Any]:
    """The array in a ``.npy`` file; ``mapped``: left on disk and read where it is used, read-only.

    Runs no code: arrays of Python objects are refused, and so is an archive of arrays (``.npz``) under this name.
    Raises ``OSError`` for a file that cannot be read, ``ValueError`` with the reason for any other.
    """
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("is not a .npy file")
    try:
        # Mapped first in any case: a header that promises more than the file holds is then noticed before memory is
        # taken for it.
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        return array if mapped else np.array(array)
    except OSError:
        raise
    except Exception as error:  # numpy answers a damaged header with whatever it leads to
        raise ValueError(f"is not a whole .npy file ({' '.join(str(error).split()) or type(error).__name__})") from None
