"""Data sets named on a command line as entries of a run's config."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aubench import discovery

from .config import load_recipe


def with_recipe(parts: Iterable[Mapping[str, Any]], recipe: str) -> list[dict[str, Any]]:
    """``parts`` (``{"name":, "config":}``), where one that the recipe has, too, keeps the options that the recipe gives
    it: who adds a folder to ``synth`` still wants the ``synth`` of that recipe. The others get the ``size`` of the
    recipe's data sets, if that is one: a run has crops of one size."""
    listed = load_recipe(recipe).get("datasets") or []
    own = {part["name"]: part.get("config") or {} for part in listed}
    sizes = {options.get("size") for options in own.values()}
    size = {"size": sizes.pop()} if len(sizes) == 1 and None not in sizes else {}
    return [{**part, "config": {**_under(part["name"], own, size), **part["config"]}} for part in parts]


def _under(name: str, own: Mapping[str, Any], size: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a recipe gives a data set that was named without options."""
    if name in own:
        options: Mapping[str, Any] = own[name]
        return options
    return size if "size" in discovery.find("dataset", name).config.model_fields else {}
