"""Plugins with one thing wrong each, found through ``$AUBENCH_PLUGINS``. ``breaks`` names the check that must fail."""

from __future__ import annotations

from aubench.component import Component


def cards(kind: str, sound: type) -> list[Component]:
    """A card for ``sound`` and each of its broken subclasses, by the name of the class; options by its ``Options``."""
    return [
        Component(kind, each.__name__.lower(), each.__doc__, f"{each.__module__}:{each.__qualname__}", each.Options)
        for each in (sound, *sound.__subclasses__())
    ]


MODULES = (
    "heavy", "extractors", "recognisers", "regressors", "losses", "renderers", "engines", "datasets", "estimators",
)  # fmt: skip
"""Modules of this package, each with a hook."""
