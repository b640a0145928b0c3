"""``aubench plugins new``: begin a package with a plugin of one's own."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from aubench.cli.outputs import guard_folder
from aubench.component import KINDS


def new(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and -, as my-extractor.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder to write, which must not exist. [./NAME]")
    ] = None,
) -> None:
    """Write an installable package with a plugin that works, and with tests that pass before anything is edited."""
    from aubench.scaffold import create

    guard_folder("--out", out or Path(name))
    folder = create(kind, name, out)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        typer.echo(f"  {path.relative_to(folder).as_posix()}")
    typer.echo(f"{folder}: {kind} {name}. Next:")
    typer.echo(f"  cd {shlex.quote(str(folder))} && pip install -e '.[test]' && pytest")
    typer.echo(f"  aubench plugins check {name}")
