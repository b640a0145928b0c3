"""MATLAB files of landmarks: opened, or refused with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class NoPoints(ValueError):
    """A file that holds no landmarks, or none that can be used; says why."""


def load_mat(path: Path, names: Sequence[str] | None = None, **options: Any) -> dict[str, Any]:
    """The variables (all, or those ``names``) of a MATLAB file. ``options`` are scipy's. Raises :class:`NoPoints`."""
    import scipy.io

    try:
        content: dict[str, Any] = scipy.io.loadmat(path, variable_names=names, **options)
    except NotImplementedError:
        raise NoPoints("is a MATLAB 7.3 file; save it again with -v7") from None
    except Exception as error:  # scipy raises whatever a torn file happens to trip over
        raise NoPoints(f"is no MATLAB file, or torn ({type(error).__name__})") from None
    return content
