"""``aubench pretrain``: rebuild the frozen networks from what an engine draws."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from aubench_training.pretrain.publish import Request

Preset = Annotated[str, typer.Option(help="small (two CPU cores, what is shipped) or paper (256 px, full widths).")]
Engine = Annotated[str | None, typer.Option(help="Engine plugin that draws the faces. [bdfm]")]
Steps = Annotated[int | None, typer.Option(min=1, help="Training steps. [the recipe's]")]
Minutes = Annotated[
    float | None, typer.Option(min=0.0, help="Stop after so many minutes; the schedule is fitted to it.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads of the training. [all cores]")]
Workers = Annotated[int | None, typer.Option(min=0, help="Processes that draw faces. [all cores]")]
Out = Annotated[Path | None, typer.Option(help="Folder for weights and quality. [runs/pretrain-<network>-s<seed>]")]
Cache = Annotated[Path | None, typer.Option(help="Where drawn faces are kept. [$AUBENCH_CACHE, ~/.cache/aubench]")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out after a kill.")]
Install = Annotated[bool, typer.Option("--install", help="Put the weights where `weights: shipped` finds them.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any entry of the recipe, dotted; repeatable.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Rebuild the frozen networks from what an engine draws.")
    group.command("extractor")(extractor)
    group.command("generator")(generator)
    group.command("recogniser")(recogniser)
    group.command("landmark")(landmark)
    app.add_typer(group, name="pretrain")


def extractor(
    preset: Preset = "small",
    engine: Engine = None,
    steps: Steps = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    out: Out = None,
    cache: Cache = None,
    resume: Resume = False,
    install: Install = False,
    settings: Assignments = None,
) -> None:
    """Train the face parser on parsing maps of drawn faces; report mIoU per class on held-out identities."""
    from aubench_training.pretrain.extractor import ExtractorRecipe, pretrain_extractor
    from aubench_training.pretrain.publish import load_recipe

    request = _request(
        "extractor", preset, engine, steps, minutes, seed, device, threads, workers, out, cache, settings
    )
    recipe = load_recipe("extractor", preset, ExtractorRecipe, _over(engine, settings))
    quality = pretrain_extractor(recipe, _with(request, resume, install), _drawing())
    typer.echo(f"mIoU on held-out identities: game {quality['miou_game']:.3f}, photo {quality['miou_photo']:.3f}")
    typer.echo(f"report: {request.out / 'quality.md'}")


def generator(
    preset: Preset = "small",
    engine: Engine = None,
    vgg: Annotated[
        Path | None, typer.Option(help="VGG16 of the perceptual loss: vgg16-397923af.pth, or cache:vgg16-imagenet.")
    ] = None,
    steps: Steps = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    out: Out = None,
    cache: Cache = None,
    resume: Resume = False,
    install: Install = False,
    settings: Assignments = None,
) -> None:
    """Train the neural renderer to imitate an engine; report PSNR, SSIM, feature distance and the gain of each AU."""
    from aubench_training.pretrain.generator import WEAK_GAIN, GeneratorRecipe, pretrain_generator
    from aubench_training.pretrain.publish import load_recipe

    request = _request(
        "generator", preset, engine, steps, minutes, seed, device, threads, workers, out, cache, settings
    )
    recipe = load_recipe("generator", preset, GeneratorRecipe, _over(engine, settings))
    quality = pretrain_generator(recipe, _with(request, resume, install), vgg=vgg, drawing=_drawing())
    typer.echo(f"held-out faces: PSNR {quality['psnr']:.2f} dB, SSIM {quality['ssim']:.4f}")
    typer.echo(f"AU gain: mean {quality['mean_gain']:.3f}, least {quality['least_gain']:.3f}")
    if quality["weak_aus"]:
        weak = ", ".join(quality["weak_aus"])
        typer.echo(
            f"warning: AUs with a gain below {WEAK_GAIN} can hardly be learned through this generator: {weak}", err=True
        )
    typer.echo(f"report: {request.out / 'quality.md'}")


def recogniser(
    preset: Preset = "small",
    engine: Engine = None,
    steps: Steps = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    out: Out = None,
    cache: Cache = None,
    resume: Resume = False,
    install: Install = False,
    settings: Assignments = None,
) -> None:
    """Train the face recogniser on drawn identities; report verification AUC on held-out ones."""
    from aubench_training.pretrain.publish import load_recipe
    from aubench_training.pretrain.recogniser import RecogniserRecipe, pretrain_recogniser

    request = _request(
        "recogniser", preset, engine, steps, minutes, seed, device, threads, workers, out, cache, settings
    )
    recipe = load_recipe("recogniser", preset, RecogniserRecipe, _over(engine, settings))
    quality = pretrain_recogniser(recipe, _with(request, resume, install), _drawing())
    for name, row in quality["verification"].items():
        typer.echo(f"verification, {name}: AUC {row['auc']:.4f}, equal error rate {row['eer']:.4f}")
    typer.echo(f"report: {request.out / 'quality.md'}")


def landmark(
    preset: Preset = "small",
    engine: Engine = None,
    steps: Steps = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    out: Out = None,
    cache: Cache = None,
    resume: Resume = False,
    install: Install = False,
    settings: Assignments = None,
) -> None:
    """Train the face alignment network on landmarks of drawn faces; report the error on held-out identities."""
    from aubench_training.pretrain.landmark import LandmarkRecipe, pretrain_landmark
    from aubench_training.pretrain.publish import load_recipe

    request = _request("landmark", preset, engine, steps, minutes, seed, device, threads, workers, out, cache, settings)
    recipe = load_recipe("landmark", preset, LandmarkRecipe, _over(engine, settings))
    quality = pretrain_landmark(recipe, _with(request, resume, install), _drawing())
    typer.echo(
        "error over the distance of the outer eye corners, held-out identities: "
        f"game {quality['nme_game']:.4f}, photo {quality['nme_photo']:.4f}"
    )
    typer.echo(f"report: {request.out / 'quality.md'}")


def _request(
    what: str,
    preset: str,
    engine: str | None,
    steps: int | None,
    minutes: float | None,
    seed: int,
    device: str,
    threads: int | None,
    workers: int | None,
    out: Path | None,
    cache: Path | None,
    settings: list[str] | None,
) -> Request:
    """What was asked; its ``command`` repeats what decides the result and leaves out folders and the machine."""
    import torch

    from aubench_training.pretrain.publish import Request

    if threads is not None:
        torch.set_num_threads(threads)
    words = ["aubench", "pretrain", what, "--preset", preset, "--seed", str(seed)]
    for option, value in (("--engine", engine), ("--steps", steps), ("--minutes", minutes)):
        words += [option, str(value)] if value is not None else []
    for entry in settings or []:
        words += ["--set", entry]
    return Request(
        out=out or Path("runs") / f"pretrain-{what}-s{seed}",
        steps=steps,
        minutes=minutes,
        seed=seed,
        device=device,
        cache=cache,
        workers=workers,
        command=shlex.join(words),
    )


def _with(request: Request, resume: bool, install: bool) -> Request:
    from dataclasses import replace

    return replace(request, resume=resume, install=install)


def _over(engine: str | None, settings: list[str] | None) -> dict[str, Any]:
    """``--engine`` and ``--set a.b=value`` as what is laid over the recipe; values are read as YAML."""
    import yaml

    from aubench.errors import UserError

    over: dict[str, Any] = {"engine": {"name": engine, "config": {}}} if engine else {}
    for entry in settings or []:
        key, equals, text = entry.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set {entry}: say KEY=VALUE, as in --set batch=16")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise UserError(f"--set {entry}: the value is not YAML") from None
        *path, last = key.strip().split(".")
        place = over
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return over


def _drawing() -> Any:
    """Tell about the drawing of faces, at most every ten seconds."""
    import time

    began = last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last > 10:
            last = now
            typer.echo(f"drawing faces: {done}/{total}, {done / max(now - began, 1e-6):.0f} faces/s", err=True)

    return tell
