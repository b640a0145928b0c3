"""``aubench faces``: the same test faces as several runs see them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aubench.cli import forms
from aubench.cli.outputs import Output, Overwrite, guard


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("faces")(same_faces)


def same_faces(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of finished runs, one row each.")],
    dataset: Annotated[str, typer.Option(help="Data set whose test faces are drawn.")] = "synth",
    count: Annotated[int, typer.Option(min=1, max=32, help="Number of people.")] = 8,
    out: Annotated[Path, typer.Option(help="Image to write (PNG or JPEG).")] = Path("faces.png"),
    overwrite: Overwrite = False,
) -> None:
    """Draw test faces and, below them, the faces rendered from each run's predictions."""
    from aubench.compare.faces import faces
    from aubench.compare.runs import open_run
    from aubench.files import atomic_write_bytes
    from aubench.stamp import picture_bytes

    guard([Output("--out", out, forms.SHEET)], runs, overwrite=overwrite)
    picture = faces([open_run(folder) for folder in runs], dataset, count)
    atomic_write_bytes(out, picture_bytes(picture, out.suffix, "sheet"))
    typer.echo(f"{out}: {len(runs)} runs next to the input")
