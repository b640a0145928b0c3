"""``aubench render clip``: a short video of a drawn person, for trying out what reads faces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aubench.cli import forms
from aubench.cli.asset_option import Assets
from aubench.cli.outputs import Output, Overwrite, guard
from aubench.cli.render import render

if TYPE_CHECKING:
    from aubench.parameters import FacialParameters

RATE = 25
MOVES: tuple[tuple[tuple[str, ...], float, float, float], ...] = (
    (("AU01", "AU02"), 0.05, 0.35, 4.0),
    (("AU06", "AU12"), 0.30, 0.65, 4.0),
    (("AU25", "AU26"), 0.60, 0.95, 3.5),
)
"""What the person does: these AUs together, between these parts of the clip, up to this intensity."""


def register(app: typer.Typer) -> None:
    """Add the command to the group ``render``."""
    del app
    render.command("clip")(clip)


def clip(
    out: Annotated[Path, typer.Option(help="Video to write (mp4).")],
    frames: Annotated[int, typer.Option(min=10, help=f"Number of frames, at {RATE} per second.")] = 150,
    engine: Annotated[str, typer.Option(help="Engine plugin.")] = "bdfm",
    size: Annotated[int, typer.Option(min=64, max=512, help="Side of a frame in pixels (even).")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Seed of identity and appearance.")] = 5,
    overwrite: Overwrite = False,
    asset: Assets = None,
) -> None:
    """Draw a video of a person who raises the brows (AU1, 2), smiles (6, 12) and opens the mouth (25, 26).

    Intensities go up to 4, 4 and 3.5. The clip is free of rights and its AUs are known; `aubench predict` reads it.
    """
    import numpy as np

    from aubench.contracts import NUISANCE_NAMES, Engine
    from aubench.discovery import build
    from aubench.errors import UserError
    from aubench.predict.film import Film

    guard([Output("--out", out, forms.CLIP)], overwrite=overwrite)
    if size % 2:
        raise UserError(f"--size {size}: the side of a video must be even; give {size + 1}", code="option-invalid")
    drawer = build("renderer", engine, {"size": size})
    if not isinstance(drawer, Engine):
        raise UserError(f"{engine} has only one appearance; choose an engine such as bdfm", code="plugin-unsupported")
    parameters = acted(frames, seed)
    around = np.zeros((frames, len(NUISANCE_NAMES)), np.float32)
    around[:, NUISANCE_NAMES.index("scale")] = -1.0  # some room around the face, as a detector expects
    with Film(out, RATE, "clip") as film:
        for number in range(frames):
            one = slice(number, number + 1)
            drawn = drawer.draw(parameters[one], style="photo", looks=[seed], shots=[number], nuisance=around[one])
            film.add((drawn.image[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())
    typer.echo(f"{out}: {frames} frames of a rendered face, {frames / RATE:g} s")


def acted(frames: int, seed: int) -> FacialParameters:
    """The parameters of every picture: one identity, and :data:`MOVES` along a squared sine each."""
    import numpy as np
    import torch

    from aubench.parameters import BASE_AU, IDENTITY_SIZE, INTENSITY_SCALE, FacialParameters, au_index

    base = FacialParameters.base(frames)
    identity = np.random.default_rng(seed).normal(0.5, 0.12, IDENTITY_SIZE).clip(0, 1)
    au = base.au.clone()
    at = torch.arange(frames) / frames
    for names, first, last, height in MOVES:
        rise = torch.sin(torch.pi * ((at - first) / (last - first)).clamp(0, 1)).square()
        for name in names:
            au[:, au_index(name)] += height / INTENSITY_SCALE * (1 - BASE_AU) * rise
    return FacialParameters(base.pose, au, torch.from_numpy(identity).float().expand(frames, -1), base.brow)
