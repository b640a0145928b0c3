"""``--asset NAME=PATH``, the option of every command that draws."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from aubench.assignments import split
from aubench.errors import UserError, did_you_mean


def place(pairs: Iterable[str]) -> None:
    """Take ``NAME=PATH`` of ``--asset`` for this process and its children.

    Raises:
        UserError: What was given is not ``NAME=PATH``, or no installed plugin declares an asset of that name.
    """
    from aubench.discovery import assets

    for pair in pairs:
        name, path = split("--asset", pair, "ict=ICT-FaceKit/FaceXModel", form="NAME=PATH")
        declared = assets()
        if name not in declared:
            raise UserError(
                f"--asset {pair}: no plugin declares an asset named {name!r}. {did_you_mean(name, declared)}",
                code="name-unknown",
            )
        os.environ[declared[name].variable] = str(Path(path).expanduser().absolute())


def _use(pairs: list[str] | None) -> list[str] | None:
    place(pairs or [])
    return pairs


Assets = Annotated[
    list[str] | None,
    typer.Option(
        "--asset",
        metavar="NAME=PATH",
        callback=_use,  # after --plugin, which is eager and may bring a plugin that declares the asset
        help="Path of files that a plugin needs but may not ship, such as ict=ICT-FaceKit/FaceXModel; repeatable. "
        "Default: $AUBENCH_ASSET_<NAME>.",
    ),
]
