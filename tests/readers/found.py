"""Looking things up in what a reader found."""

from __future__ import annotations

from aubench.data.records import Problem, Recording, Scan


def of(found: Scan, sequence: str) -> Recording:
    return next(each for each in found.recordings if each.sequence == sequence)


def told(found: Scan, *parts: str, severity: str | None = None) -> list[Problem]:
    """Problems whose text, path and line included, holds all ``parts``."""
    return [p for p in found.problems if all(part in str(p) for part in parts) and severity in (None, p.severity)]
