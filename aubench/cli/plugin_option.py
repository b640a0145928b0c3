"""``--plugin FILE:CLASS``, the option of every command that builds plugins."""

from __future__ import annotations

from typing import Annotated

import typer


def _use(entries: list[str] | None) -> list[str] | None:
    if entries:
        from aubench.plugin_files import use

        use(entries)
    return entries


PluginFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="FILE:CLASS",
        callback=_use,
        is_eager=True,
        help="Use a class in a Python file as a plugin: mine.py:MyExtractor becomes my-extractor; repeatable.",
    ),
]
