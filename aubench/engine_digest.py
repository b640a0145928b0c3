"""What decides an engine's pixels besides its options, as one hash: the key of everything that is kept of its faces."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel

from aubench import discovery
from aubench.component import Component
from aubench.errors import UserError
from aubench.files import content_digest
from aubench.source_digest import files_under, source_digest

Options = Mapping[str, object] | BaseModel | None


def engine_digest(engine: str | Component, config: Options = None) -> str:
    """Hash of what decides the pixels of an engine besides its options.

    The engine's own ``digest`` (:class:`aubench.contracts.Engine`) where it has one. Otherwise its code and the content
    of the assets that its card declares. The code is the constant ``DIGEST`` of the factory's module where there is
    one, else :func:`aubench.source_digest.source_digest` of that module.

    Args:
        engine: Name or card of the engine.
        config: Its options; an engine's own ``digest`` may depend on them.

    Raises:
        UserError: No plugin has this name, an asset is not there, or there is no code to hash.
    """
    card = engine if isinstance(engine, Component) else discovery.find("renderer", engine)
    factory = discovery.load_factory(card)
    own = getattr(factory(discovery.configure(card, config)), "digest", None)
    if own is not None:
        if not (isinstance(own, str) and own):
            raise UserError(f"engine {card.name!r}: digest is {own!r}, not a string", code="plugin-invalid")
        return own
    module = card.factory.partition(":")[0]
    named = getattr(importlib.import_module(module), "DIGEST", None)
    code = named if isinstance(named, str) else source_digest(module)
    if not card.assets:
        return code
    parts = [code, *(f"{asset.name} {content_digest(_files(asset.locate()))}" for asset in card.assets)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def engine_digests(parts: Iterable[tuple[Component, Options]]) -> dict[str, str]:
    """Hashes, by name, of the engines that components use: of renderers that are engines, and of those that are named
    by options which :attr:`aubench.component.Config.engines` declares. ``parts``: cards with their options."""
    found: dict[str, set[str]] = {}
    for card, given in parts:
        for name, config in engines_of(card, given):
            found.setdefault(name, set()).add(engine_digest(name, config))
    return {name: ", ".join(sorted(digests)) for name, digests in sorted(found.items())}


def engines_of(card: Component, config: Options = None) -> list[tuple[str, Options]]:
    """Names and options of the engines that a component with these options is or uses."""
    options = discovery.configure(card, config)
    own: list[tuple[str, Options]] = [(card.name, options)] if card.kind == "renderer" else []
    return own + [(getattr(options, key), getattr(options, f"{key}_config", None)) for key in options.engines]


def _files(path: Path) -> list[Path]:
    """What an asset consists of: the file, or every file of the folder that is not hidden."""
    files = files_under(path) if path.is_dir() else [path]
    if not files:
        raise UserError(f"{path}: an empty folder; an asset is expected here", code="asset-missing")
    return files
