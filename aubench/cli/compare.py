"""``aubench compare``: finished runs side by side."""

from __future__ import annotations

import datetime
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aubench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNS = Path("runs")
WIDEST = 6
"""The per-AU table on a terminal shows so many runs, the best; the page shows all."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("compare")(compare_runs)


def compare_runs(
    more: Annotated[list[Path] | None, typer.Argument(metavar="RUN", help="More run folders.")] = None,
    datasets: Annotated[str, typer.Option(help="Data sets to compare on, separated by commas.")] = "synth",
    runs: Annotated[
        list[Path] | None,
        typer.Option(help="Run folders, or folders of runs. Default: the newest of each combination under ./runs."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the page. Default: reports/compare-<date>-<datasets>.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every run under ./runs, not only the newest of each combination.")
    ] = False,
) -> None:
    """Compare finished runs: ICC and MAE per run and per AU, beside constant predictions."""
    from aubench.report import compare as comparing
    from aubench.report import runs as finished

    wanted = [name for name in (part.strip() for part in datasets.split(",")) if name]
    if not wanted:
        raise UserError("--datasets is empty; name at least one, such as synth")
    # The shell turns `--runs runs/*` into one option and several arguments.
    chosen = [*(runs or []), *(more or [])]
    if chosen:
        folders = [f for path in chosen for f in (finished.find_runs(path) or [path])]
        opened = [finished.open_run(folder) for folder in dict.fromkeys(folders)]
    else:
        folders = finished.find_runs(RUNS)
        if not folders:
            raise UserError(f"no finished run under ./{RUNS}; make one with `{finished.TRAIN}`")
        folders = folders if everything else finished.newest_of_each(folders)
        opened, odd = comparing.alike([finished.open_run(folder) for folder in folders], wanted)
        for run in odd:
            typer.echo(f"left out: {run.folder} was tested on other frames or labels than the newest run", err=True)
    date = datetime.date.today().isoformat()
    command = shlex.join(["aubench", *sys.argv[1:]])
    compared = {"command": command, "date": date, **comparing.compare(opened, wanted)}
    folder = out or Path("reports") / f"compare-{date}-{'-'.join(wanted)}"
    comparing.write_comparison(folder, compared)
    _print(compared)
    typer.echo(f"\nWritten: {folder / 'comparison.md'}")


def _print(compared: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from aubench.report.markdown import number

    console = Console()
    for dataset, here in compared["datasets"].items():
        rows = here["rows"]
        means = Table(title=f"{dataset}: mean over AUs", title_justify="left", box=None, header_style="bold")
        for column in ("run", "ICC(3,1)", "95%", "ICC(2,1)", "MAE", "frames"):
            means.add_column(column, justify="left" if column == "run" else "right")
        for row in rows:
            mean, ends = row["mean"], row.get("interval")
            spread = "" if ends is None else f"{number(ends[0], 2)} to {number(ends[1], 2)}"
            scores = (number(mean["icc31"]), spread, number(mean["icc21"]), number(mean["mae"]), str(row["scored"]))
            means.add_row(row["name"], *scores, style="" if "folder" in row else "dim")
        console.print(means)
        if here["combinations"]:
            seeds = Table(title=f"\n{dataset}: over seeds", title_justify="left", box=None, header_style="bold")
            for column in ("combination", "runs", "ICC(3,1)", "±", "MAE", "±"):
                seeds.add_column(column, justify="left" if column == "combination" else "right")
            for entry in here["combinations"]:
                cells = [number(entry[k]) for k in ("icc31", "icc31_sd", "mae", "mae_sd")]
                seeds.add_row(entry["label"], str(len(entry["runs"])), *cells)
            console.print(seeds)
        columns = [row for row in rows if "folder" in row][:WIDEST]
        columns += [row for row in rows if "folder" not in row]
        each = Table(title=f"\n{dataset}: ICC(3,1) per AU", title_justify="left", box=None, header_style="bold")
        each.add_column("AU")
        for row in columns:
            each.add_column(row["name"], justify="right", overflow="fold")
        for au in rows[0]["aus"]:
            each.add_row(au, *(number(row["aus"][au]["icc31"], 2) for row in columns))
        console.print(each)
