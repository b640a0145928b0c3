"""Several finished runs side by side, on the same test frames: read, score, rank, and write down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from aubench import facs
from aubench.errors import UserError, did_you_mean
from aubench.files import atomic_write_text
from aubench.report.markdown import COLUMNS, number, table
from aubench.results import KEYS, PREDICTIONS, TRUTH, aligned, au_columns, read_predictions, read_truth
from aubench.scores import LABELS, Constant, by_dataset, constant
from aubench.statistics import bootstrap_icc, interval

TRAIN = "aubench train --extractor bisenet --losses ct,id,lp,pr,adv"
CONSTANTS: tuple[Constant, ...] = ("zero", "mean")
VOLATILE = frozenset({"seed", "out", "resume", "device", "workers", "name"})
"""Keys of a run's configuration that do not make it another combination."""


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run: its tables, and what its ``report.json`` says of it (empty where there is none)."""

    folder: Path
    truth: pd.DataFrame
    predictions: pd.DataFrame
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    def holds(self, dataset: str) -> bool:
        """Whether it was tested on the data set."""
        return bool((self.truth["dataset"] == dataset).any())


# --- finding runs -----------------------------------------------------------------------------------------------------


def find_runs(root: Path) -> list[Path]:
    """Folders under ``root`` (or itself) that hold predictions and truth, oldest first."""
    found = {path.parent for path in root.rglob(PREDICTIONS) if (path.parent / TRUTH).is_file()}
    return sorted(found, key=lambda folder: ((folder / PREDICTIONS).stat().st_mtime_ns, folder))


def newest_of_each(folders: Iterable[Path]) -> list[Path]:
    """The last of the folders of each combination (their configuration but for seed and the like)."""
    newest: dict[str, Path] = {}
    for folder in folders:
        config = read_facts(folder).get("config")
        key = str(folder)
        if isinstance(config, Mapping):
            key = json.dumps({k: v for k, v in config.items() if k not in VOLATILE}, sort_keys=True)
        newest.pop(key, None)
        newest[key] = folder
    return list(newest.values())


def read_facts(folder: Path) -> dict[str, Any]:
    """``report.json`` of a run, without its scores; empty where there is none. Raises :class:`UserError`."""
    path = folder / "report.json"
    if not path.is_file():
        return {}
    try:
        report = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not readable JSON: {error}") from error
    if not isinstance(report, dict):
        raise UserError(f"{path}: not a JSON object")
    return {k: v for k, v in report.items() if k not in ("datasets", "rows")}


def open_run(folder: Path) -> Run:
    """Read one run folder. Raises :class:`UserError` that names what is missing or wrong."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such run folder; make one with `{TRAIN} --out {folder}`")
    for name in (PREDICTIONS, TRUTH):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder}: no {name}, so the run is not finished; `aubench train --resume` goes on with it"
            )
    return Run(folder, read_truth(folder / TRUTH), read_predictions(folder / PREDICTIONS), read_facts(folder))


def digest(truth: pd.DataFrame, dataset: str) -> str:
    """Equal for equal test frames and labels of a data set, whatever their order."""
    part = truth[truth["dataset"] == dataset].sort_values(list(KEYS))
    part = part[[*KEYS, *sorted(au for au in au_columns(part) if part[au].notna().any())]]
    return hashlib.sha256(part.to_csv(index=False).encode()).hexdigest()[:16]


# --- comparing --------------------------------------------------------------------------------------------------------


def alike(runs: Sequence[Run], datasets: Sequence[str]) -> tuple[list[Run], list[Run]]:
    """Runs whose truth is that of the last one which holds the data set, on every data set; and the others."""
    last = {d: digest(run.truth, d) for run in runs for d in datasets if run.holds(d)}
    odd = [run for run in runs if any(run.holds(d) and digest(run.truth, d) != last[d] for d in datasets)]
    return [run for run in runs if run not in odd], odd


def compare(runs: Sequence[Run], datasets: Sequence[str]) -> dict[str, Any]:
    """Score every run on every data set.

    Returns ``{"datasets": {name: {"truth": digest, "best": run, "rows": [row, ...]}}}``, rows by falling mean
    ICC(3,1), then the constants. A row: ``name, label, folder, mean, aus, ...`` as in a report, ``interval`` (95% of
    the mean ICC over resampled subjects), and ``behind``, the interval of its paired difference to the best run.

    Raises :class:`UserError` for a data set that no run holds, and for runs whose truth differs.
    """
    known = {str(name) for run in runs for name in run.truth["dataset"].unique()}
    out: dict[str, Any] = {}
    for dataset in datasets:
        if dataset not in known:
            raise UserError(f"no run has predictions for data set {dataset!r}. {did_you_mean(dataset, known)}")
        here = [run for run in runs if run.holds(dataset)]
        marks = [digest(run.truth, dataset) for run in here]
        for run, mark in zip(here, marks, strict=True):
            if mark != marks[0]:
                raise UserError(
                    f"{here[0].folder} and {run.folder} hold different test frames or labels of {dataset!r}, so that "
                    "their scores cannot be compared; choose others with --runs"
                )
        out[dataset] = {"truth": marks[0], **_rows(here, dataset)}
    return {"datasets": out}


def _rows(runs: Sequence[Run], dataset: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    samples = {}
    truth = runs[0].truth[runs[0].truth["dataset"] == dataset].sort_values(list(KEYS))
    folders = [run.name for run in runs]
    for run in runs:
        scored = by_dataset(truth, run.predictions)[dataset]
        values, _ = aligned(truth, run.predictions)
        aus = list(scored["aus"])
        name = run.name if folders.count(run.name) == 1 else str(run.folder)
        samples[name] = bootstrap_icc(truth[aus], values[aus], truth["subject"].tolist())
        row = {"name": name, "label": "run", "folder": str(run.folder), **scored}
        rows.append({**row, "interval": interval(samples[name])})
    rows.sort(key=lambda row: -(row["mean"]["icc31"] if row["mean"]["icc31"] is not None else -2.0))
    best = rows[0]["name"]
    for row in rows[1:]:
        row["behind"] = interval(samples[row["name"]] - samples[best])
    for how in CONSTANTS:
        rows.append({"name": how, "label": LABELS[how], **by_dataset(truth, constant(truth, how))[dataset]})
    return {"best": best, "rows": rows}


# --- the page ---------------------------------------------------------------------------------------------------------


def write_comparison(folder: Path, comparison: Mapping[str, Any]) -> None:
    """``comparison.json`` and ``comparison.md`` in ``folder``."""
    atomic_write_text(folder / "comparison.json", json.dumps(comparison, indent=1, allow_nan=False) + "\n")
    atomic_write_text(folder / "comparison.md", page(comparison))


def page(comparison: Mapping[str, Any]) -> str:
    """A comparison as Markdown."""
    parts = ["# Runs compared\n"]
    if command := comparison.get("command"):
        parts.append(f"`{command}`, {comparison.get('date', '')}\n")
    for dataset, compared in comparison["datasets"].items():
        rows = compared["rows"]
        first = rows[0]
        parts.append(f"## {dataset}\n")
        parts.append(f"{first['frames']} test frames of {first['subjects']} subjects, truth `{compared['truth']}`.\n")
        body = [
            [row["name"], row["label"], *(number(row["mean"][k]) for k in COLUMNS), _range(row.get("interval")),
             _range(row.get("behind"), sign=True), str(row["scored"])]
            for row in rows
        ]  # fmt: skip
        head = ["run", "what it is", *COLUMNS.values(), "95% of ICC(3,1)", "behind the best", "frames"]
        parts.append(table(head, body))
        parts.append(
            "Intervals: bootstrap over subjects; *behind the best* is of the paired difference to the first row, and "
            "tells two runs apart where it does not hold 0.\n"
        )
        parts += [f"### {dataset}: ICC(3,1) per action unit\n", _au_table(rows)]
    return "\n".join(parts)


def _range(ends: Sequence[float] | None, sign: bool = False) -> str:
    return "" if ends is None else " to ".join(f"{end:+.3f}" if sign else number(end) for end in ends)


def _au_table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = {unit.key: unit.name for unit in facs.ACTION_UNITS}
    aus = list(rows[0]["aus"])
    body = [[au, names.get(au, ""), *(number(row["aus"][au]["icc31"]) for row in rows)] for au in aus]
    return table(["AU", "name", *(row["name"] for row in rows)], body)
