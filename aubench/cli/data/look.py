"""``aubench data stats`` and ``aubench data augment-sheet``: what labels are like, and what augmentation makes of
faces.

:mod:`aubench.cli.data` adds these commands to its group.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aubench.cli import forms
from aubench.cli.outputs import Output, Overwrite, guard
from aubench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aubench.contracts import Dataset
    from aubench.data.augment.sheet import Crop
    from aubench.data.stats import LabelStatistics

Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME.KEY=VALUE", help="Set an option of a data set, such as disfa.camera=right; repeatable."
    ),
]
Store = Annotated[Path | None, typer.Option(help="Folder that holds prepared stores. Default: in the cache.")]


def stats(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Data sets.")],
    split: Annotated[Literal["all", "train", "test"], typer.Option(help="Split to count.")] = "all",
    threshold: Annotated[
        float, typer.Option(min=0.01, max=5, help="Intensity from which an AU counts as present in co-occurrences.")
    ] = 1.0,
    figure: Annotated[
        Path | None, typer.Option(help="Also write a figure with bars and matrices (png, svg, pdf, jpg).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, including the co-occurrence matrix.")] = False,
    settings: Settings = None,
    store: Store = None,
    overwrite: Overwrite = False,
) -> None:
    """Count labels: intensities per AU, missing values, presence without intensity, subjects, co-occurrence."""
    from aubench.data import stats_figure
    from aubench.data.stats import of_dataset
    from aubench.files import atomic_write_bytes

    wanted = list(dict.fromkeys(part.strip() for text in names for part in text.split(",") if part.strip()))
    if not wanted:
        raise UserError("name at least one data set, such as synth", code="option-missing")
    if figure is not None:
        guard([Output("--figure", figure, forms.STATISTICS)], [store], overwrite=overwrite)
    form = stats_figure.check_format(figure) if figure is not None else "png"
    options = _options(settings, wanted)
    whole = split == "all"
    found = [of_dataset(_build(name, options, store, whole=whole), split, threshold=threshold) for name in wanted]
    if figure is not None:
        atomic_write_bytes(figure, stats_figure.draw(found, form))
    if as_json:
        typer.echo(json.dumps([each.as_dict() for each in found], indent=1, allow_nan=False))
        return
    for each in found:
        _print(each)
    if figure is not None:
        typer.echo(f"wrote {figure}")


def augment_sheet(
    source: Annotated[
        str,
        typer.Argument(metavar="INPUT", help="An image, a folder, a video, or a data set (its training frames)."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Image to write (.png or .jpg).")] = Path("augmented.png"),
    count: Annotated[int, typer.Option(min=1, max=64, help="Faces on the sheet, spread evenly.")] = 3,
    size: Annotated[
        int, typer.Option(min=32, max=1024, help="Side of the aligned crops in pixels, for images and videos.")
    ] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random copies.")] = 0,
    own: Annotated[bool, typer.Option("--landmarks/--no-landmarks", help="Use a data set's landmarks.")] = True,
    settings: Settings = None,
    store: Store = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw augmented faces: fixed poses and expressions, and random copies."""
    from aubench.data.augment.sheet import sheet
    from aubench.files import atomic_write_bytes
    from aubench.stamp import picture_bytes

    guard([Output("--out", out, forms.SHEET)], [store], sources=[source], overwrite=overwrite)
    if Path(source).exists() or "/" in source or Path(source).suffix:
        crops = _found(source, count, size)
    else:
        crops = _frames(_build(source, _options(settings, [source]), store), count, own)
    page = sheet(crops, seed=seed)
    atomic_write_bytes(out, picture_bytes(page, out.suffix, "sheet"))
    typer.echo(f"wrote {out}: {len(crops)} faces")


def _build(name: str, options: dict[str, dict[str, Any]], store: Path | None, *, whole: bool = False) -> Dataset:
    """A data set by its name or that of a variant, with its options from the command line. ``whole``: everybody is
    asked for, so that no split is needed; one that was not asked for may want more people than there are."""
    from aubench import discovery, registry
    from aubench.data.prepared import PreparedConfig

    plugin, config = registry.resolve("dataset", name)
    config = {**config, **options.get(name, {})}
    if issubclass(discovery.find("dataset", plugin).config, PreparedConfig):
        config |= {"store": str(store)} if store is not None else {}
        config = {"split": "train", **config} if whole else config
    made: Dataset = discovery.build("dataset", plugin, config)
    return made


def _options(settings: list[str] | None, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    from aubench.cli.data.options import options_in as parsed

    return parsed(settings, list(names))


def _spread(total: int, count: int) -> list[int]:
    """The middles of ``count`` equal stretches of ``total``."""
    most = min(total, count)
    return [int((i + 0.5) * total / most) for i in range(most)]


def _found(source: str, count: int, size: int) -> list[Crop]:
    """The largest face of pictures spread over a source, aligned. Raises ``UserError`` where there is no face."""
    from aubench.data.augment.sheet import Crop
    from aubench.predict.align import Canvas, crop
    from aubench.predict.detect import Detector
    from aubench.predict.sources import open_source

    opened, detector = open_source(source), Detector()
    places = set(_spread(opened.total, count)) if opened.total else set(range(count))
    crops = []
    for place, shot in enumerate(opened):
        if place in places and (faces := detector.detect(canvas := Canvas(shot.image))):
            largest = max(faces, key=lambda face: face.side)
            crops.append(Crop(crop(canvas, largest.points, size)[0], None, shot.name or f"frame {shot.number}"))
        if len(crops) == count or place >= max(places):
            break
    if not crops:
        raise UserError(f"{source}: no face was found in the images that were searched; use others", code="no-face")
    return crops


def _frames(dataset: Dataset, count: int, own: bool) -> list[Crop]:
    """Training frames spread over a data set, with its landmarks where it has some."""
    import numpy as np

    from aubench.data.augment.sheet import Crop

    frames = dataset.frames("train")
    if not len(frames):
        raise UserError(f"data set {dataset.name}: no training frames", code="split-invalid")
    read = getattr(dataset, "landmarks", None)
    landmarks = read("train") if own and read is not None else None
    return [
        Crop(
            np.asarray(frames.images[row]),
            None if landmarks is None else landmarks[row],
            f"{frames.subject[row]} {frames.sequence[row]} {frames.frame[row]}",
        )
        for row in _spread(len(frames), count)
    ]


def _print(each: LabelStatistics) -> None:
    from rich.console import Console
    from rich.table import Table

    part = "" if each.part == "all" else f" ({each.part})"
    title = f"{each.dataset}{part}: {each.frames} frames, {each.subjects} subjects, {each.sequences} sequences"
    console = Console()
    if not each.aus:
        console.print(f"{title}; no AU is annotated", highlight=False)
        return
    table = Table(
        title=f"{title}; percent of coded frames by intensity", title_justify="left", box=None, pad_edge=False
    )
    for heading in ("AU", "coded", "miss.", "pres.", "0", "1", "2", "3", "4", "5", "mean", "max", "subj."):
        table.add_column(heading, justify="left" if heading == "AU" else "right", no_wrap=True)
    for au in each.aus:
        shares = (f"{100 * n / au.coded:.1f}" if au.coded else "–" for n in au.levels)
        mean, highest = (f"{v:.2f}" if v is not None else "–" for v in (au.mean, au.highest))
        counts = (str(au.coded), str(au.missing), str(au.unmeasured))
        table.add_row(au.au, *counts, *shares, mean, highest, str(au.subjects))
    console.print(table)
    if pairs := each.strongest():
        told = ", ".join(f"{a} {b} {share:.0%}" for a, b, share in pairs)
        console.print(
            f"pres.: present without an intensity. Most often together, of the frames with either: {told}\n",
            highlight=False,
        )
