"""What is compared: a method is one way of predicting, with one table of predictions for each of its seeds."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from aubench.compare.formats import Scale
from aubench.compare.importing import Imported
from aubench.compare.runs import Run
from aubench.compare.schema import Kind, Labels, MethodFacts
from aubench.contracts import Estimator

LABELS: dict[Labels, str] = {
    "none": "no AU label",
    "weak": "a few frames labelled",
    "semi": "some frames labelled",
    "full": "every training frame labelled",
    "oracle": "looks at the test labels",
    "unknown": "not declared",
}


_DECLARED: dict[str, Labels] = {"full": "full", "none": "none"}
"""What formats say of the labels that a tool learnt from."""


@dataclass(frozen=True)
class Member:
    """One seed of a method: its predictions, and where they come from."""

    name: str
    table: pd.DataFrame
    folder: str | None = None
    seed: int | None = None


@dataclass
class Method:
    """``rescale``: factor that the user stated to bring a 0..1 output to 0..5, None where nothing was."""

    name: str
    label: str
    kind: Kind
    members: list[Member]
    scale: Scale = "intensity"
    person: bool = False
    """Whether each subject is read against calm frames found among their unlabelled test frames."""
    rescale: float | None = None
    labels: Labels = "unknown"
    overlap: Mapping[str, str] = field(default_factory=dict)
    """Data set to what of it the method has seen in training."""
    overlap_else: str = "none known"
    """What to say of other data sets."""
    notes: list[str] = field(default_factory=list)
    facts: MethodFacts = field(default_factory=MethodFacts)
    """Speed, size, licence, environment, figure: whatever is known of it."""
    estimators: Mapping[str, Estimator] = field(default_factory=dict)
    """Data set to what was fitted to it just now and can be asked again."""

    def holds(self, dataset: str) -> bool:
        return any((member.table["dataset"] == dataset).any() for member in self.members)


def from_runs(runs: Sequence[Run]) -> list[Method]:
    """Runs as methods: those that differ in their seed only are one method, and none of them its best. A seed that is
    there twice is no second sample of chance, so that the earlier run becomes a method by itself."""
    groups: dict[str, list[Run]] = {}
    for run in reversed(runs):
        group = groups.setdefault(run.combination, [])
        again = any(run.seed == other.seed for other in group)
        groups.setdefault(f"{run.combination} {run.folder}", []).append(run) if again else group.append(run)
    groups = {key: group[::-1] for key, group in reversed(groups.items())}
    folders = [run.name for run in runs]
    taken: set[str] = set()
    methods = []
    for group in groups.values():
        members = [
            Member(r.name if folders.count(r.name) == 1 else str(r.folder), r.predictions, str(r.folder), r.seed)
            for r in group
        ]
        first = group[0]
        left = next((loss for other in groups.values() if (loss := first.without(other[0]))), "")
        label = f"without {left}" if left else first.label  # as the paper's Table 3 calls it
        name = members[0].name if len(group) == 1 else label
        if name in taken:
            name = f"{name} ({members[0].name})"
        taken.add(name)
        methods.append(
            Method(
                name=name,
                label=label,
                kind="run",
                members=members,
                labels="none" if first.config else "unknown",
                overlap=_seen(first),
                facts=_facts(first),
            )
        )
        methods += _by_person(methods[-1], group)
    return methods


def _by_person(raw: Method, group: Sequence[Run]) -> list[Method]:
    """The same runs, each subject read against their own calm frames; nothing where a run does not read persons."""
    tables = [run.person for run in group]
    members = [
        replace(member, table=table) for member, table in zip(raw.members, tables, strict=True) if table is not None
    ]
    if len(members) < len(group):
        return []
    facts = MethodFacts.model_validate(raw.facts.model_dump(include={"licence", "environment"}, exclude_unset=True))
    label = f"{raw.label}, against each subject's calm frames"
    return [replace(raw, name=f"{raw.name}, person", label=label, members=members, person=True, facts=facts)]


def from_import(name: str, path: Path, source: Imported, rescale: float | None, labels: Labels | None) -> Method:
    """Another tool's predictions as a method."""
    form = source.form
    facts = MethodFacts(licence=form.licence) if form.licence else MethodFacts()
    declared: Labels = labels or _DECLARED.get(form.labels, "unknown")
    models = [model if model == "shipped" else Path(model).name for model in source.models]
    by = f", model {', '.join(models)}" if models else ""
    if any(model != "shipped" for model in source.models):
        facts.licence += "; weights of the run: see its report"
    return Method(
        name=name,
        label=f"{form.tool}, {path.name}{by}",
        kind="import",
        members=[Member(name, source.table)],
        scale=source.scale,
        rescale=rescale,
        labels=declared,
        overlap={k: f"yes: {v}" for k, v in form.trained_on.items()},
        overlap_else=_overlap_else(form.name, source.models),
        notes=list(source.notes),
        facts=facts,
    )


def _overlap_else(form: str, models: Sequence[str]) -> str:
    """What to say of data sets that a tool is not known to have been trained on."""
    if form == "aubench":
        return "none: the shipped model learnt from drawn faces" if list(models) == ["shipped"] else "unknown"
    return "unknown" if form == "generic" else "none known"


def _seen(run: Run) -> dict[str, str]:
    """Data set to what of it the run has trained on, with the name and hash of the split where the run noted one."""
    told = {}
    for name in run.datasets:
        people = sum(f"test of {name}" in places for places in run.report.leakage.values())
        told[name] = "its training subjects, without labels; test subjects unseen"
        if people:
            told[name] = f"LEAKAGE: {people} of its test people were trained on, without labels"
        if (noted := run.report.data_sets.get(name)) and noted.split:
            told[name] += f"; split {noted.split.name} ({noted.split.sha256[:12]})"
    return told


def _facts(run: Run) -> MethodFacts:
    licences = dict.fromkeys(used.licence for used in run.report.weights if used.licence)
    facts = MethodFacts(licence="; ".join(("MIT (ours)", *licences)))
    if run.report.predict_frames_per_s:
        facts.frames_per_s = run.report.predict_frames_per_s
        facts.speed_noted = "when the run was tested, on its machine"
    weights = run.folder / "model.safetensors"
    if weights.is_file():
        facts.megabytes = round(weights.stat().st_size / 1e6, 1)
        facts.parameters = _parameters(weights)
        facts.size_of = "without the frozen extractor"
    if run.environment:
        facts.environment = dict(run.environment)
    figure = run.folder / "figure.png"
    # A link out of the folder would put a file into the page that nobody meant to publish.
    if figure.is_file() and figure.resolve().parent == run.folder.resolve():
        facts.figure = str(figure)
    return facts


def _parameters(path: Path) -> int | None:
    """How many numbers a safetensors file holds, from its header alone; None for a file that is none."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 1 << 26)))
        entries = [entry for name, entry in header.items() if name != "__metadata__"]
        shapes = [entry["shape"] for entry in entries if entry.get("dtype") in ("F64", "F32", "F16", "BF16")]
        return sum(int(math.prod(shape)) for shape in shapes)
    except (OSError, ValueError, struct.error, TypeError, AttributeError, KeyError, OverflowError, RecursionError):
        return None
