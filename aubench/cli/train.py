"""``aubench train``: train the regressor without AU labels and report on the test subjects."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aubench.cli.asset_option import Assets
from aubench.cli.outputs import guard_folder
from aubench.cli.plugin_option import PluginFiles

if TYPE_CHECKING:
    from aubench.component import Kind


def register(app: typer.Typer) -> None:
    app.command()(train)


def train(
    recipe: Annotated[
        str, typer.Option(help="Built-in recipe (default: with our additions; paper: as printed), or a YAML file.")
    ] = "default",
    losses: Annotated[
        str | None,
        typer.Option(help="Losses, comma-separated; name=weight sets a weight. Default: those of the recipe."),
    ] = None,
    extractor: Annotated[str | None, typer.Option(help="Extractor: plugin, or variant from registry.yaml.")] = None,
    regressor: Annotated[str | None, typer.Option(help="Regressor: plugin, or variant from registry.yaml.")] = None,
    renderer: Annotated[
        str | None, typer.Option(help="Differentiable renderer: plugin, or variant from registry.yaml.")
    ] = None,
    recogniser: Annotated[
        str | None, typer.Option(help="Recogniser: plugin, variant from registry.yaml, or none.")
    ] = None,
    datasets: Annotated[
        str | None, typer.Option(help="Data sets, comma-separated; several are mixed in training.")
    ] = None,
    baselines: Annotated[
        str | None, typer.Option(help="Estimators to score as baselines, comma-separated, or none.")
    ] = None,
    roots: Annotated[
        list[str] | None,
        typer.Option("--root", metavar="NAME=DIR", help="Original folder of a data set; repeatable."),
    ] = None,
    splits: Annotated[
        list[str] | None,
        typer.Option(
            "--split", metavar="NAME=SPLIT", help="Split of a data set, see `aubench data splits`; repeatable."
        ),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Folder that holds prepared stores. Default: in the cache.")
    ] = None,
    allow_leakage: Annotated[
        bool, typer.Option("--allow-leakage", help="Allow subjects in both train and test; marks the report in red.")
    ] = False,
    preset: Annotated[str | None, typer.Option(help="small (two CPU cores) or paper (256 px, full widths).")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Random seed.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    steps: Annotated[int | None, typer.Option(min=0, help="Steps of the label-free phase.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override any config entry (dotted key); repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder. Default: runs/<date>-<extractor>-<losses>-s<seed>.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in --out.")] = False,
    plugin: PluginFiles = None,
    asset: Assets = None,
) -> None:
    """Train R without AU labels, then report ICC and MAE on the test subjects.

    The run folder receives the resolved config, metrics, checkpoints, predictions and the report.
    """
    from aubench.errors import UserError

    if resume and out is None:
        raise UserError("--resume: name the run with --out DIR", code="option-missing")

    if out is not None:
        guard_folder("--out", out, [store, *((entry.partition("=")[2] or entry) for entry in roots or [])])

    from aubench_training.config import load_config, loss_weights, resolve
    from aubench_training.config import load_recipe as _load
    from aubench_training.datasets import with_recipe
    from aubench_training.trainer import CONFIG
    from aubench_training.trainer import train as run

    given = (losses, extractor, regressor, renderer, recogniser, datasets, baselines, preset, seed, steps, settings)
    placing = (roots, splits, store, allow_leakage or None)
    if (
        resume
        and out is not None
        and (out / CONFIG).is_file()
        and recipe == "default"
        and not any(option is not None for option in (*given, *placing))
    ):
        config = load_config(out / CONFIG)
        if device is not None:
            config = config.model_copy(update={"device": device})
    else:
        options: dict[str, Any] = {}
        parts: list[tuple[Kind, str | None]] = [
            ("extractor", extractor),
            ("regressor", regressor),
            ("renderer", renderer),
        ]
        for kind, name in parts:
            if name is not None:
                options[kind] = _part(kind, name)
        if recogniser is not None:
            options["recogniser"] = None if recogniser == "none" else _part("recogniser", recogniser)
        if datasets is not None:
            options["datasets"] = with_recipe([_part("dataset", name) for name in _names(datasets)], recipe)
        if roots or splits or store is not None or allow_leakage:
            from aubench.cli.data.options import placed

            if datasets is None:
                raise UserError("--root, --split, --store and --allow-leakage need --datasets", code="option-missing")
            options["datasets"] = placed(
                _names(datasets), options["datasets"], roots, splits, store=store, allow_leakage=allow_leakage
            )
        if baselines is not None:
            options["baselines"] = [] if baselines == "none" else _names(baselines)
        if losses is not None:
            names, loss_options = _losses(_names(losses))
            options["losses"] = loss_weights(names, _load(recipe).get("losses", {}))
            options["loss_options"] = loss_options
        if steps is not None:
            options["label_free"] = {"steps": steps}
        options |= {k: v for k, v in (("seed", seed), ("device", device)) if v is not None}
        config = resolve(recipe, preset=preset, options=options, assignments=settings or [])

    folder, report = run(config, out, resume=resume, command=["aubench", *sys.argv[1:]])
    if report.leakage:
        words = f"LEAKAGE: {len(report.leakage)} people are in train and test at once"
        typer.secho(words, fg=typer.colors.RED, bold=True)
    for name, scored in report.datasets.items():
        typer.echo(f"{name}: mean ICC(3,1) {_number(scored.mean.icc31)}, MAE {_number(scored.mean.mae)}")
    if not report.datasets:
        typer.echo("nothing to evaluate on: no data set of this run has labels for test frames")
    typer.echo(f"report: {folder / 'report.md'}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _part(kind: Kind, name: str) -> dict[str, Any]:
    """A plugin, or a variant of registry.yaml, as an entry of the config."""
    from aubench import registry

    return registry.load().part(kind, name)


def _losses(entries: list[str]) -> tuple[list[str], dict[str, Any]]:
    """``name=weight`` entries with plugins for variants of registry.yaml, and the options of those variants."""
    from aubench import registry

    return registry.load().losses(entries)


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
