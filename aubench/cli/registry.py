"""``aubench registry``: check registry.yaml, identify a file of weights, list the commands of a matrix."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from aubench import registry
from aubench.errors import UserError


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Inspect registry.yaml.")
    group.command("check")(check)
    group.command("weights")(weights)
    group.command("matrix")(matrix)
    app.add_typer(group, name="registry")


def check() -> None:
    """Check that every variant and matrix can be built, and list the plugins that no variant uses."""
    found = registry.announced()
    if found.path is None:
        raise UserError(
            f"no {registry.FILE} in this folder or its parents; name one with --registry or ${registry.VARIABLE}",
            code="file-missing",
        )
    if faults := found.check():
        raise UserError("; ".join(faults), code="registry-invalid")
    content = found.content
    counts = [len(found.variants(kind)) for kind in registry.SECTIONS]
    typer.echo(
        f"{found.path}: {sum(counts)} variants, {len(content.weights)} weights, {len(content.matrices)} matrices"
    )
    typer.echo(f"plugins without a variant: {', '.join(found.unused()) or 'none'}")


def weights(file: Annotated[Path, typer.Argument(help="Third-party file of weights.")]) -> None:
    """Identify a file of weights by its hash: origin, licence and the network it fits."""
    name, entry = registry.load().identify(file)
    typer.echo(f"{name}: fits {entry.fits}\nlicence: {entry.licence}\nfrom: {entry.url}")


def matrix(name: Annotated[str, typer.Argument(help="Matrix in registry.yaml.")]) -> None:
    """Print the commands of a matrix, one per line, for a shell or scheduler."""
    for arguments in registry.load().commands(name):
        typer.echo(shlex.join(["aubench", *arguments]))
