"""The hooks of aubench: one per kind, without arguments, so that a search for the name finds every plugin.

Each hook returns the cards (:class:`aubench.component.Component`) of what the plugin offers. The module that
holds the implementations is the object of the entry point, and must import nothing heavy.
"""

from __future__ import annotations

import pluggy

from aubench.component import Component

hookspec = pluggy.HookspecMarker("aubench")

API_VERSION = 1
"""Version of the hooks, the card and the contracts; raised when a plugin written before would break. A module of cards
says what it was written for: ``AUBENCH_API = 1``. One that says another version is listed as broken, with the remedy;
one that says nothing is taken to fit."""
API_ATTRIBUTE = "AUBENCH_API"


@hookspec
def aubench_renderers() -> list[Component]:  # type: ignore[empty-body]
    """Offer renderers: facial parameters to images."""


@hookspec
def aubench_extractors() -> list[Component]:  # type: ignore[empty-body]
    """Offer extractors: images to features."""


@hookspec
def aubench_regressors() -> list[Component]:  # type: ignore[empty-body]
    """Offer regressors: features to facial parameters."""


@hookspec
def aubench_losses() -> list[Component]:  # type: ignore[empty-body]
    """Offer losses of the unsupervised training."""


@hookspec
def aubench_datasets() -> list[Component]:  # type: ignore[empty-body]
    """Offer data sets: aligned frames, and labels behind a door."""


@hookspec
def aubench_recognisers() -> list[Component]:  # type: ignore[empty-body]
    """Offer face recognisers: images to identity embeddings."""


@hookspec
def aubench_estimators() -> list[Component]:  # type: ignore[empty-body]
    """Offer estimators: published systems and baselines that ``compare`` can score."""
