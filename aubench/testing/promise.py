"""How a check ends: it returns, it says which promise is broken, or it says why it cannot tell."""

from __future__ import annotations

from typing import NoReturn
from unittest import SkipTest


class Broken(AssertionError):
    """A promise of :mod:`aubench.contracts` that a plugin does not keep, and what to write instead, in one line."""


def expect(kept: bool, complaint: str) -> None:
    """Raise :class:`Broken` with ``complaint`` unless the promise is kept. Not an ``assert``, which ``-O`` removes."""
    if not kept:
        raise Broken(complaint)


def skip(reason: str) -> NoReturn:
    """Leave a check that cannot be made here. pytest counts this exception of the standard library as skipped too."""
    raise SkipTest(reason)
