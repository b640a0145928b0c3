"""``aubench pretrain``: train the frozen networks on faces that an engine renders."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aubench.cli import forms
from aubench.cli.asset_option import Assets
from aubench.cli.outputs import guard, guard_folder

if TYPE_CHECKING:
    from aubench_training.pretrain.publish import Request

Preset = Annotated[
    str, typer.Option(help="small (two CPU cores), paper (256 px, full widths) or real-faces (needs the engine ict).")
]
Engine = Annotated[str | None, typer.Option(help="Engine plugin that renders the faces. [bdfm]")]
Steps = Annotated[int | None, typer.Option(min=1, help="Training steps. [the recipe's]")]
Minutes = Annotated[
    float | None, typer.Option(min=0.0, help="Time budget in minutes; the learning-rate schedule is fitted to it.")
]
Seed = Annotated[int, typer.Option(min=0, help="Random seed.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads for training. [all cores]")]
Workers = Annotated[int | None, typer.Option(min=0, help="Processes that render faces. [all cores]")]
Out = Annotated[
    Path | None, typer.Option(help="Folder for weights and quality report. [runs/pretrain-<preset>-<network>-s<seed>]")
]
Cache = Annotated[Path | None, typer.Option(help="Folder for rendered faces. [$AUBENCH_CACHE, ~/.cache/aubench]")]
Resume = Annotated[bool, typer.Option("--resume", help="Resume the interrupted run in --out.")]
Install = Annotated[
    bool, typer.Option("--install", help="Install the weights as the shipped ones (`weights: shipped`).")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override any recipe entry (dotted key); repeatable."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Train the frozen networks on faces that an engine renders.", invoke_without_command=True)
    group.callback()(every_network)
    for what, train in (("extractor", _extractor), ("recogniser", _recogniser), ("landmark", _landmark)):
        group.command(what)(_command(what, train))
    group.command("generator")(generator)
    app.add_typer(group, name="pretrain")


Train = Callable[[str, dict[str, Any], "Request"], None]
"""Trains a network with a preset and what is laid over its recipe, and says how good it is."""


def _command(what: str, train: Train) -> Callable[..., None]:
    """The command of one network; all take the same options."""

    def command(
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
        asset: Assets = None,
    ) -> None:
        _use_threads(threads)
        request = _request(what, preset, seed, engine, steps, minutes, settings)
        _guard(out or request.out)
        places: dict[str, Any] = {"out": out or request.out, "device": device, "workers": workers, "cache": cache}
        _in_its_folder(
            train, preset, _over(engine, settings), replace(request, **places, resume=resume, install=install)
        )

    command.__doc__ = train.__doc__
    return command


def generator(
    preset: Preset = "small",
    engine: Engine = None,
    vgg: Annotated[
        Path | None,
        typer.Option(help="VGG16 weights for the perceptual loss: vgg16-397923af.pth, or cache:vgg16-imagenet."),
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
    asset: Assets = None,
) -> None:
    """Train the neural renderer to imitate an engine; report PSNR, SSIM, feature distance and the gain per AU."""
    _use_threads(threads)
    request = _request("generator", preset, seed, engine, steps, minutes, settings)
    _guard(out or request.out, vgg)
    places: dict[str, Any] = {"out": out or request.out, "device": device, "workers": workers, "cache": cache}
    _in_its_folder(
        functools.partial(_generator, vgg=vgg), preset, _over(engine, settings),
        replace(request, **places, resume=resume, install=install),
    )  # fmt: skip


def every_network(
    context: typer.Context,
    recipe: Annotated[
        str | None,
        typer.Option(help="Train all four networks in order with this preset: small, paper or real-faces."),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    out: Annotated[Path, typer.Option(help="Parent folder, with one folder per network.")] = Path("runs"),
    cache: Cache = None,
    install: Install = False,
    asset: Assets = None,
) -> None:
    """Train the frozen networks on faces that an engine renders: one by its command, or all with --recipe NAME. A
    network that is finished in --out is skipped, an interrupted one is resumed."""
    from aubench.errors import UserError, did_you_mean

    if context.invoked_subcommand is not None:
        if recipe is not None:
            raise UserError(
                f"--recipe {recipe} trains all networks; for one, `{context.invoked_subcommand} --preset`",
                code="option-conflict",
            )
        return
    if recipe is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    _use_threads(threads)
    from aubench_training.pretrain.publish import NETWORKS, PRESETS, folder_of

    if recipe not in PRESETS:
        raise UserError(f"--recipe {recipe}: no such preset. {did_you_mean(recipe, PRESETS)}", code="name-unknown")
    trains: dict[str, Train] = {
        "extractor": _extractor,
        "landmark": _landmark,
        "recogniser": _recogniser,
        "generator": _generator,
    }
    for what in NETWORKS:
        _guard(folder_of(recipe, what, seed, out))
    requests = {}
    for what in NETWORKS:
        folder = folder_of(recipe, what, seed, out)
        if not (folder / "quality.json").is_file():
            places: dict[str, Any] = {"out": folder, "device": device, "workers": workers, "cache": cache}
            going_on = (folder / "checkpoints").is_dir()
            request = replace(_request(what, recipe, seed), **places, resume=going_on, install=install)
            # All four, before the first of them draws a face for hours.
            _check(what, recipe, request)
            requests[what] = request
    for what in NETWORKS:
        folder = folder_of(recipe, what, seed, out)
        if what not in requests:
            typer.echo(f"{what}: done, {folder / 'quality.md'}")
            continue
        over: dict[str, Any] = {}
        request = requests[what]
        if what == "generator":
            made = str(_weights_in(folder_of(recipe, "extractor", seed, out)))
            over = {"extractor": {"config": {"weights": made}}}
            command = _request(what, recipe, seed, settings=[f"extractor.config.weights={made}"]).command
            request = replace(request, command=command)
        _in_its_folder(trains[what], recipe, over, request)
    if recipe == "paper":
        typer.echo(f"to use them: {_use(recipe, {what: folder_of(recipe, what, seed, out) for what in NETWORKS})}")


def _in_its_folder(train: Train, preset: str, over: dict[str, Any], request: Request) -> None:
    """Train while no other process works in the same folder."""
    from aubench_training.run_folder import working_in

    with working_in(request.out):
        train(preset, over, request)


def _use(preset: str, folders: dict[str, Path]) -> str:
    """The command that trains with the weights in these folders, which need not be where the preset looks for them."""
    from aubench_training.config import preset_options

    entries = {"extractor": "extractor", "recogniser": "recogniser", "generator": "renderer"}
    words = ["aubench", "train", "--preset", preset]
    for what, entry in entries.items():
        path = _weights_in(folders[what])
        if str(path) != preset_options(preset).get(path.stem, {}).get("weights"):
            words += ["--set", f"{entry}.config.weights={path}"]
    return shlex.join(words)


def _weights_in(folder: Path) -> Path:
    """The file that a pretraining left in its folder. Raises ``UserError`` where there is none, or several."""
    from aubench.errors import UserError

    found = sorted(folder.glob("*.safetensors"))
    if len(found) != 1:
        raise UserError(
            f"{folder}: contains {len(found)} weight files instead of one; move the folder away to train again",
            code="weights-missing",
        )
    return found[0]


def _check(what: str, preset: str, request: Request) -> None:
    """What can be known to go wrong with a network's training before a face is drawn."""
    from aubench_training.pretrain import extractor, generator, landmark, recogniser
    from aubench_training.pretrain.publish import load_recipe

    if what == "extractor":
        extractor.check_extractor(load_recipe(what, preset, extractor.ExtractorRecipe), request)
    elif what == "landmark":
        landmark.check_landmark(load_recipe(what, preset, landmark.LandmarkRecipe), request)
    elif what == "recogniser":
        recogniser.check_recogniser(load_recipe(what, preset, recogniser.RecogniserRecipe), request)
    else:
        generator.check_generator(load_recipe(what, preset, generator.GeneratorRecipe), request)


def _extractor(preset: str, over: dict[str, Any], request: Request) -> None:
    """Train the face parser on parsing maps of rendered faces; report mIoU per class on held-out identities."""
    from aubench_training.pretrain.extractor import ExtractorRecipe, pretrain_extractor
    from aubench_training.pretrain.publish import load_recipe

    quality = pretrain_extractor(load_recipe("extractor", preset, ExtractorRecipe, over), request)
    typer.echo(f"mIoU on held-out identities: game {quality['miou_game']:.3f}, photo {quality['miou_photo']:.3f}")
    _report(request)


def _landmark(preset: str, over: dict[str, Any], request: Request) -> None:
    """Train the face alignment network on landmarks of rendered faces; report the error on held-out identities."""
    from aubench_training.pretrain.landmark import LandmarkRecipe, pretrain_landmark
    from aubench_training.pretrain.publish import load_recipe

    quality = pretrain_landmark(load_recipe("landmark", preset, LandmarkRecipe, over), request)
    typer.echo(
        "error divided by the distance of the outer eye corners, held-out identities: "
        f"game {quality['nme_game']:.4f}, photo {quality['nme_photo']:.4f}"
    )
    _report(request)


def _recogniser(preset: str, over: dict[str, Any], request: Request) -> None:
    """Train the face recogniser on rendered identities; report verification AUC on held-out ones."""
    from aubench_training.pretrain.publish import load_recipe
    from aubench_training.pretrain.recogniser import RecogniserRecipe, pretrain_recogniser

    quality = pretrain_recogniser(load_recipe("recogniser", preset, RecogniserRecipe, over), request)
    for name, row in quality["verification"].items():
        typer.echo(f"verification, {name}: AUC {row['auc']:.4f}, equal error rate {row['eer']:.4f}")
    _report(request)


def _generator(preset: str, over: dict[str, Any], request: Request, vgg: Path | None = None) -> None:
    from aubench_training.pretrain.generator import WEAK_GAIN, GeneratorRecipe, pretrain_generator
    from aubench_training.pretrain.publish import load_recipe

    recipe = load_recipe("generator", preset, GeneratorRecipe, over)
    quality = pretrain_generator(recipe, request, vgg=vgg)
    typer.echo(f"held-out faces: PSNR {quality['psnr']:.2f} dB, SSIM {quality['ssim']:.4f}")
    typer.echo(f"AU gain: mean {quality['mean_gain']:.3f}, least {quality['least_gain']:.3f}")
    if quality["weak_aus"]:
        weak = ", ".join(quality["weak_aus"])
        typer.echo(
            f"warning: AUs with a gain below {WEAK_GAIN} can hardly be learnt through this generator: {weak}", err=True
        )
    _report(request)


def _guard(out: Path, *inputs: Path | None) -> None:
    """Refuse a folder of results in which something else lies."""
    guard_folder("--out", out, inputs)
    guard(forms.quality(out))


def _report(request: Request) -> None:
    typer.echo(f"report: {request.out / 'quality.md'}")


def _use_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def _request(
    what: str,
    preset: str,
    seed: int,
    engine: str | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    settings: list[str] | None = None,
) -> Request:
    """What decides the result. Its ``command`` repeats it; folders and the machine are left out."""
    from aubench_training.pretrain.publish import Request, folder_of, variant_of

    words = ["aubench", "pretrain", what, "--preset", preset, "--seed", str(seed)]
    for option, value in (("--engine", engine), ("--steps", steps), ("--minutes", minutes)):
        words += [option, str(value)] if value is not None else []
    for entry in settings or []:
        words += ["--set", entry]
    return Request(
        folder_of(preset, what, seed), steps, minutes, seed, variant=variant_of(preset), command=shlex.join(words)
    )


def _over(engine: str | None, settings: list[str] | None) -> dict[str, Any]:
    """``--engine`` and ``--set a.b=value`` as what is laid over the recipe; values are read as YAML."""
    from aubench.assignments import setting
    from aubench.errors import UserError

    over: dict[str, Any] = {"engine": {"name": engine, "config": {}}} if engine else {}
    for entry in settings or []:
        key, value = setting(entry, "batch=16")
        *path, last = key.split(".")
        place = over
        for part in path:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise UserError(f"--set {entry}: {part} already has a value", code="option-conflict")
        place[last] = value
    return over
