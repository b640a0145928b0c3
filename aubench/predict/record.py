"""What was done to a table of readings, written beside it and into it: nobody must take calibrated values for raw ones.

``clip.csv`` gets ``clip.csv.json`` with the details. Where readings are not raw, the table also has a last column
``processing`` that names what was done, for tables that lose their companion. ``aubench compare`` looks at both.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aubench import __version__
from aubench.errors import UserError, code_of_errno
from aubench.files import atomic_write_text

COLUMN = "processing"
_LONGEST = 1 << 20


@dataclass(frozen=True)
class Processing:
    """``neutral``: where the zero was taken from, ``smooth``: seconds; ``None`` for what was not done."""

    neutral: str | None = None
    smooth: float | None = None

    def __str__(self) -> str:
        """One line, empty for raw readings: ``smoothed over 0.5 s; zero from frame 12``."""
        parts = [f"smoothed over {self.smooth:g} s"] if self.smooth is not None else []
        return "; ".join([*parts, f"zero from {self.neutral}"] if self.neutral is not None else parts)


def beside(table: str | Path) -> Path:
    """Where the record of ``table`` lies."""
    return Path(f"{table}.json")


def write(table: str | Path, processing: Processing, details: Mapping[str, Any]) -> None:
    """Write the record of ``table``, atomically, also where nothing was done: an older one must not stay."""
    path = beside(table)
    content = {"aubench": __version__, "processing": str(processing) or "raw", **details}
    try:
        atomic_write_text(path, json.dumps(content, indent=1) + "\n")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}); give another --out",
            code=code_of_errno(error.errno),
        ) from None


def details_of(table: Path) -> dict[str, Any]:
    """The record of ``table``; empty where there is none, or it is not ours."""
    return _record(beside(table))


def is_record(path: Path) -> bool:
    """Whether a file is a record that :func:`write` wrote."""
    return bool(_record(path))


def _record(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.stat().st_size < _LONGEST else None
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and {"aubench", "processing"} <= content.keys() else {}


def processing_of(table: Path) -> str:
    """What was done to the readings in ``table``; empty for raw ones, and for tables of other programs."""
    try:
        if 0 < beside(table).stat().st_size < _LONGEST:
            told = json.loads(beside(table).read_text(encoding="utf-8")).get("processing", "raw")
            if told != "raw":
                return str(told)
    except (OSError, ValueError, AttributeError, RecursionError):
        pass  # no record, or not one of ours
    try:
        with table.open(newline="", encoding="utf-8", errors="replace") as file:
            return (next(csv.DictReader(file), {}).get(COLUMN) or "").strip()
    except (OSError, csv.Error):
        return ""
