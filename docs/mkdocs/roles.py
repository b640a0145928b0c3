"""Docstrings as Markdown: the roles in them (``:func:`name```) become links, ``::`` a colon before its block, ``Args:``
a list, formulas and examples what they are."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import griffe

ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`(~?)([^`]+)`")
MATHS = re.compile(r":math:`([^`]+)`")
DISPLAY = re.compile(r"^\.\. math::\n\s*\n?((?: {2,}.*\n?)+)", re.MULTILINE)
BLOCK = re.compile(r"^(Args|Example):\n((?: {4}.*(?:\n|\Z)|\n(?= {4}))+)", re.MULTILINE)


def as_markdown(text: str, scope: griffe.Object) -> str:
    """The text of a docstring with links to what its roles name, as far as the site has a page of it."""

    def link(found: re.Match[str]) -> str:
        short, name = bool(found[1]), found[2]
        shown = name.rsplit(".", 1)[-1] if short else name
        try:
            path = scope.resolve(name)
        except griffe.NameResolutionError:
            path = name
        return f'<autoref optional identifier="{path}"><code>{shown}</code></autoref>'

    text = ROLE.sub(link, text)
    text = MATHS.sub(lambda found: f"${found[1]}$", text)
    text = DISPLAY.sub(lambda found: f"\n$$\n{found[1].strip()}\n$$\n", text)
    text = BLOCK.sub(_block, text)
    return re.sub(r"\s*::$", ":", text, flags=re.MULTILINE)


def _block(found: re.Match[str]) -> str:
    """``Args:`` as a list, ``Example:`` as what one would type."""
    inside = textwrap.dedent(found[2]).rstrip()
    if found[1] == "Example":
        return f"```pycon\n{inside}\n```\n"
    return re.sub(r"^(\w+):", r"- `\1`:", inside, flags=re.MULTILINE) + "\n"


class Roles(griffe.Extension):
    """Rewrites every docstring after its package has been read."""

    def on_object(self, *, obj: griffe.Object, **rest: Any) -> None:
        del rest
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value, obj)
