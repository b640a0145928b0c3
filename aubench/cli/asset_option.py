"""``--asset NAME=PATH``, the option of every command that draws."""

from __future__ import annotations

from typing import Annotated

import typer


def _use(pairs: list[str] | None) -> list[str] | None:
    if pairs:
        from aubench.assets_lookup import place

        place(pairs)
    return pairs


Assets = Annotated[
    list[str] | None,
    typer.Option(
        "--asset",
        metavar="NAME=PATH",
        callback=_use,
        is_eager=True,
        help="Where files are that a plugin needs and may not bring along, as ict=ICT-FaceKit/FaceXModel; repeatable. "
        "Default: $AUBENCH_<NAME>.",
    ),
]
