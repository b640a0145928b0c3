"""``aubench render``: contact sheets of what an engine (or any renderer) draws."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aubench.cli import forms
from aubench.cli.asset_option import Assets
from aubench.cli.outputs import Output, Overwrite, guard

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from aubench.contracts import Renderer
    from aubench.parameters import FacialParameters

    Picture = npt.NDArray[np.uint8]

_BATCH = 32
_GAP = 4


class Sheet(StrEnum):
    """What a contact sheet varies."""

    au = "au"
    identity = "identity"
    brow = "brow"
    pose = "pose"
    looks = "looks"


class LookStyle(StrEnum):
    """An engine's style."""

    game = "game"
    photo = "photo"


render = typer.Typer(help="Render faces with an engine.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(render, name="render")


@render.command("sheet")
def sheet(
    kind: Annotated[Sheet, typer.Argument(help="au (every AU at 0..5), identity, brow, pose or looks (appearances).")],
    out: Annotated[Path, typer.Option(help="Image to write (.png or .jpg).")],
    engine: Annotated[str, typer.Option(help="Renderer plugin.")] = "bdfm",
    style: Annotated[LookStyle | None, typer.Option(help="game or photo. Default: photo for looks, else game.")] = None,
    size: Annotated[int, typer.Option(min=64, max=512, help="Side of one face in pixels.")] = 192,
    seed: Annotated[int, typer.Option(help="Seed of identities and appearances.")] = 0,
    overwrite: Overwrite = False,
    asset: Assets = None,
) -> None:
    """Draw a contact sheet: AU by intensity, identities, brow styles, poses or photo looks."""
    from aubench.contracts import Engine
    from aubench.discovery import build
    from aubench.errors import UserError

    guard([Output("--out", out, forms.SHEET)], overwrite=overwrite)
    renderer = build("renderer", engine, {"size": size})
    chosen = (style or (LookStyle.photo if kind is Sheet.looks else LookStyle.game)).value
    styled = isinstance(renderer, Engine)
    if chosen == "photo" and not styled:
        raise UserError(
            f"{engine} has only one appearance; leave out --style photo, or choose an engine such as bdfm",
            code="plugin-unsupported",
        )
    parameters, labels, columns, looks = _plan(kind, seed)
    faces = _draw(renderer, parameters, looks if styled else None, chosen)
    _write(out, _compose(faces, labels, columns))
    typer.echo(f"wrote {out}: {len(faces)} faces")


def _plan(kind: Sheet, seed: int) -> tuple[FacialParameters, list[str], int, list[int]]:
    """The faces of a sheet, a label for each, how many stand in a row, and their look seeds."""
    import numpy as np
    import torch

    from aubench.parameters import AU_NAMES, BROW_SIZE, IDENTITY_SIZE, FacialParameters, au_index

    rng = np.random.default_rng(seed)

    def identities(count: int) -> torch.Tensor:
        return torch.from_numpy(np.clip(rng.normal(0.5, 0.17, (count, IDENTITY_SIZE)), 0, 1)).float()

    def brows(styles: npt.NDArray[np.int64]) -> torch.Tensor:
        return torch.eye(BROW_SIZE)[torch.from_numpy(styles)]

    if kind is Sheet.au:
        # two columns of AUs, six intensities each
        half = (len(AU_NAMES) + 1) // 2
        rows = [name for pair in zip(AU_NAMES[:half], (*AU_NAMES[half:], None), strict=False) for name in pair if name]
        base = FacialParameters.base(6 * len(rows))
        au = base.au.clone()
        for row, name in enumerate(rows):
            au[6 * row : 6 * row + 6, au_index(name)] = torch.linspace(0, 1, 6)
        labels = [f"{name}  {level}" for name in rows for level in range(6)]
        return FacialParameters(base.pose, au, base.identity, base.brow), labels, 12, [seed] * len(labels)
    if kind is Sheet.identity:
        count = 40
        base = FacialParameters.base(count)
        parameters = FacialParameters(base.pose, base.au, identities(count), brows(rng.integers(0, BROW_SIZE, count)))
        return parameters, [f"identity {n}" for n in range(count)], 8, [seed] * count
    if kind is Sheet.brow:
        base = FacialParameters.base(BROW_SIZE)
        parameters = FacialParameters(base.pose, base.au, base.identity, torch.eye(BROW_SIZE))
        return parameters, [f"brow style {n}" for n in range(BROW_SIZE)], 6, [seed] * BROW_SIZE
    if kind is Sheet.pose:
        steps = [(yaw, pitch) for pitch in np.linspace(0, 1, 5) for yaw in np.linspace(0, 1, 7)]
        base = FacialParameters.base(len(steps))
        pose = torch.tensor(steps, dtype=torch.float32)
        labels = [f"yaw {yaw:.2f}  pitch {pitch:.2f}" for yaw, pitch in steps]
        return FacialParameters(pose, base.au, base.identity, base.brow), labels, 7, [seed] * len(steps)
    count = 48
    base = FacialParameters.base(count)
    pose = torch.from_numpy(np.clip(rng.normal(0.5, 0.12, (count, 2)), 0, 1)).float()
    active = rng.random(base.au.shape) < 0.10
    au = torch.from_numpy(np.where(active, rng.random(base.au.shape), 0.02)).float()
    parameters = FacialParameters(pose, au, identities(count), brows(rng.integers(0, BROW_SIZE, count)))
    return parameters, [f"look {seed + n}" for n in range(count)], 8, [seed + n for n in range(count)]


def _draw(renderer: Renderer, parameters: FacialParameters, looks: list[int] | None, style: str) -> Picture:
    """All faces (n, s, s, 3) uint8, in batches; ``looks`` None for a renderer without looks."""
    import numpy as np

    drawer: Any = renderer
    parts = []
    for start in range(0, len(parameters), _BATCH):
        part = parameters[start : start + _BATCH]
        options = {} if looks is None else {"style": style, "looks": looks[start : start + _BATCH]}
        image = drawer.draw(part, **options).image.detach()
        parts.append((image.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(parts)


def _compose(faces: Picture, labels: list[str], columns: int) -> Picture:
    """The faces in rows of ``columns``, each with its label underneath, on white."""
    import cv2
    import numpy as np

    side = faces.shape[1]
    strip = max(14, side // 9)
    rows = -(-len(faces) // columns)
    wide, high = columns * (side + _GAP) + _GAP, rows * (side + strip + _GAP) + _GAP
    page = np.full((high, wide, 3), 255, np.uint8)
    for n, (face, label) in enumerate(zip(faces, labels, strict=True)):
        row, column = divmod(n, columns)
        top, left = _GAP + row * (side + strip + _GAP), _GAP + column * (side + _GAP)
        page[top : top + side, left : left + side] = face
        size = min(0.42 * strip / 14, 0.95 * side / (9.0 * len(label)))
        place = (left + 2, top + side + strip - 4)
        cv2.putText(page, label, place, cv2.FONT_HERSHEY_SIMPLEX, size, (40, 40, 40), 1, cv2.LINE_AA)
    return page


def _write(out: Path, page: Picture) -> None:
    from aubench.files import atomic_write_bytes
    from aubench.stamp import picture_bytes

    atomic_write_bytes(out, picture_bytes(page, out.suffix, "sheet"))
