"""``aubench ablate``: leave out one loss, or one addition to the paper, at a time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from aubench.cli import forms
from aubench.cli.asset_option import Assets
from aubench.cli.outputs import guard, guard_folder
from aubench.cli.plugin_option import PluginFiles


def register(app: typer.Typer) -> None:
    app.command()(ablate)


def ablate(
    out: Annotated[Path, typer.Option(help="Folder for the runs and the table; a second call resumes it.")],
    recipe: Annotated[str, typer.Option(help="Built-in recipe, or a YAML file.")] = "default",
    losses: Annotated[
        str | None, typer.Option(help="Losses of the full model, comma-separated. [ct,id,lp,pr,adv]")
    ] = None,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out/--no-leave-one-out", help="Add one row per loss, trained without it.")
    ] = True,
    additions: Annotated[
        bool, typer.Option("--additions", help="Add one row per addition to the paper, trained without it.")
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds per row.")] = 3,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the label-free phase.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    preset: Annotated[str | None, typer.Option(help="small or paper.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Parallel runs. Default: one, or one per GPU.")] = None,
    plugin: PluginFiles = None,
    asset: Assets = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override any config entry; repeatable.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the planned runs and their estimated time; write nothing.")
    ] = False,
) -> None:
    """Measure what each loss contributes: the full model, and the full model without one loss, over several seeds.

    Runs share cached features and, per seed, the first training phase. Writes ablation.md and ablation.json.
    """
    from aubench.cli.run import show_plan
    from aubench.errors import UserError
    from aubench_training.ablate import ablate as run
    from aubench_training.ablate import request, variants
    from aubench_training.config import load_recipe, loss_weights, resolve
    from aubench_training.runner.run import dry_run as plan

    if not leave_one_out and not additions:
        raise UserError("nothing to leave out: give --leave-one-out, --additions or both.", code="option-missing")
    guard_folder("--out", out)
    guard(forms.ablation(out))
    options: dict[str, Any] = {"device": device} if device is not None else {}
    if losses is not None:
        names = [name.strip() for name in losses.split(",") if name.strip()]
        options["losses"] = loss_weights(names, load_recipe(recipe).get("losses", {}))
    if steps is not None:
        options["label_free"] = {"steps": steps}
    config = resolve(recipe, preset=preset, options=options, assignments=settings or [])
    rows = variants(config, seeds, losses=leave_one_out, additions=additions)
    if dry_run:
        show_plan(plan(request(rows, out, jobs=jobs)))
        return
    result = run(rows, out, jobs=jobs, command=["aubench", *sys.argv[1:]])
    typer.echo((out / "ablation.md").read_text(encoding="utf-8"))
    raise typer.Exit(result.code)
