"""Reading DISFA's landmark files: 66 points of an active appearance model, ``pts`` in a MATLAB file for each frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

VARIABLE = "pts"
COUNT = 66


class NoPoints(ValueError):
    """A landmark file that holds no landmarks; says why."""


def read_points(path: Path) -> npt.NDArray[np.float64]:
    """Pixels (66, 2), x then y. Raises :class:`NoPoints`."""
    import scipy.io

    try:
        content = scipy.io.loadmat(path, variable_names=[VARIABLE])
    except NotImplementedError:
        raise NoPoints("is a MATLAB 7.3 file; save it again with -v7") from None
    except Exception as error:  # scipy raises whatever a torn file happens to trip over
        raise NoPoints(f"is no MATLAB file, or torn ({type(error).__name__})") from None
    if VARIABLE not in content:
        raise NoPoints(f"has no variable {VARIABLE!r}")
    points = np.asarray(content[VARIABLE])
    if points.shape == (2, COUNT):
        points = points.T
    if points.shape != (COUNT, 2) or points.dtype.kind not in "fiu":
        raise NoPoints(f"{VARIABLE!r} is {points.dtype} {points.shape}, not numbers ({COUNT}, 2)")
    points = points.astype(np.float64)
    if not np.isfinite(points).all():
        raise NoPoints(f"{VARIABLE!r} holds values that are not finite")
    return points
