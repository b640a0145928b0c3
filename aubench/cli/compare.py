"""``aubench compare``: methods side by side, from predictions alone."""

from __future__ import annotations

import datetime
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aubench.assignments import split
from aubench.cli import forms
from aubench.cli.outputs import Overwrite, guard, guard_folder
from aubench.cli.plugin_option import PluginFiles
from aubench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aubench.compare.schema import Comparison, DatasetComparison, MethodRow, ReportedRow

WIDEST = 6
"""Number of methods, best first, in the per-AU table on a terminal; the page shows all."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("compare")(compare_methods)


def compare_methods(
    more: Annotated[list[Path] | None, typer.Argument(metavar="RUN", help="More run folders.")] = None,
    datasets: Annotated[str, typer.Option(help="Data sets to compare on, separated by commas.")] = "synth",
    runs: Annotated[
        list[Path] | None,
        typer.Option(help="Run folders, or folders of runs. Default: the newest of each combination under ./runs."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every run under ./runs, not only the newest of each combination.")
    ] = False,
    predictions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PATH", help="Predictions of another tool: a table or a folder of tables; repeatable."
        ),
    ] = None,
    form: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="NAME=FORMAT",
            help="Format, such as openface, pyfeat or libreface. Default: detected from the header.",
        ),
    ] = None,
    scale: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SCALE", help="Scale of its values: intensity, probability or evidence."),
    ] = None,
    rescale: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FACTOR", help="Factor that maps its values to 0..5, such as 5; without one, no ICC or MAE."
        ),
    ] = None,
    frame_offset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=N", help="Offset added to its frame numbers so that they start at 0."),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=WORD", help="AU labels used in its training: none, weak, semi or full."),
    ] = None,
    places: Annotated[
        Path | None, typer.Option(help="CSV with columns file,subject,sequence that maps each tool's file to a video.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="CSV of labels. Default: the labels of the runs, else of the data set.")
    ] = None,
    baselines: Annotated[
        str, typer.Option(help="Baselines: zero, mean, shuffle (computed from the labels), estimators to fit; or none.")
    ] = "zero,mean",
    missing_aus: Annotated[
        str,
        typer.Option(help="nan: score each method on the AUs it has. intersection: score all on the AUs they share."),
    ] = "nan",
    missing_frames: Annotated[
        str,
        typer.Option(
            help="nan: score each method on the frames it has. intersection: score all on the frames they share."
        ),
    ] = "nan",
    published: Annotated[bool, typer.Option(help="Show the numbers printed in the paper, marked as such.")] = True,
    rank_published: Annotated[
        bool, typer.Option("--rank-published", help="Include printed numbers in the ranking of best and second.")
    ] = False,
    occurrence: Annotated[
        float, typer.Option(metavar="INTENSITY", help="Intensity from which an AU counts as present, for the ROC AUC.")
    ] = 2.0,
    speed: Annotated[
        bool, typer.Option("--speed", help="Measure each method's speed by stage, on this machine and the same frames.")
    ] = False,
    speed_frames: Annotated[int, typer.Option(min=1, help="Test frames per data set for --speed.")] = 64,
    draws: Annotated[int, typer.Option(min=100, help="Bootstrap resamples of the subjects.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    plugin: PluginFiles = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results. Default: reports/compare-<date>-<datasets>.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare methods: ICC and MAE per AU with intervals, tests of every pair, speed, and what each row rests on.

    Writes comparison.json, .csv, .md, .tex and .html.
    """
    from aubench.compare.baselines import open_dataset
    from aubench.compare.comparison import Settings, compare
    from aubench.compare.inputs import Request, gather
    from aubench.compare.markdown import warnings
    from aubench.compare.occurrence import check
    from aubench.compare.outputs import write_comparison

    def say(text: str) -> None:
        typer.echo(text, err=True)

    wanted = _names(datasets)
    if not wanted:
        raise UserError("--datasets is empty; name at least one, such as synth", code="option-missing")
    for option, value in (("--missing-aus", missing_aus), ("--missing-frames", missing_frames)):
        if value not in ("nan", "intersection"):
            raise UserError(f"{option} {value}: neither nan nor intersection", code="option-invalid")
    check(occurrence)
    request = Request(
        datasets=wanted,
        runs=(*(runs or []), *(more or [])),  # the shell turns `--runs runs/*` into an option and arguments
        everything=everything,
        predictions=_pairs("--predictions", predictions, Path, "mine=predictions.csv"),
        formats=_pairs("--format", form, str, "mine=openface"),
        scales=_pairs("--scale", scale, str, "mine=evidence"),
        rescales=_pairs("--rescale", rescale, lambda text: float(text.removeprefix("x")), "mine=5"),
        offsets=_pairs("--frame-offset", frame_offset, int, "mine=-1"),
        labels=_pairs("--labels", labels, str, "mine=weak"),
        places=places,
        truth=truth,
        baselines=() if baselines == "none" else _names(baselines),
        seed=seed,
    )
    date = datetime.date.today().isoformat()
    folder = out or Path("reports") / f"compare-{date}-{'-'.join(wanted)}"
    tables = list(request.predictions.values())
    guard_folder("--out", folder, [table for table in tables if table.is_dir()])
    guard(forms.comparison(folder), [*request.runs, *tables, places, truth], overwrite=overwrite)
    if speed:
        opened = {name: open_dataset(name) for name in wanted}  # what cannot be opened fails before anything is fitted
    gathered = gather(request, say)
    for remark in gathered.remarks:
        typer.echo(remark, err=True)
    settings = Settings(
        common_aus=missing_aus == "intersection",
        common_frames=missing_frames == "intersection",
        rank_published=rank_published,
        show_published=published,
        constants=gathered.constants,
        occurs_from=occurrence,
        draws=draws,
        seed=seed,
    )
    compared, matrices = compare(gathered.methods, gathered.truths, settings, gathered.reported)
    if speed:
        from aubench.compare.speed import attach, measure

        attach(compared, measure(opened, gathered.methods, speed_frames, say))
    compared.command, compared.date = shlex.join(["aubench", *sys.argv[1:]]), date
    compared.environment = _environment()
    paths = write_comparison(folder, compared, matrices)
    _print(compared)
    for warning in warnings(compared):
        typer.echo(warning.replace("**", ""), err=True)
    typer.echo(f"\nWritten: {paths['html']}, and .json, .csv, .md and .tex next to it")


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in (part.strip() for part in text.split(",")) if name))


def _pairs(option: str, given: list[str] | None, read: Callable[[str], Any], example: str) -> dict[str, Any]:
    """NAME=VALUE, each name once."""
    found: dict[str, Any] = {}
    for text in given or []:
        name, value = split(option, text, example)
        if name in found:
            raise UserError(f"{option} {name}: given twice", code="option-invalid")
        try:
            found[name] = read(value)
        except ValueError:
            raise UserError(f"{option} {text}: {value!r} is not a number", code="option-invalid") from None
    return found


def _environment() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    packages = {name: version(name) for name in ("aubench", "numpy", "pandas")}
    return {"python": platform.python_version(), "platform": platform.platform(), **packages}


def _print(compared: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table

    from aubench.compare import speed_table
    from aubench.compare.markdown_supplement import of_line
    from aubench.report.markdown import number

    console = Console()
    for dataset, here in compared.datasets.items():
        rows = here.rows
        several = len(here.groups) > 1
        seeded = any(len(row.seeds) > 1 for row in rows)
        means = Table(title=f"{dataset}: mean over AUs", title_justify="left", box=None, header_style="bold")
        left, right = ["method"], ["ICC(3,1)", "95%", "ICC(2,1)", "MAE", "frames"]
        for column in (*left, *(["protocol"] if several else []), *right, *(["seeds"] if seeded else []), "ms/image"):
            means.add_column(column, justify="left" if column in ("method", "protocol") else "right")
        listed: list[MethodRow | ReportedRow] = [*rows, *here.reported]
        for row in listed:
            mean, ends = row.mean, row.interval
            none = "–" if row.interval_note else ""
            spread = none if ends is None else f"{number(ends[0], 2)} to {number(ends[1], 2)}"
            cells = [number(mean.icc31), spread, number(mean.icc21), number(mean.mae), _scored(row)]
            cells += [str(len(row.seeds) or "")] if seeded else []
            plain = row.kind in ("constant", "reported")
            cells.append("" if plain else of_line(speed_table.line(row, here))[0])
            group = [row.group] if several else []
            means.add_row(row.name, *group, *cells, style="dim" if plain else "")
        for printed in here.published:
            icc, mae = number(printed.mean.icc31, 2), number(printed.mean.mae, 2)
            cells = [f"{printed.name} \\[printed]", *([""] if several else []), icc, "", "", mae]
            means.add_row(*cells, style="dim italic")
        console.print(means)
        columns = [row for row in rows if row.kind != "constant"][:WIDEST]
        columns += [row for row in rows if row.kind == "constant" and row.group == "A"]
        each = Table(title=f"\n{dataset}: ICC(3,1) per AU", title_justify="left", box=None, header_style="bold")
        each.add_column("AU")
        for row in columns:
            each.add_column(row.name, justify="right", overflow="fold")
        for au in here.aus:
            each.add_row(au, *(number(row.aus[au].icc31, 2) for row in columns))
        console.print(each)
        for line in _missing(here):
            console.print(line, highlight=False, markup=False)


def _scored(row: MethodRow | ReportedRow) -> str:
    """How many frames count, and of how many where some of the truth's do not."""
    return str(row.scored) if row.scored == row.frames else f"{row.scored} of {row.frames}"


def _missing(here: DatasetComparison) -> list[str]:
    """A line for each method that has no predictions for frames or people of the truth."""
    lines = []
    for row in here.rows:
        if row.kind == "constant" or not row.missing:
            continue
        people = here.subjects - row.subjects
        whom = f", and for {people} of {here.subjects} people" if people else ""
        lines.append(f"{row.name}: no prediction for {row.missing} of {row.frames} frames of the truth{whom}")
    return lines
