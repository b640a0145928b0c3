"""``aubench faces``: the same test faces as several runs see them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("faces")(same_faces)


def same_faces(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of finished runs, a row each.")],
    dataset: Annotated[str, typer.Option(help="Whose test faces.")] = "synth",
    count: Annotated[int, typer.Option(min=1, max=32, help="So many people.")] = 8,
    out: Annotated[Path, typer.Option(help="The picture, PNG or JPEG.")] = Path("faces.png"),
) -> None:
    """Draw test faces and, beneath, what the renderer makes of what each run reads off them."""
    import cv2

    from aubench.compare.faces import faces
    from aubench.compare.runs import open_run
    from aubench.errors import UserError
    from aubench.files import atomic_write_bytes

    if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UserError(f"--out {out}: name a .png or a .jpg file", code="output-suffix")
    picture = faces([open_run(folder) for folder in runs], dataset, count)
    atomic_write_bytes(out, bytes(cv2.imencode(out.suffix.lower(), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]))
    typer.echo(f"{out}: {len(runs)} runs beside the input")
