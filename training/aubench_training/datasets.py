"""Data sets named on a command line as entries of a run's config."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .config import load_recipe


def with_recipe(parts: Iterable[Mapping[str, Any]], recipe: str) -> list[dict[str, Any]]:
    """``parts`` (``{"name":, "config":}``), where one that the recipe has, too, keeps the options that the recipe gives
    it: who adds a folder to ``synth`` still wants the ``synth`` of that recipe."""
    own = {part["name"]: part.get("config") or {} for part in load_recipe(recipe).get("datasets") or []}
    return [{**part, "config": {**own.get(part["name"], {}), **part["config"]}} for part in parts]
