"""Files of others that a plugin reads but may not bring along: where the user has put them.

A plugin declares an :class:`Asset`; the user says where it is with ``--asset NAME=PATH`` (commands that draw) or in
the environment variable ``AUBENCH_<NAME>``. The option sets that variable, so that worker processes know it too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aubench.errors import UserError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Asset:
    """``name`` as in ``--asset NAME=PATH``; ``content``: what it is, in a few words; ``source``: where it comes from
    and what to point at."""

    name: str
    content: str
    source: str

    @property
    def variable(self) -> str:
        return variable_of(self.name)

    def locate(self) -> Path:
        """The path that the user gave. Raises :class:`UserError` that says how to get the asset when none was given,
        or when nothing is there."""
        given = os.environ.get(self.variable)
        if not given:
            raise UserError(
                f"{self.content} is needed and not part of the package: {self.source}, "
                f"then set {self.variable}=PATH or give --asset {self.name}=PATH",
                code="asset-missing",
            )
        path = Path(given).expanduser()
        if not path.exists():
            raise UserError(
                f"{path}: nothing there ({self.variable} or --asset {self.name}=PATH): {self.source}",
                code="asset-missing",
            )
        return path


def variable_of(name: str) -> str:
    """The environment variable of an asset: ``AUBENCH_ICT`` for ``ict``."""
    return f"AUBENCH_{name.upper()}"


def place(pairs: Iterable[str]) -> None:
    """Take ``NAME=PATH`` of ``--asset`` for this process and its children. Raises :class:`UserError` for anything
    else."""
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not (equals and path and _NAME.fullmatch(name)):
            raise UserError(
                f"--asset {pair!r}: give NAME=PATH, such as ict=ICT-FaceKit/FaceXModel", code="option-invalid"
            )
        os.environ[variable_of(name)] = str(Path(path).expanduser().absolute())
