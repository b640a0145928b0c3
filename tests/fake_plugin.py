"""A plugin that offers the fake engine under the name ``fake``; found through ``$AUBENCH_PLUGINS``."""

from __future__ import annotations

from fake_face import CARD

from aubench import hookimpl
from aubench.component import Component


@hookimpl
def aubench_renderers() -> list[Component]:
    return [CARD]
