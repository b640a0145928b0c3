"""``aubench loss-signal``: what each label-free loss tells the regressor, before any training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from aubench.cli import forms
from aubench.cli.asset_option import Assets
from aubench.cli.outputs import guard, guard_folder
from aubench.cli.plugin_option import PluginFiles


def register(app: typer.Typer) -> None:
    app.command(name="loss-signal")(loss_signal)


def loss_signal(
    run: Annotated[
        Path | None, typer.Option(help="Folder of a run of `aubench train`. Default: the shipped model.")
    ] = None,
    datasets: Annotated[
        str | None,
        typer.Option(help="Data sets with AU labels, comma-separated. Default: 12 people of synth with gap 1."),
    ] = None,
    losses: Annotated[
        str | None,
        typer.Option(help="Losses by name, comma-separated; name=weight sets a weight. Default: the run's."),
    ] = None,
    at: Annotated[
        Literal["raw", "person"],
        typer.Option(help="Answers to each frame by itself, or against each person's own calm frames."),
    ] = "raw",
    frames: Annotated[
        int, typer.Option(min=2, help="Largest number of training frames per data set, evenly spaced.")
    ] = 320,
    seed: Annotated[int, typer.Option(min=0, help="Seed of drawn data sets and of batches; 1 is for development.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for loss-signal.json, loss-signal.md and loss-signal.png.")] = Path(
        "runs/loss-signal"
    ),
    roots: Annotated[
        list[str] | None,
        typer.Option("--root", metavar="NAME=DIR", help="Original folder that a data set was prepared from."),
    ] = None,
    splits: Annotated[
        list[str] | None, typer.Option("--split", metavar="NAME=SPLIT", help="Split of a data set.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Folder that holds prepared stores. Default: in the cache.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    plugin: PluginFiles = None,
    asset: Assets = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any entry of the config; repeatable.")
    ] = None,
) -> None:
    """Tell which label-free loss knows anything about which parameter, before any training.

    For each loss and AU: the correlation of the negative gradient with the true error, how often their signs agree, how
    large the gradient is beside that of the sampled loopback, and whether it is zero by construction. A diagnostic: it
    trains nothing, but READS THE LABELS of training frames to compare; choosing losses by it is using these labels.
    """
    guard_folder("--out", out, [run, store, *((entry.partition("=")[2] or entry) for entry in roots or [])])
    guard(forms.loss_signal(out))

    from rich.console import Console

    from aubench import registry
    from aubench.cli.data.options import names_in, placed
    from aubench.errors import UserError
    from aubench_training.loss_signal.measure import measure
    from aubench_training.loss_signal.setting import BENCHMARK, BENCHMARK_TITLE, setting
    from aubench_training.loss_signal.show import tell, write

    known = registry.load()
    if datasets is not None:
        titles = names_in(datasets)
        parts = placed(
            titles, [known.part("dataset", name) for name in titles], roots, splits, store=store, allow_leakage=False
        )
    elif roots or splits or store is not None:
        raise UserError("--root, --split and --store need --datasets", code="option-missing")
    else:
        titles, parts = [BENCHMARK_TITLE], [BENCHMARK]
    names, loss_options = None, None
    if losses is not None:
        names, loss_options = known.losses([name.strip() for name in losses.split(",") if name.strip()])
    config = setting(
        run, parts, losses=names, loss_options=loss_options, frames=frames, seed=seed, device=device,
        assignments=settings or [],
    )  # fmt: skip
    typer.echo(f"reads labels of training frames of {', '.join(titles)}, to compare; trains nothing", err=True)
    found = measure(config, titles, at=at, command=["aubench", *sys.argv[1:]])
    write(found, out)
    tell(found, Console())
    typer.echo(f"report: {out / 'loss-signal.md'}")
