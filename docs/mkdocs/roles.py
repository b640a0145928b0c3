"""Docstrings as Markdown: the roles in them (``:func:`name```) become links, ``::`` a colon before its block."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`(~?)([^`]+)`")
MATHS = re.compile(r":math:`([^`]+)`")
DISPLAY = re.compile(r"\.\. math::\s*\n\s*\n((?:[ ]{2,}.*\n?)+)")


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
    return re.sub(r"\s*::$", ":", text, flags=re.MULTILINE)


class Roles(griffe.Extension):
    """Rewrites every docstring after its package has been read."""

    def on_object(self, *, obj: griffe.Object, **rest: Any) -> None:
        del rest
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value, obj)
