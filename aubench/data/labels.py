"""The lock in front of AU labels. Unsupervised training runs inside :func:`locked`, where reading them is refused.

Two things guard them. :func:`open_labels` and :func:`load_labels` ask the lock first. And because a data set could read
its files by other means, an audit hook of the interpreter refuses, while the lock is on, whatever would reach a file
that ends in :data:`LABEL_SUFFIX` or lies in a folder given to :func:`protect`: opening it for reading (``open``,
``numpy.load``, ``numpy.memmap``, ``os.open``), also through links; giving it another name; mapping it; starting a
program whose command line names it, or that would not know of the lock; looking up the C library's functions that open
files through ctypes. The lock holds for the whole process, in every thread, and for the worker processes started
meanwhile, forked (they inherit the counter) or spawned (they inherit an environment variable).

It stops accidents, not intent. What it cannot see, :mod:`aubench.data.label_guard` lists.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aubench.arrays import load_array
from aubench.data.label_guard import SUFFIX, reaches_labels
from aubench.errors import UserError, code_of_errno

if TYPE_CHECKING:
    import numpy.typing as npt

    from aubench.contracts import Dataset, Split

LABEL_SUFFIX = SUFFIX
"""How the name of a label file ends in a store."""
HIGHEST = 5.0
_VARIABLE = "AUBENCH_LABELS_LOCKED"

_guard = threading.Lock()
_depth = 0
_locked_from_birth = _VARIABLE in os.environ
_folders: set[str] = set()
_hooked = False


class LabelsLocked(RuntimeError):
    """Code under a locked door asked for labels: a fault of that code, never of the user."""


def is_locked() -> bool:
    """Whether labels are out of reach just now, anywhere in this process."""
    return _locked_from_birth or _depth > 0


@contextmanager
def locked() -> Iterator[None]:
    """Keep every label of every data set out of reach, in all threads and in processes started inside. Nests."""
    global _depth
    _install_hook()
    with _guard:
        _depth += 1
        os.environ[_VARIABLE] = "1"
    try:
        yield
    finally:
        with _guard:
            _depth -= 1
            if _depth == 0 and not _locked_from_birth:
                os.environ.pop(_VARIABLE, None)


def protect(path: str | os.PathLike[str]) -> None:
    """Say that a file, or all files under a folder, hold labels (for data sets whose files have names of their own)."""
    real = os.path.realpath(path)
    with _guard:
        _folders.add(real if os.path.isfile(real) else os.path.join(real, ""))


def open_labels(dataset: Dataset, split: Split) -> npt.NDArray[np.float64]:
    """Intensities (n, a) in 0..5, NaN where not annotated, rows as in ``dataset.frames(split)``, columns as in
    ``dataset.aus``. Raises :class:`LabelsLocked` inside :func:`locked`, ``UserError`` for labels that do not fit."""
    _require_open(f"the labels of {dataset.name} ({split})")
    labels = np.asarray(dataset.read_labels(split), dtype=np.float64)
    rows = len(dataset.frames(split))
    if labels.shape != (rows, len(dataset.aus)):
        raise UserError(
            f"data set {dataset.name}: labels of split {split} have shape {labels.shape}, but there are {rows} frames "
            f"and {len(dataset.aus)} AUs. Rebuild the data set.",
            code="dataset-invalid",
        )
    wrong = labels[~np.isnan(labels) & ~((labels >= 0.0) & (labels <= HIGHEST))]
    if wrong.size:
        raise UserError(
            f"data set {dataset.name}: label {wrong[0]} of split {split} lies outside 0..5. Correct its files.",
            code="dataset-invalid",
        )
    return labels


def load_labels(path: Path) -> npt.NDArray[Any]:
    """The array in a label file of a store. Raises :class:`LabelsLocked`, or ``UserError`` for a damaged file."""
    _require_open(str(path))
    try:
        return load_array(path)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot read the labels ({error}). Delete its folder to rebuild it.",
            code=code_of_errno(getattr(error, "errno", None), "file-damaged"),
        ) from None


def _require_open(what: str) -> None:
    if is_locked():
        raise LabelsLocked(f"{what} may not be read during unsupervised training")


def _install_hook() -> None:
    """Once per process: audit hooks cannot be taken out again, so it only acts while the door is locked."""
    global _hooked
    with _guard:
        if not _hooked:
            sys.addaudithook(_refuse)
            _hooked = True


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if is_locked() and (what := reaches_labels(event, arguments, _folders, _VARIABLE)):
        raise LabelsLocked(f"{what} reaches labels, which may not be read during unsupervised training")


if _locked_from_birth:
    _install_hook()
