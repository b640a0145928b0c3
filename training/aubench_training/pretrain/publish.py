"""What a pretraining leaves behind: weights that say where they come from, their measured quality, their place."""

from __future__ import annotations

import hashlib
import importlib.resources
import importlib.util
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError
from torch import nn

import aubench
from aubench import discovery, plain_yaml, weights
from aubench.component import Component, Config
from aubench.errors import UserError, code_of_errno, did_you_mean
from aubench.files import atomic_write_bytes, atomic_write_text, sha256_file
from aubench.shipped import record
from aubench_training.config import merge
from aubench_training.samples import Samples

Preset = Literal["small", "paper", "real-faces"]
PRESETS: tuple[Preset, ...] = ("small", "paper", "real-faces")
NETWORKS = ("extractor", "landmark", "recogniser", "generator")
"""What there are recipes for, in the order in which they are trained: the generator compares maps of the extractor."""
Recipe = TypeVar("Recipe", bound=Config)


def variant_of(preset: str) -> str:
    """As what the weights of a preset are shipped: ``weights: shipped:<preset>``, or, those of ``small``, as the
    plugin's default ones. Presets never share a file."""
    return "" if preset == "small" else preset


def folder_of(preset: str, network: str, seed: int, root: Path = Path("runs")) -> Path:
    """Where the weights of a network are left unless told otherwise: each preset and seed has a folder of its own, and
    ``presets.yaml`` names those of seed 0."""
    return root / f"pretrain-{preset}-{network}-s{seed}"


class Part(Config):
    """A plugin by name and its options."""

    name: str
    config: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What the command line asks of any pretraining, beside its recipe."""

    out: Path
    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    device: str = "auto"
    resume: bool = False
    install: bool = False
    variant: str = ""
    """As what ``install`` ships the weights, beside the plugin's default ones; see :func:`aubench.weights.resolve`."""
    cache: Path | None = None
    workers: int | None = None
    command: str = ""


def load_recipe(name: str, preset: str, model: type[Recipe], over: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe ``pretrain-<name>.yaml`` of a preset, with ``over`` laid on top. Raises :class:`UserError`."""
    if preset not in PRESETS:
        raise UserError(f"--preset {preset}: no such preset. {did_you_mean(preset, PRESETS)}", code="name-unknown")
    file = importlib.resources.files("aubench_training") / "recipes" / f"pretrain-{name}.yaml"
    values = plain_yaml.read(file)[preset]
    merge(values, over or {})
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(
            f"pretrain-{name}.yaml, {preset}: {discovery.explain(error, model)}", code="config-invalid"
        ) from error


def network_of(plugin: str, variant: str) -> dict[str, Any] | None:
    """Options of the network that looks for a plugin's shipped weights: none for its default ones, those of the
    preset's recipe for those of a preset; ``None`` where no recipe of the preset trains that plugin."""
    if not variant:
        return {}
    for network in NETWORKS if variant in PRESETS else ():
        file = importlib.resources.files("aubench_training") / "recipes" / f"pretrain-{network}.yaml"
        part = plain_yaml.read(file)[variant]["network"]
        if part["name"] == plugin:
            return dict(part.get("config") or {})
    return None


def pool_seed(seed: int, purpose: str) -> int:
    """Seed of one pool of faces. Different purposes ("train", "held-out") never share one, whatever ``seed`` is: faces
    that quality is measured on are none that were trained on."""
    return int.from_bytes(hashlib.sha256(f"{purpose}/{seed}".encode()).digest()[:7], "big")


def build_blank(kind: Any, part: Part, *, start: str = "none", **options: Any) -> tuple[Component, Any]:
    """The card of a network and the network, to be trained: with random weights, or with those of ``start``."""
    card = discovery.find(kind, part.name)
    network = discovery.build(kind, part.name, {**part.config, **options, "weights": "none"})
    if start != "none":
        begun = discovery.build(kind, part.name, {**part.config, **options, "weights": start})
        network.load_state_dict(begun.state_dict())
        network.weights_source = begun.weights_source
    return card, network


def started_from(network: Any) -> dict[str, str]:
    """The fact, for the header, of which weights a training went on from and what had made them; none for random
    ones."""
    source = getattr(network, "weights_source", None)
    if source is None:
        return {}
    return {"started_from": f"{source.name} sha256 {sha256_file(Path(source.path))[:16]}, made by: {source.origin}"}


def build_trained(kind: Any, part: Part, path: Path) -> tuple[Component, Any]:
    """The card of a network and the network as a user of the file ``path`` gets it."""
    card = discovery.find(kind, part.name)
    return card, discovery.build(kind, part.name, {**part.config, "weights": str(path)})


def save_weights(
    network: nn.Module,
    card: Component,
    part: Part,
    request: Request,
    facts: Mapping[str, Any],
    *,
    drop: tuple[str, ...] = (),
) -> Path:
    """Write ``<out>/<plugin>.safetensors`` in half precision. Its header says what made it. ``drop``: prefixes of
    tensors that only training needs."""
    path = request.out / shipped(card).name
    kept = {name: t for name, t in network.state_dict().items() if not name.startswith(drop)} if drop else network
    header = {
        "command": request.command,
        "seed": str(request.seed),
        "config": json.dumps(part.config, sort_keys=True),
        "made_with": f"aubench {aubench.__version__}",
        "licence": "MIT",
        **{k: v if isinstance(v, str) else json.dumps(v, sort_keys=True) for k, v in facts.items()},
    }
    weights.save(kept, path, header, half=True)
    return path


def add_quality(path: Path, quality: Mapping[str, Any]) -> None:
    """Put the measured quality into the header of a weights file; its tensors stay as they are."""
    tensors, header = weights.read(path)
    weights.save(tensors, path, {**header, "quality": json.dumps(quality, sort_keys=True)})


def write_report(out: Path, title: str, quality: Mapping[str, Any], facts: Mapping[str, Any], body: str) -> None:
    """``quality.json`` with all numbers and ``quality.md`` for people."""
    atomic_write_text(out / "quality.json", json.dumps({"quality": quality, **facts}, indent=1, sort_keys=True) + "\n")
    lines = [f"# {title}", "", body.strip(), "", "| made by | |", "|---|---|"]
    lines += [f"| {name} | `{value}` |" for name, value in facts.items() if not isinstance(value, dict | list)]
    atomic_write_text(out / "quality.md", "\n".join(lines) + "\n")


def finish(
    path: Path,
    card: Component,
    request: Request,
    title: str,
    quality: Mapping[str, Any],
    facts: Mapping[str, Any],
    body: str,
) -> None:
    """Write the quality beside and into the weights, install them where asked, and clear the checkpoints away."""
    headline = {name: round(value, 4) for name, value in quality.items() if isinstance(value, float)}
    add_quality(path, headline)
    write_report(request.out, title, quality, {"command": request.command, "seed": request.seed, **facts}, body)
    if request.install:
        install(path, card, request.variant)
    shutil.rmtree(request.out / "checkpoints", ignore_errors=True)


def install(path: Path, card: Component, variant: str = "") -> Path:
    """Copy a weights file to where ``weights: shipped``, or ``shipped:<variant>``, looks for it."""
    target = shipped(card, variant)
    try:
        atomic_write_bytes(target, path.read_bytes())
        record(target)
    except OSError as error:
        raise UserError(
            f"{target}: cannot be written ({error.strerror}); give the plugin weights: {path}",
            code=code_of_errno(error.errno),
        ) from error
    return target


def shipped(card: Component, variant: str = "") -> Path:
    """Where the plugin that owns ``card`` ships its weights, or those of a variant."""
    module = card.factory.split(":")[0]
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise UserError(
            f"{card.kind} {card.name!r}: its module {module} has no folder to ship weights in", code="plugin-invalid"
        )
    return weights.shipped_path(spec.origin, variant)


def pool_facts(**pools: Samples) -> dict[str, Any]:
    """Hashes of the pools that weights were made from, and of the engines that drew them."""
    return {
        "data": {name: f"{len(pool)} faces {pool.digest[:16]}" for name, pool in pools.items()},
        "engine_digest": ", ".join(dict.fromkeys(pool.engine_digest for pool in pools.values())),
    }


def markdown_table(header: list[str], rows: list[list[Any]]) -> str:
    """Rows as a Markdown table; floats with three digits."""

    def cell(value: Any) -> str:
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    lines += [" | ".join(cell(value) for value in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)
