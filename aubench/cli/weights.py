"""``aubench weights``: list, check, convert and download public checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aubench.cli import forms
from aubench.cli.outputs import Output, guard

if TYPE_CHECKING:
    from aubench.foreign import Converted
    from aubench.registry import Registry, Weights


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Third-party weights: list, check, convert, download.")
    group.command("list")(list_weights)
    group.command("add")(add)
    group.command("fetch")(fetch)
    app.add_typer(group, name="weights")


def list_weights(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List the checkpoints in registry.yaml and the shipped ones: licence, and whether they are in the cache."""
    from aubench import registry

    rows = [*_known(registry.announced()), *_shipped()]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        size = f"{row['size'] / 1e6:.1f} MB" if row["size"] else "size not known"
        hashed = f"sha256 {row['sha256'][:12]}…" if row["sha256"] else "hash not known"
        typer.echo(f"{row['name']}: {row['state']}")
        typer.echo(f"  {row['file']}, {size}, {hashed}; fits {row['fits']}")
        typer.echo(f"  licence: {row['licence']}")
        typer.echo(f"  from: {row['url']}")


def add(
    name: Annotated[str, typer.Argument(help="Name in registry.yaml, or a network such as bisenet.")],
    file: Annotated[Path, typer.Argument(help="Checkpoint file as published.")],
) -> None:
    """Check a checkpoint file, identify it and convert it into the cache."""
    from aubench import registry
    from aubench.foreign import convert, entry_of
    from aubench.weights import cached_path

    found = registry.announced()
    key, entry = entry_of(found, name)
    guard([Output(name, cached_path(key), forms.CACHED)], [file])
    typer.echo(f"licence: {entry.licence}")
    _tell(convert(found, key, entry, file), file, entry)


def fetch(
    name: Annotated[str, typer.Argument(help="Name in registry.yaml, or a network such as lightcnn.")],
    url: Annotated[str | None, typer.Option(help="Alternative address of the same file.")] = None,
) -> None:
    """Download a checkpoint (an interrupted download resumes), check it and convert it into the cache."""
    from aubench import registry
    from aubench.download import fetch as download
    from aubench.files import cache_folder
    from aubench.foreign import convert, entry_of
    from aubench.progress import progress

    found = registry.announced()
    key, entry = entry_of(found, name)
    typer.echo(f"licence: {entry.licence}")
    file = cache_folder() / "downloads" / entry.file
    with progress(entry.file, unit="bytes") as tell:
        download(url or entry.url, file, size=entry.size, sha256=entry.sha256, progress=tell)
    _tell(convert(found, key, entry, file), file, entry)


def _tell(made: Converted, file: Path, entry: Weights) -> None:
    known = {
        True: "the one on record",
        False: "NOT the one on record: another file of the same network, whose licence is not known here",
        None: "none is on record",
    }
    typer.echo(f"{file}: {made.form}, {made.tensors} tensors, {file.stat().st_size} bytes")
    typer.echo(f"sha256 {made.sha256}: {known[made.on_record]}")
    typer.echo(f"identified as: {made.looks_like or 'an unknown network'}; fits {entry.fits}, every tensor")
    if made.left_out:
        typer.echo(f"left out because not needed: {', '.join(made.left_out)}")
    kind, _, network = (entry.network or "").partition(" ")
    use = f"--{kind} {network}" if kind in ("extractor", "recogniser", "renderer") else f"{made.path}"
    typer.echo(f"written: {made.path} ({made.path.stat().st_size / 1e6:.1f} MB); use it with {use}")


def _known(found: Registry) -> list[dict[str, Any]]:
    from aubench.weights import cached_path

    rows = []
    for name, entry in found.content.weights.items():
        path = cached_path(name)
        state = f"in the cache: {path}" if path.is_file() else f"not here; aubench weights fetch {name}"
        rows.append({"name": name, "file": entry.file, "size": entry.size, "sha256": entry.sha256, "fits": entry.fits,
                     "licence": entry.licence, "url": entry.url, "state": state})  # fmt: skip
    return rows


def _shipped() -> list[dict[str, Any]]:
    """Weights that come with installed plugins, from their headers."""
    import importlib.util

    from aubench import discovery, weights
    from aubench.component import KINDS
    from aubench.files import sha256_file

    rows = []
    for kind in KINDS:
        for name, card in discovery.components(kind).items():
            spec = importlib.util.find_spec(card.factory.partition(":")[0].rpartition(".")[0])
            if spec is None or spec.origin is None or not (path := weights.shipped_path(spec.origin)).is_file():
                continue
            header = weights.header(path)
            made = header.get("command", "not recorded")
            rows.append({"name": path.stem, "file": path.name, "size": path.stat().st_size, "sha256": sha256_file(path),
                         "fits": f"{kind} {name}", "licence": header.get("licence", "not recorded"), "url": made,
                         "state": "shipped"})  # fmt: skip
    return rows
