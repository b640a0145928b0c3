"""``aubench run``: train and test every combination of a matrix in registry.yaml."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from aubench.cli import forms
from aubench.cli.asset_option import Assets
from aubench.cli.outputs import guard, guard_folder
from aubench.cli.plugin_option import PluginFiles
from aubench.errors import UserError


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("run")(run_matrix)


def run_matrix(
    name: Annotated[str, typer.Argument(help="Matrix in registry.yaml.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the runs; a second call resumes it. Default: runs/NAME.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds to use instead of the matrix's, comma-separated.")] = None,
    steps: Annotated[int | None, typer.Option(min=0, help="Steps of the label-free phase.")] = None,
    preset: Annotated[str | None, typer.Option(help="small or paper.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override any config entry of every run; repeatable."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Parallel runs. Default: one, or one per GPU.")] = None,
    only: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help="Only runs whose name contains this pattern; * matches anything."),
    ] = None,
    keep_going: Annotated[
        bool,
        typer.Option(
            "--keep-going/--fail-fast", help="After a failure, continue with the other runs or start no more."
        ),
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the planned runs and their estimated time; write nothing.")
    ] = False,
    plugin: PluginFiles = None,
    asset: Assets = None,
) -> None:
    """Train and test every combination of a matrix. Finished runs are skipped, interrupted runs are resumed.

    Writes matrix.md and matrix.json. Exit code 0 if all runs are done, 2 if all that failed are your mistakes, else 1.
    """
    from aubench import registry
    from aubench_training.runner.asked import of_matrix
    from aubench_training.runner.run import Request, run
    from aubench_training.runner.run import dry_run as plan

    guard_folder("--out", out or Path("runs") / name)
    guard(forms.matrix(out or Path("runs") / name))
    found = registry.announced()
    asked = of_matrix(
        found, name, seeds=_seeds(seeds), steps=steps, preset=preset, device=device, assignments=settings or []
    )
    command = without_option(["aubench", *sys.argv[1:]], "--only")
    request = Request(
        asked, out or Path("runs") / name, name, only=only, jobs=jobs, keep_going=keep_going, command=command
    )
    if dry_run:
        show_plan(plan(request))
        return
    result = run(request)
    typer.echo((result.plan.out / "matrix.md").read_text(encoding="utf-8"))
    raise typer.Exit(result.code)


def without_option(words: Sequence[str], option: str) -> list[str]:
    """A command line without an option and its value."""
    kept, skip = [], False
    for word in words:
        if skip or word.startswith(f"{option}="):
            skip = False
        elif word == option:
            skip = True
        else:
            kept.append(word)
    return kept


def _seeds(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        seeds = [int(word) for word in text.split(",")]
    except ValueError:
        raise UserError(
            f"--seeds {text}: give whole numbers separated by commas, such as 0,1,2", code="option-invalid"
        ) from None
    if min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise UserError(f"--seeds {text}: seeds are different whole numbers from 0", code="option-invalid")
    return seeds


def show_plan(planned: Mapping[str, Any]) -> None:
    """Print what :func:`aubench_training.runner.run.dry_run` found."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for column in ("run", "state"):
        table.add_column(column, overflow="fold")
    for column in ("steps left", "about"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in planned["rows"]:
        seconds = row["words"] if row["steps"] or row["seconds"] else ""
        table.add_row(row["run"], row["state"], str(row["steps"] or ""), seconds)
    Console().print(table)
    for line in planned["lines"]:
        typer.echo(line)
