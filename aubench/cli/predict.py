"""``aubench predict``: AU intensities and head pose from an image, a folder, a video or a camera."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aubench.cli import forms
from aubench.cli.asset_option import Assets
from aubench.cli.outputs import Output, Overwrite, guard
from aubench.cli.plugin_option import PluginFiles

if TYPE_CHECKING:
    from aubench.predict.neutral import Neutral


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("predict")(predict)


def predict(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="An image, a folder of images, a video, or a camera's number.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV to write.")],
    run: Annotated[
        Path | None, typer.Option("--run", help="Run folder of `aubench train`. Default: the shipped model.")
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(help="Also write an overlay: input, rendered face, AU bars (mp4; png for a single image)."),
    ] = None,
    renderer: Annotated[
        str | None,
        typer.Option(help="Renderer of the overlay's faces. Default: the one used in the model's training."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Also write a plot (png, svg, pdf): curves for a video, points for a folder, bars for an image."
        ),
    ] = None,
    plot_aus: Annotated[str, typer.Option(help="AUs to plot, comma-separated.")] = "AU04,AU06,AU12,AU25",
    max_faces: Annotated[int, typer.Option(min=1, help="Faces per image or frame, largest first.")] = 1,
    neutral: Annotated[
        str,
        typer.Option(
            metavar="none|auto|running|first|median|FRAME|IMAGE",
            help="Baseline of each face: its calm frames, found automatically (auto), its calm frames so far "
            "(running), its first frames, one frame (column 'frame'), or a neutral photo. 'median' subtracts each AU's "
            "median over the video.",
        ),
    ] = "none",
    person: Annotated[Path | None, typer.Option(help="Use a baseline that --save-person saved.")] = None,
    save_person: Annotated[
        Path | None, typer.Option(help="Save the baseline (json) for the same person's next recording.")
    ] = None,
    same_person: Annotated[
        bool,
        typer.Option(
            "--same-person",
            help="State that all images of the folder, or all scenes of the video, show one person (for --neutral).",
        ),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first image or frame that cannot be read, and write no table.")
    ] = False,
    smooth: Annotated[
        str,
        typer.Option(
            metavar="SECONDS|off",
            help="Low-pass filter for AUs and pose: a centred Gaussian of this width, never across missing faces.",
        ),
    ] = "off",
    steady: Annotated[bool, typer.Option("--steady", help="Low-pass filter for the five points of the face.")] = False,
    aligner: Annotated[
        str, typer.Option(help="Source of the five points: mtcnn (the detector), or an extractor such as landmark.")
    ] = "mtcnn",
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after this number of images or frames.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    batch: Annotated[int | None, typer.Option(min=1, help="Batch size in faces. Default: 16, on a GPU 64.")] = None,
    precision: Annotated[
        str, typer.Option(help="Number format of the extractor: fp32, or bf16 (faster, less exact).")
    ] = "fp32",
    overwrite: Overwrite = False,
    plugin: PluginFiles = None,
    asset: Assets = None,
) -> None:
    """Predict AU intensities (0 to 5) and head pose; write a CSV with OpenFace-style columns.

    An image or frame without a face, or one that cannot be read, has a row with success 0 and empty AU cells. A camera
    runs until Ctrl-C or --frames. After Ctrl-C or SIGTERM, the rows so far are the output.
    """
    from aubench.errors import UserError
    from aubench.person import Person
    from aubench.predict import neutral as zero
    from aubench.predict import persons, record, remarks, smoothing, table
    from aubench.predict import plot as plotting
    from aubench.predict.sources import open_source
    from aubench.predict.stills import printable

    # Everything that can be refused is refused before the work.
    source = _only(inputs)
    outputs = [Output("--out", out, forms.TABLE), Output("--out", record.beside(out), forms.RECORD)]
    outputs += [Output("--plot", plot, forms.PLOT)] if plot is not None else []
    drawing = forms.PICTURE_OVERLAY if is_one_picture(source) else forms.FILM_OVERLAY
    outputs += [Output("--overlay", overlay, drawing)] if overlay is not None else []
    outputs += [Output("--save-person", save_person, forms.PERSON)] if save_person is not None else []
    guard(outputs, [run, person], sources=[source, *named_picture(neutral)], overwrite=overwrite)
    opened = open_source(source, strict=strict)
    total = min(filter(None, (opened.total, frames)), default=None)
    rest, seconds = _neutral(neutral, person, save_person, total), smoothing.parse(smooth)
    one_scene = zero.check_person(rest, opened, same_person=same_person, faces=max_faces)
    if seconds is not None and not opened.follows:
        raise UserError("--smooth: images have no time to smooth over; use --smooth off", code="source-unsupported")
    resting = _still(rest.path) if rest.kind == "picture" and rest.path is not None else None
    aus = plotting.parse_aus(plot_aus)
    if overlay is not None:
        from aubench.predict.overlay import check_twice

        check_twice(opened)

    from aubench.device import choose_device, choose_dtype

    chosen = choose_device(device)
    dtype = choose_dtype(chosen, precision)

    from aubench.combination import Combination
    from aubench.predict.lanes import on_one_core, one_core_each
    from aubench.predict.partial import Partial
    from aubench.predict.run import read
    from aubench.predict.stopping import Stopping
    from aubench.quick import quicken

    with one_core_each():
        on_one_core()  # several would wait for one another most of the time that loading takes
        reader = load_model(run, chosen)
        show_licences(reader.extractor)
        artist = _artist(renderer, reader, chosen) if overlay is not None else None
        points = _aligner(aligner, chosen)
        fast = quicken(reader, dtype) if isinstance(reader, Combination) else reader
        wide = persons.entry_size(reader, rest, save_person is not None)
    at_rest, known = None, Person.load(person, reader.person_digest) if person is not None else None
    if resting is not None:
        seen = read(resting, fast, size=reader.size, aligner=points, entries=wide)
        if wide:
            known = persons.person_in(seen, resting.paths[0], reader)
        else:
            at_rest = zero.face_at_rest(seen, resting.paths[0])
    _warn(remarks.before(opened))
    with Stopping() as stopping, Partial(out, named=not opened.follows, say=lambda line: _warn([line])) as partial:
        with progress_bar("reading faces", total) as advance:
            readings = read(
                opened,
                fast,
                size=reader.size,
                most=max_faces,
                batch=batch,
                steady=steady,
                aligner=points,
                limit=frames,
                progress=advance,
                each=partial.add,
                stop=stopping.asked,
                full=overlay is not None,
                one_scene=one_scene,
                entries=wide,
            )
        # Ctrl-C is how a camera is ended, and no interruption.
        interrupted = stopping.heeded and (opened.rereadable or stopping.code != 130)
        if interrupted and not len(readings):
            partial.discard()
            _warn(["interrupted before the first frame was read; nothing is written"])
            raise typer.Exit(stopping.code)
        own: persons.Persons = {}
        zeros: zero.Zeros = {}
        if seconds is not None and not wide:
            readings = smoothing.smoothed(readings, seconds)
        try:
            if wide and rest.kind == "running":
                readings, own = persons.running(readings, reader, opened.name)
            elif wide:
                own = persons.find_persons(readings, rest, reader, opened.name, known)
            else:
                zeros = zero.zeros(readings, rest, at_rest)
        except UserError as error:
            if not interrupted:
                raise
            _warn([f"{error}; --neutral is not applied to the rows so far"])
            rest, own = zero.Neutral("none"), {}
        if rest.kind != "running":
            readings = persons.relative(readings, own, reader) if wide else zero.calibrated(readings, zeros)
        if seconds is not None and wide:  # what is smoothed is what was read against the person
            readings = smoothing.smoothed(readings, seconds)
        _warn(persons.remarks(own))
        if own and not any(own.values()):
            rest = zero.Neutral("none")
        done = record.Processing(None if rest.kind == "none" else str(rest), seconds)
        if str(done) or readings.problems:
            table.write(readings, out, str(done))
            partial.discard()
        else:
            partial.finish()
        record.write(
            out,
            done,
            {
                "source": opened.name,
                "model": "shipped" if run is None else str(run),
                "aligner": aligner,
                "steady": steady,
                "precision": precision,
                "smoothing": None if seconds is None else smoothing.described(seconds),
                "neutral": persons.described(rest, own) if own else zero.described(rest, zeros) if zeros else None,
                **({"same_person": True} if same_person else {}),
                **remarks.described(opened, readings),
                **({"interrupted": True} if interrupted else {}),
            },
        )
        if save_person is not None:  # after the table, which an error here must not cost
            persons.the_person(own, save_person).save(save_person)
    _warn(remarks.after(opened, readings, more=f"; all are in {record.beside(out)}"))
    typer.echo(_summary(readings, out, opened.follows, max_faces) + (f"; {done}" if str(done) else ""))
    if interrupted or (stopping.signal is not None and opened.rereadable):
        left = ", ".join(str(path) for path in (plot, overlay) if path is not None)
        last = f" after picture {int(readings.frame[-1])}" if interrupted else ""
        _warn([f"interrupted{last}; the rows so far are in {out}" + (f"; not written: {left}" if left else "")])
        raise typer.Exit(stopping.code)
    if plot is not None:
        title = " · ".join(filter(None, (printable(Path(source).name), str(done))))
        typer.echo(f"{plot}: {plotting.plot(readings, plot, aus, title=title)}")
    if overlay is not None and artist is not None:
        from aubench.predict.overlay import write_overlay

        with progress_bar("drawing", int(readings.frame[-1]) if len(readings) else None) as advance:
            write_overlay(opened, readings, artist, overlay, progress=advance)
        typer.echo(f"{overlay}: shows the input, the rendered face and bars")


def _only(inputs: list[str]) -> str:
    """The input, of which there must be one."""
    from aubench.errors import UserError
    from aubench.predict.stills import MANY_VIDEOS

    if len(inputs) > 1:
        raise UserError(
            f"{len(inputs)} inputs ({inputs[0]}, {inputs[1]} ...): give one at a time, or a folder of images; "
            f"{MANY_VIDEOS} has a loop over many recordings",
            code="option-invalid",
        )
    return inputs[0]


def _neutral(text: str, person: Path | None, save_person: Path | None, total: int | None) -> Neutral:
    """Where each face's neutral is, from all options that say so."""
    from aubench.errors import UserError
    from aubench.predict import neutral

    if person is not None and text != "none":
        raise UserError(f"--person {person} and --neutral {text}: give one of the two", code="option-conflict")
    found = neutral.Neutral("person", path=person) if person is not None else neutral.parse(text, total)
    if save_person is not None and found.kind in ("none", "median", "person"):
        raise UserError(
            f"--save-person {save_person}: needs --neutral auto, running, first, FRAME or IMAGE",
            code="option-conflict",
        )
    return found


def _warn(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line, err=True)


def is_one_picture(source: str) -> bool:
    """Whether an input is called a picture, so that its overlay may be one."""
    from aubench.predict.sources import IMAGE_SUFFIXES

    return Path(source).suffix.lower() in IMAGE_SUFFIXES and not Path(source).is_dir()


def named_picture(neutral: str) -> list[str]:
    """The picture that ``--neutral`` names, if it names one."""
    return [neutral] if Path(neutral).exists() else []


def _still(path: Path) -> Any:
    """The picture of a neutral face, not read yet."""
    from aubench.errors import UserError
    from aubench.predict.sources import Pictures, open_source

    opened = open_source(str(path))
    if not isinstance(opened, Pictures):
        raise UserError(
            f"--neutral {path}: not an image; give one, or the number of a frame of the input",
            code="source-unsupported",
        )
    return opened


def load_model(run: Path | None, device: Any) -> Any:
    """The model of a run folder, or the shipped one."""
    from aubench import combination
    from aubench.errors import UserError

    if run is None:
        return combination.load_shipped(device)
    if not run.is_dir():
        raise UserError(f"--run {run}: no such run folder; `aubench train --out {run}` creates one", code="run-missing")
    return combination.Combination.load(run, device=device)


def show_licences(extractor: Any) -> None:
    """On stderr, before they are used: licences of weights that are not under this project's own."""
    from aubench import registry
    from aubench.foreign import licences, notice

    for line in notice(licences([("extractor", extractor)], registry.load())):
        typer.echo(line, err=True)


def _aligner(name: str, device: Any) -> Any:
    if name == "mtcnn":
        return None
    import torch

    from aubench import discovery, registry
    from aubench.errors import UserError
    from aubench.landmarks import Landmarker
    from aubench.predict.aligner import Aligner

    plugin, config = registry.resolve("extractor", name)
    network: Any = discovery.build("extractor", plugin, config)
    if not isinstance(network, Landmarker):
        raise UserError(
            f"--aligner {name}: finds no landmarks; use an extractor that does, such as landmark, or mtcnn",
            code="plugin-unsupported",
        )
    show_licences(network)
    if isinstance(network, torch.nn.Module):
        network.to(device)
    return Aligner(network)


def _artist(name: str | None, reader: Any, device: Any) -> Any:
    """The renderer of that name, else what draws the faces that ``reader`` learnt from."""
    from aubench import discovery

    own = getattr(reader, "renderer_choice", None)
    if name is None and own is not None:
        renderer: Any = discovery.build("renderer", own.name, own.config)
    else:
        renderer = discovery.build("renderer", name or "neural")
    if hasattr(renderer, "eval"):
        renderer.to(device).eval()
    return renderer


def _summary(readings: Any, out: Path, film: bool, most: int) -> str:
    import numpy as np

    pictures, rows = np.unique(readings.frame, return_counts=True)
    faces = len(np.unique(readings.frame[readings.success]))
    what = ("frame" if film else "picture") + "s" * (len(pictures) != 1)
    told = f"{out}: {faces} of {len(pictures)} {what} with a face"
    return told + (f", at most {rows.max()} in one" if most > 1 and len(rows) else "")


@contextmanager
def progress_bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """How far reading or drawing is, see :func:`aubench.progress.progress`."""
    from aubench.progress import progress

    with progress(title, total, "frames") as advance:
        yield advance
