"""The one exception that means: the user can mend this."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake of the user's: one line that names the file or value and the remedy. The CLI exits with 2."""


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """At most three of ``known`` that ``name`` may be a misspelling of, the nearest first."""
    return difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A closing sentence that offers the names nearest to ``name``, or all of them when none is near."""
    names = sorted(known)
    if near := nearest(name, names):
        return f"Did you mean {' or '.join(near)}?"
    return f"Known: {', '.join(names) or 'none'}."
