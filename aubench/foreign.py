"""Checkpoints that others made: checked against the network they belong to, converted once, kept in the cache.

``registry.yaml`` knows the files (address, size, hash, licence) and names the network of each: a variant of a plugin,
or a backbone of :mod:`aubench.networks`. The cache then holds safetensors, whose header says all of that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from aubench import __version__, discovery, weights
from aubench.component import KINDS
from aubench.errors import UserError, did_you_mean
from aubench.files import sha256_file
from aubench.networks import BACKBONES, build_backbone
from aubench.registry import Registry, Weights

UNKNOWN = "not recorded"


@dataclass(frozen=True)
class Converted:
    """What :func:`convert` found and made. ``on_record``: whether the hash is the registry's, ``None`` where it has
    none; ``tensors`` and ``left_out`` count them in the file."""

    name: str
    path: Path
    sha256: str
    on_record: bool | None
    form: str
    looks_like: str | None
    tensors: int
    left_out: tuple[str, ...]


def entry_of(registry: Registry, name: str) -> tuple[str, Weights]:
    """The entry called ``name``, or the only one for the network, plugin or variant of that name. Raises
    :class:`UserError` with the nearest names."""
    entries = registry.content.weights
    if name in entries:
        return name, entries[name]
    known: dict[str, list[str]] = {}
    for key, entry in entries.items():
        for alias in _aliases(registry, entry):
            known.setdefault(alias, []).append(key)
    found = known.get(name, [])
    if len(found) == 1:
        return found[0], entries[found[0]]
    if found:
        raise UserError(f"{name!r} may be {' or '.join(found)}; name one of them", code="name-ambiguous")
    raise UserError(
        f"no weights named {name!r} in {registry.path or 'any registry'}. {did_you_mean(name, {*entries, *known})}",
        code="name-unknown",
    )


def _aliases(registry: Registry, entry: Weights) -> set[str]:
    kind, _, network = (entry.network or "").partition(" ")
    if not network:
        return set()
    variant = registry.variants(kind).get(network) if kind in KINDS else None
    return {network, variant.use} if variant is not None else {network}


def build_network(registry: Registry, name: str, entry: Weights) -> nn.Module:
    """The network of an entry, with random weights. Raises :class:`UserError` where the entry names none."""
    where = registry.where("weights", name, "network")
    kind, _, network = (entry.network or "").partition(" ")
    if kind == "backbone" and network in BACKBONES:
        return cast(nn.Module, build_backbone(network))
    if kind not in KINDS or not network:
        known = f"`backbone` and one of {', '.join(sorted(BACKBONES))}, or a kind of plugin and a name"
        raise UserError(f"{where}: {entry.network!r} names no network; write {known}", code="registry-invalid")
    plugin, config = registry.resolve(kind, network)
    made: Any = discovery.build(kind, plugin, {**config, "weights": "none"})
    if not isinstance(made, nn.Module):
        raise UserError(f"{where}: {plugin!r} has no weights", code="registry-invalid")
    return made


def convert(registry: Registry, name: str, entry: Weights, file: Path) -> Converted:
    """Check that ``file`` holds the weights of the entry's network, all of them and nothing else, and put them into
    the cache. A file whose hash is not the one on record is taken if it fits; the result says so.

    Raises :class:`UserError` for a file that does not fit, with what it looks like, and for one that could run code.
    """
    tensors, _ = weights.read(file)  # first: it explains a file that is no checkpoint at all
    network = build_network(registry, name, entry)
    tensors = weights.strip_prefixes(tensors)
    weights.load_into(network, file, ignore=tuple(entry.leave_out))
    sha256 = sha256_file(file)
    on_record = None if entry.sha256 is None else entry.sha256 == sha256
    left_out = tuple(sorted(t for t in tensors if t.startswith(tuple(entry.leave_out)) and entry.leave_out))
    path = weights.cached_path(name)
    header = {
        "file": file.name,
        "sha256": sha256,
        "network": entry.network or "",
        "left_out": json.dumps(left_out),
        "made_with": f"aubench {__version__}",
    }
    # The licence belongs to the file on record; of another one nobody knows it.
    if on_record is False:
        header["licence"] = f"{UNKNOWN} for this file; of the one on record: {entry.licence}"
    else:
        header |= {"licence": entry.licence, "url": entry.url}
    weights.save(_kept(network, tensors), path, header)
    form = weights.form_of(file)
    return Converted(name, path, sha256, on_record, form, weights.looks_like(tensors), len(tensors), left_out)


def _kept(network: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The network's own tensors that the file has, to the bit."""
    return {name: tensors[name] for name in network.state_dict() if name in tensors}


# --- licences ---------------------------------------------------------------------------------------------------------


def licences(networks: Iterable[tuple[str, object]], registry: Registry) -> list[dict[str, str]]:
    """One row for each file of weights in the named networks: ``network``, ``weights``, ``licence``, ``origin``. A file
    that says nothing about itself is looked up in the registry by its hash."""
    rows = []
    for name, network in networks:
        for source in weights.sources(network):
            licence, origin = source.licence, source.origin
            if not licence and Path(source.path).is_file():
                try:
                    _, entry = registry.identify(Path(source.path))
                    licence, origin = entry.licence, entry.url
                except UserError:
                    pass
            row = {"network": name, "weights": source.name, "licence": licence or UNKNOWN, "origin": origin or UNKNOWN}
            rows.append(row)
    return rows


def notice(rows: Iterable[dict[str, str]]) -> list[str]:
    """Lines for whoever is about to use weights that are not under this project's own licence."""
    return [f"weights of {row['network']}: {row['weights']}; licence: {row['licence']}"
            for row in rows if row["licence"] != "MIT"]  # fmt: skip
