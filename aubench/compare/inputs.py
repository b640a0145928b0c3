"""From what the user asked for to methods and truths: runs found, other tools' files read, baselines fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from aubench import discovery, registry
from aubench.compare import baselines, runs
from aubench.compare.comparison import Truth, alike, constants_known, truth_of_runs
from aubench.compare.formats import SCALES, Scale
from aubench.compare.importing import Options, read_source
from aubench.compare.method import Method, from_import, from_runs
from aubench.compare.runs import Run
from aubench.compare.schema import Labels, ReportedRow
from aubench.compare.video_matching import places_of, read_places
from aubench.errors import UserError, did_you_mean
from aubench.results import read_truth

RUNS = Path("runs")


@dataclass(frozen=True)
class Request:
    """``runs``: run folders or folders of them, none for the newest of each combination under ./runs (``everything``:
    all of them). The mappings declare what is known of a source of ``predictions``, by its name."""

    datasets: tuple[str, ...]
    runs: tuple[Path, ...] = ()
    everything: bool = False
    predictions: Mapping[str, Path] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    scales: Mapping[str, str] = field(default_factory=dict)
    rescales: Mapping[str, float] = field(default_factory=dict)
    offsets: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    places: Path | None = None
    truth: Path | None = None
    baselines: tuple[str, ...] = ("zero", "mean")
    seed: int = 0


@dataclass
class Inputs:
    methods: list[Method]
    truths: dict[str, Truth]
    reported: dict[str, list[ReportedRow]]
    """Data set to rows of which only scores are left."""
    constants: tuple[str, ...]
    remarks: list[str]


def gather(request: Request, say: Callable[[str], None] = lambda _: None) -> Inputs:
    """Find and read everything. Raises :class:`UserError` for what is not there or not declared as it must be."""
    _declared(request)
    constants, fitted = constants_known(request.baselines)
    for name in fitted:
        registry.resolve("estimator", name)
    opened, remarks = _runs(request)
    truths = _truths(request, opened)
    methods = from_runs(opened)
    known = {method.name for method in methods}
    methods += [m for m in baselines.of_runs(opened) if m.name not in (*known, *fitted, *constants)]
    methods += _imports(request, truths)
    if fitted:
        here = [baselines.open_dataset(name) for name in request.datasets]
        for name in fitted:
            say(f"fitting baseline {name}")
            methods.append(baselines.fit(name, here, request.seed))
    names = {method.name for method in methods}
    reported: dict[str, list[ReportedRow]] = {}
    for dataset in request.datasets:
        rows = {
            name: ReportedRow.of(name, f"baseline, fitted with {run.name}; only its scores were kept", table)
            for run in opened
            for name, table in run.baselines(dataset).items()
            if name not in (*names, *constants)
        }
        reported[dataset] = list(rows.values())
    return Inputs(methods, truths, reported, tuple(constants), remarks)


def _declared(request: Request) -> None:
    for what, given in (
        ("--format", request.formats), ("--scale", request.scales), ("--rescale", request.rescales),
        ("--frame-offset", request.offsets), ("--labels", request.labels),
    ):  # fmt: skip
        for name in given:
            if name not in request.predictions:
                raise UserError(
                    f"{what} {name}: no --predictions has this name. {did_you_mean(name, request.predictions)}",
                    code="name-unknown",
                )
    for name, scale in request.scales.items():
        if scale not in SCALES:
            raise UserError(
                f"--scale {name}={scale}: no such scale. {did_you_mean(scale, SCALES)}", code="option-invalid"
            )
    for name, labels in request.labels.items():
        if labels not in get_args(Labels):
            raise UserError(
                f"--labels {name}={labels}: no such word. {did_you_mean(labels, get_args(Labels))}",
                code="option-invalid",
            )
    for name, factor in request.rescales.items():
        if not factor > 0:
            raise UserError(f"--rescale {name}={factor:g}: a factor is above 0, such as 5", code="option-invalid")


def _runs(request: Request) -> tuple[list[Run], list[str]]:
    if request.runs:
        folders = [f for path in request.runs for f in (runs.find_runs(path) or [path])]
        return [runs.open_run(folder) for folder in dict.fromkeys(folders)], []
    folders = runs.find_runs(RUNS)
    if not folders:
        lacking = f"no finished run under ./{RUNS}; `{runs.TRAIN}` makes one"
        if request.predictions or request.baselines:
            return [], [] if request.predictions else [f"{lacking}. The baselines are compared alone"]
        raise UserError(
            f"{lacking}; give --predictions or --baselines to compare without one",
            code="nothing-to-compare",
        )
    folders = folders if request.everything else runs.newest_of_each(folders)
    opened = [runs.open_run(folder) for folder in folders]
    kept, odd = alike(opened, request.datasets)
    return kept, [f"left out: {run.folder} was tested on other frames or labels than the newest run" for run in odd]


def _truths(request: Request, opened: Sequence[Run]) -> dict[str, Truth]:
    """A table that was named, else what the runs hold, else the labels of the data set itself."""
    given = read_truth(request.truth) if request.truth else None
    truths: dict[str, Truth] = {}
    for dataset in request.datasets:
        if given is not None:
            if not (given["dataset"] == dataset).any():
                raise UserError(
                    f"{request.truth}: no frame of data set {dataset!r}. "
                    f"{did_you_mean(dataset, map(str, given['dataset'].unique()))}",
                    code="table-mismatch",
                )
            truths[dataset] = Truth(given, runs.digest(given, dataset))
        elif any(run.holds(dataset) for run in opened):
            truths[dataset] = truth_of_runs(opened, dataset)
        elif dataset in _known_datasets():
            table = baselines.truth_of(baselines.open_dataset(dataset)).assign(dataset=dataset)
            truths[dataset] = Truth(table, runs.digest(table, dataset))
        else:
            held = {str(name) for run in opened for name in run.truth["dataset"].unique()}
            raise UserError(
                f"no run has predictions for data set {dataset!r}, and no plugin has its labels. "
                f"{did_you_mean(dataset, held | set(_known_datasets()))} A table of labels can be given with --truth.",
                code="labels-missing",
            )
    for dataset, truth in truths.items():
        for run in opened if given is not None else []:
            if run.holds(dataset) and run.digest(dataset) != truth.digest:
                raise UserError(
                    f"{run.folder}: its test frames or labels of {dataset!r} differ from {request.truth}",
                    code="table-mismatch",
                )
    return truths


def _known_datasets() -> list[str]:
    return [*discovery.components("dataset"), *registry.load().variants("dataset")]


def _imports(request: Request, truths: Mapping[str, Truth]) -> list[Method]:
    places = [place for name, t in truths.items() for place in places_of(t.table[t.table["dataset"] == name])]
    known = read_places(request.places, places) if request.places else None
    methods = []
    for name, path in request.predictions.items():
        scale: Scale | None = next((s for s in SCALES if s == request.scales.get(name)), None)
        options = Options(request.formats.get(name), scale, request.offsets.get(name))
        source = read_source(path, places, options, known)
        if not source.table["dataset"].isin(list(truths)).any():
            held = ", ".join(map(str, source.table["dataset"].unique()[:3]))
            raise UserError(f"{path}: holds {held}, but --datasets asks for {', '.join(truths)}", code="table-mismatch")
        rescale = request.rescales.get(name)
        if rescale is not None and source.scale != "probability":
            raise UserError(
                f"--rescale {name}: its scale is {source.scale}; only a probability can be rescaled",
                code="option-conflict",
            )
        labels: Labels | None = next((w for w in get_args(Labels) if w == request.labels.get(name)), None)
        methods.append(from_import(name, path, source, rescale, labels))
    return methods
