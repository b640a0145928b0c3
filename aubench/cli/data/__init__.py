"""``aubench data``: check original data set folders and prepare their frames for training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aubench.cli import forms
from aubench.cli.data import look
from aubench.cli.data.options import (
    dataset_of,
    names_in,
    options_in,
    parent_of,
    require_folder,
    roots_in,
    stores_in,
)
from aubench.cli.outputs import Output, Overwrite, guard, guard_folder
from aubench.errors import UserError

if TYPE_CHECKING:
    from aubench.data.frame_store import FrameStore

Roots = Annotated[
    list[str] | None, typer.Option("--root", metavar="NAME=DIR", help="Original folder of a data set; repeatable.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME.KEY=VALUE", help="Set an option of a data set, such as disfa.camera=right; repeatable."
    ),
]
Store = Annotated[Path | None, typer.Option(help="Folder that holds prepared stores. Default: in the cache.")]
Size = Annotated[int, typer.Option(min=16, max=1024, help="Side of the aligned crops in pixels.")]
Align = Annotated[
    Literal["auto", "landmarks", "openface", "detector"],
    typer.Option(help="Source of the five points; auto: for each frame, the first of the others that has them."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Check, prepare, verify and inspect data sets.")
    for command in (check, prepare, verify, show, splits):
        group.command()(command)
    group.command("list")(list_stores)
    group.command("stats")(look.stats)
    group.command("augment-sheet")(look.augment_sheet)
    app.add_typer(group, name="data")


def check(
    name: Annotated[str, typer.Argument(help="Data set plugin.")],
    root: Annotated[Path, typer.Argument(help="Original folder of the data set.")],
    settings: Settings = None,
    landmarks: Annotated[bool, typer.Option(help="Also read the landmark files (slowest part).")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what a data set folder contains, what is missing and what looks wrong. Writes nothing. Exit code 2 if
    something cannot be used."""
    from aubench.data.check import check as examine
    from aubench.data.check import summarise
    from aubench.progress import progress

    dataset = dataset_of(name, {name: options_in(settings).get(name, {})})
    require_folder(root, f"data check {name}")
    with progress("checking recordings", unit="recordings") as count:
        scan = examine(dataset.reader, root, landmarks=landmarks, progress=count)
    summary = summarise(scan)
    totals = {s: sum(p.severity == s for p in scan.problems) for s in ("error", "warning", "note")}
    if as_json:
        problems = [
            {
                "severity": p.severity,
                "path": str(p.path),
                "line": p.line,
                "message": p.message,
                "recording": p.recording,
            }
            for p in scan.problems
        ]
        typer.echo(
            json.dumps({**vars(summary), "facts": dict(scan.facts), "problems": problems}, indent=1, default=str)
        )
    else:
        typer.echo(
            f"{name}: {summary.subjects} subjects, {summary.recordings} recordings, {summary.frames} frames, "
            f"{summary.coded} of them coded; {summary.landmarks} recordings with landmarks"
        )
        for key, value in scan.facts.items():
            typer.echo(f"  {key}: {value}")
        for problem in scan.problems:
            typer.echo(str(problem))
        typer.echo(", ".join(f"{count} {severity}{'s' * (count != 1)}" for severity, count in totals.items()))
    if totals["error"]:
        raise typer.Exit(2)


def prepare(
    names: Annotated[str, typer.Argument(help="Data set plugins, comma-separated.")],
    roots: Roots = None,
    size: Size = 128,
    align: Align = "auto",
    codec: Annotated[
        Literal["jpeg", "raw"], typer.Option(help="Format of the crops: jpeg (quality 95), or raw pixels.")
    ] = "jpeg",
    settings: Settings = None,
    store: Store = None,
    max_lost: Annotated[
        float, typer.Option(min=0, max=1, help="Largest share of a sequence's frames that may be lost.")
    ] = 0.01,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. Default: one per core.")] = None,
    redo: Annotated[
        bool, typer.Option("--redo", "--anew", help="Prepare everything again, including finished recordings.")
    ] = False,
) -> None:
    """Decode, align and store the frames of data sets. An interrupted run resumes where it stopped."""
    from aubench.data.making import Making
    from aubench.data.prepare import prepare as make_ready
    from aubench.progress import progress

    wanted = names_in(names)
    places, options = roots_in(roots, wanted), options_in(settings, wanted)
    datasets = {name: dataset_of(name, {name: options.get(name, {})}) for name in wanted}
    found = {name: places.get(name) or dataset.config.root for name, dataset in datasets.items()}
    for name, place in found.items():
        if place is None:
            raise UserError(f"data prepare {name}: give its original folder: --root {name}=DIR", code="option-missing")
        require_folder(Path(place), f"--root {name}")
        guard_folder("--store", parent_of(store or datasets[name].config.store), [place])
    for name, dataset in datasets.items():
        root = Path(str(found[name]))
        typer.echo(f"{name}: scanning {root}", err=True)
        with progress(f"scanning {root}"):
            scan = dataset.reader.scan(root)
        errors = [problem for problem in scan.problems if problem.severity == "error"]
        for problem in errors[:5]:
            typer.echo(str(problem), err=True)
        if len(errors) > 5:
            typer.echo(f"... and {len(errors) - 5} more; see `aubench data check {name} {root}`", err=True)
        parent = parent_of(store or dataset.config.store)
        made = make_ready(
            dataset.reader, root, parent, Making(size, align, codec), max_lost=max_lost, workers=workers, redo=redo,
            scan=scan,
        )  # fmt: skip
        typer.echo(_told(made))


def verify(
    names: Annotated[str | None, typer.Argument(help="Data sets, comma-separated. Default: all prepared ones.")] = None,
    store: Store = None,
) -> None:
    """Check every byte of prepared stores against its checksum. Exit code 2 if one is damaged."""
    stores = stores_in(store, names_in(names) if names else None)
    damaged = False
    for each in stores:
        faults = each.verify()
        damaged |= bool(faults)
        for fault in faults:
            typer.echo(fault)
        state = f"{len(faults)} faults" if faults else "whole"
        typer.echo(f"{each.card.dataset}: {each.card.rows} frames in {len(each.card.recordings)} recordings: {state}")
    if damaged:
        raise typer.Exit(2)


def list_stores(store: Store = None) -> None:
    """List the prepared stores."""
    for each in stores_in(store, None):
        typer.echo(_told(each))


def show(
    name: Annotated[str, typer.Argument(help="Data set.")],
    out: Annotated[Path, typer.Option(help="Image to write (.png or .jpg).")] = Path("sheet.png"),
    count: Annotated[int, typer.Option(min=1, max=400, help="Crops on the sheet.")] = 48,
    columns: Annotated[int, typer.Option(min=1, max=40, help="Crops per row.")] = 8,
    side: Annotated[int, typer.Option(min=32, max=512, help="Side of a crop on the sheet in pixels.")] = 192,
    sequence: Annotated[str | None, typer.Option(help="Show one sequence only.")] = None,
    roots: Roots = None,
    size: Size = 128,
    align: Align = "auto",
    settings: Settings = None,
    store: Store = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw a contact sheet of prepared crops with their landmarks."""
    from aubench.data import sheet
    from aubench.files import atomic_write_bytes
    from aubench.stamp import picture_bytes

    guard([Output("--out", out, forms.SHEET)], [store, *roots_in(roots, [name]).values()], overwrite=overwrite)
    given: dict[str, Any] = {"size": size, "align": align, **options_in(settings, [name]).get(name, {})}
    if root := roots_in(roots, [name]).get(name):
        given["root"] = root
    if store is not None:
        given["store"] = str(store)
    prepared = dataset_of(name, {name: given}).store
    image = sheet.draw(sheet.choose(prepared, count, sequence=sequence), columns=columns, side=side)
    atomic_write_bytes(out, picture_bytes(image, out.suffix, "sheet"))
    typer.echo(str(out))


def splits(
    name: Annotated[str | None, typer.Argument(help="Data set. Default: all with named splits.")] = None,
) -> None:
    """List the named splits."""
    from aubench.data.splits import RULES, SHIPPED, known, read_splits

    for dataset in [name] if name else read_splits(SHIPPED):
        entry = known(dataset)
        typer.echo(f"{dataset} (default: {entry.default})")
        for label, split in entry.splits.items():
            draws = f"{split.draw.test} drawn" if split.draw else str(len(split.test))
            typer.echo(f"  {label}: {draws} test; {split.note}")
    typer.echo(f"every data set: {', '.join(RULES)}, FILE.yaml#NAME")


def _told(store: FrameStore) -> str:
    card = store.card
    size = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
    lost = sum(sum(recording.lost.values()) for recording in card.recordings)
    sources = {name: sum(r.sources[name] for r in card.recordings) for name in card.recordings[0].sources}
    origin = ", ".join(f"{count} from {name}" for name, count in sources.items() if count)
    subjects = len({recording.subject for recording in card.recordings})
    return (
        f"{card.dataset}: {card.rows} frames of {subjects} subjects at {store.making.size} px, points: "
        f"{origin}; {lost} frames lost; {size / 1e6:.1f} MB in {store.folder}"
    )
