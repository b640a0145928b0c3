"""Files of others that a plugin reads but may not bring along: where the user has put them.

A plugin declares an :class:`Asset` on its card; the user says where it is with ``--asset NAME=PATH`` (commands that
draw) or in the environment variable ``AUBENCH_ASSET_<NAME>``. The option sets that variable, so that worker processes
know it too.
"""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

from aubench.errors import UserError

PREFIX = "AUBENCH_ASSET_"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""What an asset may be called."""


@dataclass(frozen=True)
class Asset:
    """A file or folder that the user has to get.

    Args:
        name: As in ``--asset NAME=PATH``: letters, digits and ``_``.
        content: What it is, in a few words.
        source: Where it comes from, and what to point at.
        formerly: An environment variable that older versions read, still accepted with a ``DeprecationWarning``.
    """

    name: str
    content: str
    source: str
    formerly: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that says where it is: ``AUBENCH_ASSET_ICT`` for ``ict``."""
        return PREFIX + self.name.upper()

    def locate(self) -> Path:
        """The path that the user gave. Raises :class:`UserError` that says how to get the asset when none was given,
        or when nothing is there."""
        variable = self.variable
        if not os.environ.get(variable) and self.formerly and os.environ.get(self.formerly):
            warnings.warn(f"{self.formerly} is deprecated; set {variable} instead", DeprecationWarning, stacklevel=2)
            variable = self.formerly
        given = os.environ.get(variable)
        if not given:
            raise UserError(
                f"{self.content} is needed, but is not part of the package: {self.source}, "
                f"then set {variable}=PATH or give --asset {self.name}=PATH",
                code="asset-missing",
            )
        path = Path(given).expanduser()
        if not path.exists():
            raise UserError(
                f"{path}: does not exist ({variable} or --asset {self.name}=PATH): {self.source}", code="asset-missing"
            )
        return path
