"""``aubench data``: what an original data set folder holds, and its frames made ready for training."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aubench.cli import data_look
from aubench.errors import UserError

if TYPE_CHECKING:
    from aubench.data.dataset import PreparedDataset
    from aubench.data.frame_store import FrameStore

Roots = Annotated[
    list[str] | None, typer.Option("--root", metavar="NAME=DIR", help="Original folder of a data set; repeatable.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME.KEY=VALUE", help="An option of a data set, as disfa.camera=right; repeatable."),
]
Store = Annotated[Path | None, typer.Option(help="Folder that holds prepared stores. Default: in the cache.")]
Size = Annotated[int, typer.Option(min=16, max=1024, help="Side of the aligned crops, pixels.")]
Align = Annotated[
    Literal["auto", "landmarks", "openface", "detector"],
    typer.Option(help="Where the five points come from; auto: for each frame the first of the others that has them."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Real data sets: check, prepare, verify and look at them.")
    for command in (check, prepare, verify, show, splits):
        group.command()(command)
    group.command("list")(list_stores)
    group.command("stats")(data_look.stats)
    group.command("augment-sheet")(data_look.augment_sheet)
    app.add_typer(group, name="data")


def check(
    name: Annotated[str, typer.Argument(help="Data set plugin.")],
    root: Annotated[Path, typer.Argument(help="Its original folder.")],
    settings: Settings = None,
    landmarks: Annotated[bool, typer.Option(help="Read the landmark files, too; takes longest.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """List what is there, what is missing and what is odd. Writes nothing; exit code 2 if something cannot be used."""
    from aubench.data.check import check as examine
    from aubench.data.check import summarise

    dataset = _dataset(name, {name: _options(settings).get(name, {})})
    _require_folder(root, f"data check {name}")
    with _counting("checking recordings") as count:
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
        Literal["jpeg", "raw"], typer.Option(help="How crops are stored: jpeg (quality 95), or pixel by pixel.")
    ] = "jpeg",
    settings: Settings = None,
    store: Store = None,
    max_lost: Annotated[
        float, typer.Option(min=0, max=1, help="Share of a sequence's frames that may be lost.")
    ] = 0.01,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. Default: one for each core.")] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Make all again, also what is there.")] = False,
) -> None:
    """Decode, align and store the frames of data sets, once. Goes on where a killed run stopped."""
    from aubench.data.making import Making
    from aubench.data.prepare import prepare as make_ready

    wanted = _names(names)
    places, options = _roots(roots, wanted), _options(settings, wanted)
    datasets = {name: _dataset(name, {name: options.get(name, {})}) for name in wanted}
    found = {name: places.get(name) or dataset.config.root for name, dataset in datasets.items()}
    for name, place in found.items():
        if place is None:
            raise UserError(f"data prepare {name}: say where its original folder is: --root {name}=DIR")
        _require_folder(Path(place), f"--root {name}")
    for name, dataset in datasets.items():
        root = Path(str(found[name]))
        typer.echo(f"{name}: scanning {root}", err=True)
        scan = dataset.reader.scan(root)
        errors = [problem for problem in scan.problems if problem.severity == "error"]
        for problem in errors[:5]:
            typer.echo(str(problem), err=True)
        if len(errors) > 5:
            typer.echo(f"... and {len(errors) - 5} more; see `aubench data check {name} {root}`", err=True)
        parent = _parent(store or dataset.config.store)
        made = make_ready(
            dataset.reader, root, parent, Making(size, align, codec), max_lost=max_lost, workers=workers, anew=anew,
            scan=scan,
        )  # fmt: skip
        typer.echo(_told(made))


def verify(
    names: Annotated[
        str | None, typer.Argument(help="Data sets, comma-separated. Default: all that are there.")
    ] = None,
    store: Store = None,
) -> None:
    """Compare every byte of prepared stores with what was written; exit code 2 if one is damaged."""
    stores = _stores(store, _names(names) if names else None)
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
    for each in _stores(store, None):
        typer.echo(_told(each))


def show(
    name: Annotated[str, typer.Argument(help="Data set.")],
    out: Annotated[Path, typer.Option(help="PNG file to write.")] = Path("sheet.png"),
    count: Annotated[int, typer.Option(min=1, max=400, help="Crops on the sheet.")] = 48,
    columns: Annotated[int, typer.Option(min=1, max=40, help="Crops in a row.")] = 8,
    side: Annotated[int, typer.Option(min=32, max=512, help="Side of each on the sheet, pixels.")] = 192,
    sequence: Annotated[str | None, typer.Option(help="Of one sequence only.")] = None,
    roots: Roots = None,
    size: Size = 128,
    align: Align = "auto",
    settings: Settings = None,
    store: Store = None,
) -> None:
    """Draw a contact sheet of prepared crops with their landmarks, to be looked at."""
    import cv2

    from aubench.data import sheet
    from aubench.files import atomic_write_bytes

    given: dict[str, Any] = {"size": size, "align": align, **_options(settings, [name]).get(name, {})}
    if root := _roots(roots, [name]).get(name):
        given["root"] = root
    if store is not None:
        given["store"] = str(store)
    prepared = _dataset(name, {name: given}).store
    image = sheet.draw(sheet.choose(prepared, count, sequence=sequence), columns=columns, side=side)
    atomic_write_bytes(out, bytes(cv2.imencode(".png", image[..., ::-1].copy())[1]))
    typer.echo(str(out))


def splits(
    name: Annotated[str | None, typer.Argument(help="Data set. Default: all that have named splits.")] = None,
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


def placed(
    names: list[str],
    parts: list[dict[str, Any]],
    roots: list[str] | None,
    splits: list[str] | None,
    *,
    store: Path | None,
    allow_leakage: bool,
) -> list[dict[str, Any]]:
    """Data sets of a run's config with where they lie and how they are split, as the command line says. Raises
    ``UserError`` for a root or split of a data set that is not asked for, or that has none."""
    from aubench import discovery
    from aubench.data.prepared import PreparedConfig

    given = {"root": _roots(roots, names), "split": _pairs("--split", splits, names)}
    out = []
    for name, part in zip(names, parts, strict=True):
        prepared = issubclass(discovery.find("dataset", part["name"]).config, PreparedConfig)
        own: dict[str, Any] = {key: values[name] for key, values in given.items() if name in values}
        if own and not prepared:
            raise UserError(f"--{next(iter(own))} {name}=...: data set {name!r} is not read from an original folder")
        if prepared:
            own |= {"store": str(store)} if store is not None else {}
            own |= {"allow_leakage": True} if allow_leakage else {}
        out.append({**part, "config": {**part["config"], **own}})
    return out


# --- what commands share ----------------------------------------------------------------------------------------------


def _dataset(name: str, options: dict[str, dict[str, Any]]) -> PreparedDataset:
    """A data set made of a reader, by name. Raises ``UserError`` for one that is not."""
    from aubench import discovery, registry
    from aubench.data.dataset import PreparedDataset

    plugin, config = registry.resolve("dataset", name)
    made = discovery.build("dataset", plugin, {**config, **options.get(name, {})})
    if not isinstance(made, PreparedDataset):
        raise UserError(f"data set {name!r} is not read from an original folder, so there is nothing to prepare")
    return made


def _names(text: str) -> list[str]:
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise UserError("name at least one data set, such as disfa")
    return names


def _roots(roots: list[str] | None, names: list[str]) -> dict[str, str]:
    """``--root NAME=DIR`` options by name."""
    found = {}
    for entry in roots or []:
        name, equals, folder = entry.partition("=")
        if not equals and len(names) == 1:  # of one data set, the folder alone is clear
            name, folder = names[0], entry
        elif not equals:
            raise UserError(f"--root {entry}: write NAME=DIR, as disfa=/data/DISFA")
        if name not in names:
            raise UserError(f"--root {entry}: data set {name!r} is not asked for; asked for: {', '.join(names)}")
        found[name] = folder
    return found


def _pairs(option: str, entries: list[str] | None, names: list[str]) -> dict[str, str]:
    """``NAME=VALUE`` options by name."""
    found = {}
    for entry in entries or []:
        name, equals, value = entry.partition("=")
        if not equals or not value:
            raise UserError(f"{option} {entry}: write NAME=VALUE, as disfa=paper")
        if name not in names:
            raise UserError(f"{option} {entry}: data set {name!r} is not asked for; asked for: {', '.join(names)}")
        found[name] = value
    return found


def _options(settings: list[str] | None, names: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """``--set NAME.KEY=VALUE`` options by name."""
    import yaml

    found: dict[str, dict[str, Any]] = {}
    for entry in settings or []:
        key, equals, value = entry.partition("=")
        name, dot, option = key.partition(".")
        if not equals or not dot:
            raise UserError(f"--set {entry}: write NAME.KEY=VALUE, as disfa.camera=right")
        if names is not None and name not in names:
            raise UserError(f"--set {entry}: data set {name!r} is not asked for; asked for: {', '.join(names)}")
        found.setdefault(name, {})[option] = yaml.safe_load(value)
    return found


def _require_folder(root: Path, option: str) -> None:
    if not root.is_dir():
        raise UserError(f"{option}: {root} is {'not a folder' if root.exists() else 'not there'}")


def _parent(store: Path | str | None) -> Path:
    from aubench.data.frame_store import default_parent

    return Path(store) if store else default_parent()


def _stores(store: Path | None, names: list[str] | None) -> list[FrameStore]:
    from aubench.data.frame_store import CARD, FrameStore

    parent = _parent(store)
    found = [FrameStore(path.parent) for path in sorted(parent.glob(f"*/{CARD}"))]
    chosen = [each for each in found if names is None or each.card.dataset in names]
    if lacking := [name for name in names or [] if all(each.card.dataset != name for each in chosen)]:
        raise UserError(f"data set {lacking[0]!r}: no prepared store in {parent}; run `aubench data prepare`")
    if not chosen:
        raise UserError(f"{parent}: no prepared store; run `aubench data prepare`")
    return chosen


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


class _counting:
    """A count on stderr while it lasts, where that is a terminal."""

    def __init__(self, words: str) -> None:
        self.words, self.shown = words, sys.stderr.isatty()

    def __enter__(self) -> Any:
        return self

    def __call__(self, done: int, total: int) -> None:
        if self.shown:
            print(f"\r{self.words}: {done} of {total}", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
