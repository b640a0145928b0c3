"""``aubench parse``: what the frozen networks see on faces, drawn over them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from aubench.cli import forms
from aubench.cli.outputs import Output, Overwrite, guard
from aubench.cli.plugin_option import PluginFiles

if TYPE_CHECKING:
    from aubench.predict.align import Image

_SIZE = 128
"""Size of the crops in pixels where no model is shipped."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("parse")(parse)


class _Wanted(NamedTuple):
    """What ``option`` asks of a network: the protocol, in words what one without it lacks, and one that has it.
    ``weights`` is the option for its weights."""

    option: str
    weights: str
    protocol: type
    methods: tuple[str, ...]
    lacks: str
    example: str


def parse(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="An image, a folder of images, or a video.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Image to write (.png or .jpg).")],
    extractor: Annotated[str, typer.Option(help="Extractor that parses faces.")] = "bisenet",
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS[,...]",
            help="shipped, shipped:PRESET, cache:NAME or a file; one row each. Default: the extractor's own.",
        ),
    ] = None,
    landmarks: Annotated[str, typer.Option(help="Extractor that finds 68 landmarks, or none.")] = "landmark",
    landmark_weights: Annotated[
        str | None,
        typer.Option(metavar="WEIGHTS[,...]", help="Weights of the landmark network, in the same form as --weights."),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Number of images, spread evenly over a video or folder.")] = 12,
    at: Annotated[
        str | None, typer.Option(metavar="N[,...]", help="Frame numbers to show instead (column 'frame' of predict).")
    ] = None,
    max_faces: Annotated[int, typer.Option(min=1, help="Faces per image, largest first.")] = 1,
    columns: Annotated[int, typer.Option(min=1, help="Faces per row.")] = 6,
    side: Annotated[int, typer.Option(min=64, max=1024, help="Side of a face on the sheet in pixels.")] = 160,
    size: Annotated[
        int | None,
        typer.Option(min=32, max=1024, help="Side of the aligned crops in pixels. Default: that of the shipped model."),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Draw on grey without the crops, where faces must not be shown.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    overwrite: Overwrite = False,
    plugin: PluginFiles = None,
) -> None:
    """Draw the output of the frozen networks, parsing classes and landmarks, over aligned face crops.

    Rows: the crop, the classes predicted with each of --weights, the points predicted with each of --landmark-weights.
    Faces are detected in every frame separately, so crops may differ by a pixel from those of a tracked video.
    """
    from aubench.contracts import Parser
    from aubench.errors import UserError
    from aubench.files import atomic_write_bytes
    from aubench.landmarks import Landmarker
    from aubench.predict import chosen, remarks, table
    from aubench.predict.sources import open_source
    from aubench.stamp import picture_bytes

    # Everything that can be refused is refused before the work.
    files = [
        name for text in (weights, landmark_weights) for name in (text or "").split(",") if name and _is_file(name)
    ]
    guard([Output("--out", out, forms.SHEET)], files, sources=[source], overwrite=overwrite)
    numbers = chosen.parse_numbers(at) if at is not None else None
    whole = open_source(source, strict=False)
    opened = chosen.choose(whole, frames, numbers)

    from aubench.device import choose_device
    from aubench.predict import parsed

    machine = choose_device(device)
    parses = _Wanted("--extractor", "--weights", Parser, ("parse",), "does not parse faces", "bisenet")
    finds = _Wanted(
        "--landmarks", "--landmark-weights", Landmarker, ("heatmaps", "landmarks"), "finds no landmarks", "landmark"
    )
    parsers = _networks(parses, extractor, weights, machine)
    pointers = _networks(finds, landmarks, landmark_weights, machine) if landmarks != "none" else []

    side_read = size or _size_that_predict_reads()
    titles, crops, without = _faces(opened, side_read, max_faces, machine)
    cut = remarks.truncation(whole)
    for line in remarks.after(opened if cut is None else whole):
        typer.echo(line, err=True)
    if cut is not None and numbers is None:  # spread over the whole input
        opened = chosen.choose(whole, frames, chosen.spread(cut.frames, frames))
        titles, crops, without = _faces(opened, side_read, max_faces, machine)
    if not crops:
        pictures = f"the {len(without)} images that were searched" if len(without) > 1 else "it"
        raise UserError(
            f"{source}: no face found in {pictures}; faces should be upright and at least 24 pixels wide",
            code="no-face",
        )
    how: Any = {"plain": plain, "device": machine}
    rows = [] if plain else [parsed.Row("crop", [parsed.enlarged(crop, side) for crop in crops])]
    rows += [parsed.Row(name, parsed.parsed(network, crops, side, **how)) for name, network in parsers]
    rows += [parsed.Row(name, parsed.pointed(network, crops, side, **how)) for name, network in pointers]
    page = parsed.sheet(titles, rows, columns=columns)
    try:
        atomic_write_bytes(out, picture_bytes(page, out.suffix, "sheet"))
    except OSError as error:
        raise table.cannot_write(out, error) from None
    typer.echo(f"{out}: {len(crops)} face{'s' * (len(crops) != 1)}; rows: {', '.join(row.name for row in rows)}")
    if without:
        typer.echo(f"no face found in {', '.join(without)}")


def _faces(source: Any, size: int, most: int, device: Any) -> tuple[list[str], list[Image], list[str]]:
    """A title and an aligned crop (size, size, 3) of each face, and the pictures that have none."""
    from aubench.cli.predict import progress_bar
    from aubench.predict.detect import Detector
    from aubench.predict.run import find_faces
    from aubench.predict.track import Tracker

    titles, crops, without = [], [], []
    with progress_bar("finding faces", source.total) as advance:
        for done, found in enumerate(find_faces(source, Tracker(Detector(device=device), most), size), start=1):
            name = found.name or f"frame {found.number}"
            for number, _, crop in found.faces:
                titles.append(name if len(found.faces) == 1 else f"{name}, face {number}")
                crops.append(crop)
            if not found.faces and not found.problem:
                without.append(name)
            advance(done)
    return titles, crops, without


def _networks(wanted: _Wanted, name: str, weights: str | None, device: Any) -> list[tuple[str, Any]]:
    """The network with each of the weights, named after both."""
    import torch

    from aubench import discovery, registry
    from aubench.cli.predict import show_licences
    from aubench.errors import UserError

    plugin, config = registry.resolve("extractor", name)
    card = discovery.find("extractor", plugin)
    refusal = UserError(
        f"{wanted.option} {name}: {wanted.lacks}; use an extractor that does, such as {wanted.example}",
        code="plugin-unsupported",
    )
    # Asked of the class first: one that cannot do it should not complain of its weights.
    factory = discovery.load_factory(card)
    if isinstance(factory, type) and not all(hasattr(factory, method) for method in wanted.methods):
        raise refusal
    made = []
    for each in [None] if weights is None else _listed(weights, wanted.weights):
        options = config if each is None else _with(config, each, card.config.model_fields)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # weights "none" are random, and the same every time
            network: Any = discovery.build("extractor", plugin, options)
        if not isinstance(network, wanted.protocol):
            raise refusal
        if isinstance(network, torch.nn.Module):
            network.to(device).eval()
        show_licences(network)
        made.append((f"{name} {_told(each)}".strip(), network))
    return made


def _listed(text: str, option: str) -> list[str]:
    from aubench.errors import UserError

    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise UserError(
            f"{option} {text!r}: an empty name; give shipped, or files, separated by commas", code="option-invalid"
        )
    return parts


def _is_file(weights: str) -> bool:
    return weights != "none" and weights.partition(":")[0] not in ("shipped", "cache")


def _with(config: dict[str, Any], weights: str, known: Collection[str]) -> dict[str, Any]:
    """Options for other weights, with those of the ``known`` ones that a file of `aubench pretrain` says it was made
    with, where none were given."""
    import json

    from aubench.weights import form_of, header

    learnt: Any = {}
    if _is_file(weights) and form_of(weights) == "safetensors":
        with contextlib.suppress(
            ValueError, RecursionError
        ):  # somebody else's header, with something else under this name
            learnt = json.loads(header(weights).get("config", "{}"))
    own = {key: value for key, value in learnt.items() if key in known} if isinstance(learnt, dict) else {}
    return {**own, **config, "weights": weights}


def _told(weights: str | None) -> str:
    """Weights as the name of a row: of a file its folder, for there are many of one name."""
    if weights is None or not _is_file(weights):
        return weights or ""
    path = Path(weights)
    return f"{path.resolve().parent.name}/{path.stem}"


def _size_that_predict_reads() -> int:
    import json

    from aubench.combination import SHIPPED

    card = SHIPPED / "regressor.json"
    return int(json.loads(card.read_text(encoding="utf-8"))["size"]) if card.is_file() else _SIZE
