"""What decides the result of a run: its config, the plugins with their versions, frozen weights, engine and data.

Two runs with equal identities are the same run. Everything but the plugins' versions and the config needs a look at the
networks and the data themselves, which is how a combination that cannot work is found before anything is trained.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aubench import __version__, discovery
from aubench.component import Component, Kind
from aubench.engine_digest import engine_digests, engines_of
from aubench.files import sha256_file

from ..config import RunConfig

ELSEWHERE = ("device",)
"""Entries of a config that say where a run computes, not what."""
_ONE_BENCH = (
    "recipe", "preset", "seed", "device", "precision", "weight_decay", "ema", "clip", "bad_steps", "checkpoint_every",
    "baselines", "plugins",
)  # fmt: skip
"""Entries that make no other networks and no other plan."""


def identity(config: RunConfig, seen: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What decides a run, as JSON. ``seen``: what :class:`Inspector` found; without it, config and versions only."""
    values = json.loads(config.model_dump_json(exclude=set(ELSEWHERE)))
    return {"config": values, "aubench": __version__, "plugins": _plugins(config), **(seen or {})}


def content_hash(decides: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def agrees(known: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    """Whether two identities are equal as far as mine goes: in a dry run it is config and versions only."""
    return all(known.get(key) == value for key, value in mine.items())


def unlike(known: Any, mine: Any, path: str = "") -> list[str]:
    """Names of the entries in which two identities differ, dotted."""
    if isinstance(known, Mapping) and isinstance(mine, Mapping):
        keys = dict.fromkeys([*mine, *(known if path else ())])  # at the top, a dry run has fewer entries
        return [name for key in keys for name in unlike(known.get(key), mine.get(key), f"{path}.{key}".strip("."))]
    return [] if known == mine else [path.removeprefix("config.")]


class Inspector:
    """Builds the networks and opens the data of combinations, each once: for their hashes, and to see whether they fit
    together. ``notices``: licences of foreign weights that they use."""

    def __init__(self) -> None:
        self.notices: dict[str, None] = {}
        self._seen: dict[str, dict[str, Any]] = {}
        self._checked: set[str] = set()

    def look(self, config: RunConfig) -> dict[str, Any]:
        """Hashes of the frozen weights, the engine and the data. Raises ``UserError`` for what cannot be had: weights,
        data that are not prepared, a loss that needs what nobody makes, a device."""
        from ..device import choose_device

        choose_device(config.device)
        values = json.loads(config.model_dump_json(exclude=set(_ONE_BENCH)))
        for phase in ("loopback", "label_free", "person"):
            values[phase] = bool(values[phase]["steps"])
        key = json.dumps({**values, "losses": sorted(config.losses)}, sort_keys=True)
        if key not in self._seen:
            self._seen[key] = self._build(config)
        return self._seen[key]

    def _build(self, config: RunConfig) -> dict[str, Any]:
        import torch
        from rich.console import Console

        from aubench.combination import state_digest
        from aubench.data.automatic import make_ready
        from aubench.data.dataset import checked_facts
        from aubench.data.labels import locked
        from aubench.foreign import notice

        from ..bench import Bench, start_weights
        from ..evaluate import weights_used

        # The CPU: this process must not take memory of the device from those that train.
        here = config.model_copy(update={"device": "cpu", "precision": "fp32"})
        console = Console(stderr=True)
        make_ready(((part.name, part.config) for part in config.datasets), console)
        with torch.random.fork_rng(devices=[]), locked():
            torch.manual_seed(0)  # random numbers in the place of weights are then equal on every look
            bench = Bench(here, console)
            networks = {"extractor": bench.combination.extractor, "renderer": bench.renderer()}
            if "_recogniser" in vars(bench):  # only where a loss needs it
                networks["recogniser"] = bench.recogniser()
            key = json.dumps([part.model_dump(mode="json") for part in config.datasets], sort_keys=True)
            if key not in self._checked:
                checked_facts(bench.datasets)
                self._checked.add(key)
            data = {dataset.name: dataset.digest for dataset in bench.datasets}
            self.notices |= dict.fromkeys(notice(weights_used(bench)))
        return {
            "weights": {kind: state_digest(network) for kind, network in networks.items()},
            "engine": engine_digests(_engines(config)),
            "data": data,
            **({} if config.start is None else {"start": sha256_file(start_weights(config.start))}),
        }


def _engines(config: RunConfig) -> list[tuple[Component, Mapping[str, Any]]]:
    """Cards and options of everything in a run that is an engine or may name one."""
    more, people = ([each.engine for each in kind] for kind in (config.sampled.more, config.people.sources))
    engines = [config.engine, *more, *people]
    return [(discovery.find("renderer", part.name), part.config) for part in engines] + [
        (discovery.find("dataset", part.name), part.config) for part in config.datasets
    ]


def _plugins(config: RunConfig) -> dict[str, str]:
    """Every plugin of a run with its distribution and version; work in progress, which has none, with its hash."""
    names: list[tuple[Kind, str]] = [
        ("extractor", config.extractor.name), ("regressor", config.regressor.name), ("renderer", config.renderer.name),
        *(("renderer", name) for card, options in _engines(config) for name, _ in engines_of(card, options)),
        *(("dataset", part.name) for part in config.datasets),
        *(("loss", name) for name in config.losses), *(("estimator", name) for name in config.baselines),
    ]  # fmt: skip
    if config.recogniser is not None:
        names.append(("recogniser", config.recogniser.name))
    rows = {(row.kind, row.name): row for row in discovery.listing() if row.status == "ok"}
    found = {}
    for kind, name in names:
        card = discovery.find(kind, name)
        row = rows[kind, card.name]
        found[f"{kind} {card.name}"] = f"{row.distribution} {row.version}" if row.version else _source(card)
    return found


def _source(card: Component) -> str:
    """The hash of the module that a component's code lies in."""
    spec = importlib.util.find_spec(card.factory.partition(":")[0])
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return "no version"
    return f"sha256 {sha256_file(spec.origin)[:16]}"
