"""``aubench plugins new``: write a package with a plugin to start from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from aubench.cli.outputs import guard_folder
from aubench.component import KINDS


def new(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}.")],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Lower-case letters, digits and hyphens, such as my-extractor.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder to create; it must not exist. [./NAME]")
    ] = None,
) -> None:
    """Write an installable package with a working plugin and tests that pass before any edit."""
    from aubench.scaffold import create

    guard_folder("--out", out or Path(name))
    folder = create(kind, name, out)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        typer.echo(f"  {path.relative_to(folder).as_posix()}")
    typer.echo(f"{folder}: {kind} {name}. Next:")
    typer.echo(f"  cd {shlex.quote(str(folder))} && pip install -e '.[test]' && pytest")
    typer.echo(f"  aubench plugins check {name}")
