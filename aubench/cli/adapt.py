"""``aubench adapt``: a model for a lab's own recordings, without labels and without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aubench.adapt import FRAMES
from aubench.cli.outputs import guard_folder
from aubench.cli.plugin_option import PluginFiles
from aubench.errors import UserError

if TYPE_CHECKING:
    from aubench.adapt.run import Adaptation


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("adapt")(adapt)


def adapt(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="Videos, images, folders of them, or quoted patterns.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write: a model, for --run of predict.")],
    run: Annotated[
        Path | None, typer.Option("--run", help="Run folder of the model to adapt. Default: the shipped model.")
    ] = None,
    people: Annotated[
        int | None,
        typer.Option(min=1, help="How many people the recordings show. Default: one each; a folder's images are one."),
    ] = None,
    frames: Annotated[
        int, typer.Option(min=10, help="Frames to look at, in all recordings together, spread evenly.")
    ] = FRAMES,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an adapted model in --out.")] = False,
    plugin: PluginFiles = None,
) -> None:
    """Adapt a model to recordings: no labels, no training, minutes.

    Moves the mean of the regressor's input towards that of your frames, the further the more people they show. No
    network weight changes. Leave out the people you want to report on. See docs/adapt.md.
    """
    from aubench.adapt.recordings import find_recordings

    # Everything that can be refused is refused before the work.
    recordings = find_recordings(inputs)
    guard_folder("--out", out, [run, *(path for recording in recordings for path in recording.paths)])
    check_replaceable(out, overwrite)
    from aubench.adapt.look import shares
    from aubench.adapt.run import adapt as work
    from aubench.adapt.run import require_people, save

    require_people(people if people is not None else len(recordings), len(recordings))

    from aubench.cli.predict import load_model, progress_bar, show_licences
    from aubench.device import choose_device

    model = load_model(run, choose_device(device))
    show_licences(model.extractor)
    several, each = shares(len(recordings), frames)
    with progress_bar("reading faces", several * each) as advance:
        adapted = work(
            model,
            recordings,
            people=people,
            frames=frames,
            say=lambda line: typer.echo(line, err=True),
            progress=advance,
        )
    about = {
        "command": f"aubench adapt --frames {frames}" + ("" if people is None else f" --people {people}"),
        "parent": {"run": "shipped" if run is None else run.resolve().name, "digest": model.person_digest},
    }
    save(adapted, out, about)
    for line in told(adapted):
        typer.echo(line)
    typer.echo(f"{out}: use it as in `aubench predict clip.mp4 --out clip.csv --run {out}`")


def check_replaceable(out: Path, overwrite: bool) -> None:
    """Refuse a folder that holds anything, but for an adapted model that may be replaced. Raises :class:`UserError`."""
    from aubench.adapt.run import is_adapted
    from aubench.predict.table import check_writable

    if out.is_dir() and (inside := sorted(path.name for path in out.iterdir())):
        ours = inside == ["model.json", "model.safetensors"] and is_adapted(out / "model.json")
        if not ours:
            raise UserError(
                f"--out {out}: exists, and holds other things than an adapted model ({inside[0]}); choose another name",
                code="output-exists",
            )
        if not overwrite:
            raise UserError(
                f"--out {out}: an adapted model is there; choose another name, or replace it with --overwrite",
                code="output-exists",
            )
    check_writable(out / "model.json")
    if not out.is_dir():
        check_writable(out)


def told(adapted: Adaptation) -> list[str]:
    """What was done and what changed, for the terminal."""
    facts, before, after = adapted.facts, adapted.before, adapted.after
    shift = facts["distance"]["fused"]["mean"]
    lines = [
        f"{facts['people']} people, {facts['recordings']} recordings, {facts['frames']} frames"
        + (f"; {facts['skipped']} recordings skipped" if facts["skipped"] else ""),
        f"mean of the features: {shift:.2f} of their spread away from the model's own, "
        f"now {facts['distance_after']['fused']['mean']:.2f} (weight {facts['weight']:.2f})",
        f"{'':34}before  after",
    ]
    for name, one, two in (
        ("calmest frames, mean of all AUs", before.calm_mean, after.calm_mean),
        ("share of readings at 0", before.at_zero, after.at_zero),
        ("share of readings at 5", before.at_five, after.at_five),
        ("ICC with the mirrored picture", before.mirror, after.mirror),
        ("ICC with a disturbed picture", before.jitter, after.jitter),
    ):
        lines.append(f"{name:34}{one:6.3f} {two:6.3f}")
    most = sorted(before.calm, key=lambda name: -abs(after.calm[name] - before.calm[name]))[:5]
    changed = ", ".join(f"{name} {before.calm[name]:.2f} to {after.calm[name]:.2f}" for name in most)
    lines.append(f"calmest frames, AUs that changed most: {changed}")
    if not adapted.moved:
        lines.append(f"the statistics are left as they were: {facts['unchanged_because']}")
    return lines
