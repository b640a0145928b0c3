"""``aubench retarget``: transfer the pose and AUs of a face in a video to another character or a rig."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aubench.cli import forms
from aubench.cli.asset_option import Assets
from aubench.cli.outputs import Form, Output, Overwrite, guard
from aubench.cli.plugin_option import PluginFiles


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("retarget")(retarget)


def retarget(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A video, a folder of images, or an image.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Video of the character (mp4).")] = None,
    to: Annotated[str, typer.Option(help="Engine plugin that renders the character.")] = "bdfm",
    identity: Annotated[
        int | None, typer.Option(min=0, help="Seed of the character's identity. Default: the engine's base face.")
    ] = None,
    size: Annotated[int, typer.Option(min=64, max=1024, help="Side of a frame in pixels (even).")] = 256,
    export: Annotated[
        Path | None,
        typer.Option(
            help="File for a rig or 3D program, by suffix: .csv (52 ARKit blendshapes in Live Link Face format), "
            ".glb (glTF: the engine's head with 23 AU targets and the movement), .bvh (the head's turns)."
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="Run folder of `aubench train`. Default: the shipped model.")
    ] = None,
    smooth: Annotated[
        str, typer.Option(metavar="SECONDS|off", help="Low-pass filter over time, as in `aubench predict`.")
    ] = "0.08",
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after this number of images or frames.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    overwrite: Overwrite = False,
    asset: Assets = None,
    plugin: PluginFiles = None,
) -> None:
    """Transfer a face's movements to another character: a rendered video, or a file for a rig or 3D program.

    The largest face counts. Where it is not seen, the character holds still, and the table has no row.
    """
    from aubench.cli.predict import load_model, progress_bar, show_licences
    from aubench.device import choose_device
    from aubench.errors import UserError
    from aubench.predict import remarks, smoothing
    from aubench.predict.run import read
    from aubench.predict.sources import open_source
    from aubench.quick import quicken
    from aubench.retarget import export as exporting
    from aubench.retarget.character import character, engine_of, pictures

    if out is None and export is None:
        raise UserError(
            "nothing to write: give --out character.mp4, --export arkit.csv, or both", code="option-missing"
        )
    outputs = [Output("--out", out, forms.CHARACTER)] if out is not None else []
    if export is not None:
        known = forms.EXPORTS.get(export.suffix.lower(), Form(tuple(forms.EXPORTS), lambda path: False))
        outputs.append(Output("--export", export, known))
    guard(outputs, [run], sources=[source], overwrite=overwrite)
    opened = open_source(source, strict=False)
    seconds = smoothing.parse(smooth) if opened.follows else None
    if out is not None and size % 2:
        raise UserError(f"--size {size}: the side of a video must be even; give {size + 1}", code="option-invalid")
    engine = engine_of(to, size) if out is not None else None
    head = exporting.mesh_engine(to) if export is not None and export.suffix.lower() in exporting.MESH else None
    reader = load_model(run, choose_device(device))
    show_licences(reader.extractor)
    total = min(filter(None, (opened.total, frames)), default=None)
    with progress_bar("reading faces", total) as advance:
        readings = read(opened, quicken(reader), size=reader.size, limit=frames, progress=advance)
    for line in remarks.after(opened, readings):
        typer.echo(line, err=True)
    if not readings.success.any():
        raise UserError(f"{source}: no face was found, so there is no movement to transfer", code="no-face")
    if seconds is not None:
        readings = smoothing.smoothed(readings, seconds)
    face = int(readings.face[readings.success][0])
    rate = opened.rate or 25.0
    if export is not None:
        typer.echo(f"{export}: {exporting.write(export, readings, face, rate, head, identity)}")
    if out is not None and engine is not None:
        from fractions import Fraction

        from aubench.predict.film import Film

        with (
            Film(out, Fraction(rate).limit_denominator(1001), "character") as film,
            progress_bar("drawing", int(readings.frame[-1])) as advance,
        ):
            for number, picture in enumerate(pictures(engine, character(engine, identity), readings, face), 1):
                film.add(picture)
                advance(number)
        typer.echo(f"{out}: {int(readings.frame[-1])} frames of the character")
