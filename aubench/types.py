"""Short names for arrays in signatures; shapes and units are in the docstrings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
"""Single precision: pictures, points, meshes."""
Array = npt.NDArray[np.float64]
"""Double precision: statistics and geometry."""
Ints = npt.NDArray[np.int64]
"""Indices."""
AnyArray = npt.NDArray[Any]
"""Of any type."""
