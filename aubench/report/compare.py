"""Several finished runs side by side, on the same test frames: score, rank, and write down."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aubench import facs
from aubench.errors import UserError, did_you_mean
from aubench.files import atomic_write_text
from aubench.report.markdown import COLUMNS, number, table
from aubench.report.runs import Run
from aubench.results import KEYS, aligned
from aubench.scores import LABELS, Constant, by_dataset, constant
from aubench.statistics import bootstrap_icc, interval

CONSTANTS: tuple[Constant, ...] = ("zero", "mean")


def alike(runs: Sequence[Run], datasets: Sequence[str]) -> tuple[list[Run], list[Run]]:
    """Runs whose truth is that of the last one which holds the data set, on every data set; and the others."""
    last = {d: run.digest(d) for run in runs for d in datasets if run.holds(d)}
    odd = [run for run in runs if any(run.holds(d) and run.digest(d) != last[d] for d in datasets)]
    return [run for run in runs if run not in odd], odd


def compare(runs: Sequence[Run], datasets: Sequence[str]) -> dict[str, Any]:
    """Score every run on every data set.

    Returns ``{"datasets": {name: {"truth": digest, "best": run, "rows": [row, ...], "combinations": [...]}}}``, rows by
    falling mean ICC(3,1), then the baselines that the runs' reports hold, then the constants. A row: ``name, label,
    mean, aus, ...`` as in a report; that of a run has its ``folder``, ``interval`` (95% of the mean ICC over resampled
    subjects), and ``behind``, the interval of its paired difference to the best run. ``combinations`` is mean and
    standard deviation over the runs (seeds) of each combination, empty unless one has several.

    Raises :class:`UserError` for a data set that no run holds, and for runs whose truth differs.
    """
    known = {str(name) for run in runs for name in run.truth["dataset"].unique()}
    out: dict[str, Any] = {}
    for dataset in datasets:
        if dataset not in known:
            raise UserError(f"no run has predictions for data set {dataset!r}. {did_you_mean(dataset, known)}")
        here = [run for run in runs if run.holds(dataset)]
        marks = [run.digest(dataset) for run in here]
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
    baselines: dict[str, dict[str, Any]] = {}
    truth = runs[0].truth[runs[0].truth["dataset"] == dataset].sort_values(list(KEYS))
    folders = [run.name for run in runs]
    for run in runs:
        scored = by_dataset(truth, run.predictions)[dataset]
        values, _ = aligned(truth, run.predictions)
        aus = list(scored["aus"])
        name = run.name if folders.count(run.name) == 1 else str(run.folder)
        samples[name] = bootstrap_icc(truth[aus], values[aus], truth["subject"].tolist())
        row = {"name": name, "label": run.label, "folder": str(run.folder), **scored}
        rows.append({**row, "interval": interval(samples[name])})
        for other, table_ in run.baselines(dataset).items():
            baselines[other] = {"name": other, "label": f"baseline, fitted with {name}", **table_}
    combinations = _combinations(runs, rows)
    rows.sort(key=lambda row: -(row["mean"]["icc31"] if row["mean"]["icc31"] is not None else -2.0))
    best = rows[0]["name"]
    for row in rows[1:]:
        row["behind"] = interval(samples[row["name"]] - samples[best])
    rows += baselines.values()
    for how in CONSTANTS:
        rows.append({"name": how, "label": LABELS[how], **by_dataset(truth, constant(truth, how))[dataset]})
    return {"best": best, "rows": rows, "combinations": combinations}


def _combinations(runs: Sequence[Run], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the seeds of one combination say together."""
    groups: dict[str, list[int]] = {}
    for index, run in enumerate(runs):
        groups.setdefault(run.combination, []).append(index)
    if len(groups) == len(runs):
        return []
    found: list[dict[str, Any]] = []
    for members in groups.values():
        entry: dict[str, Any] = {"label": runs[members[0]].label, "runs": [rows[i]["name"] for i in members]}
        for metric in COLUMNS:
            values = [v for i in members if (v := rows[i]["mean"][metric]) is not None]
            entry[metric] = statistics.mean(values) if values else None
            entry[f"{metric}_sd"] = statistics.stdev(values) if len(values) > 1 else None
        found.append(entry)
    return sorted(found, key=lambda entry: -(entry["icc31"] if entry["icc31"] is not None else -2.0))


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
        if compared["combinations"]:
            parts += [f"### {dataset}: mean and standard deviation over seeds\n", _seed_table(compared["combinations"])]
        parts += [f"### {dataset}: ICC(3,1) per action unit\n", _au_table(rows)]
    return "\n".join(parts)


def _range(ends: Sequence[float] | None, sign: bool = False) -> str:
    return "" if ends is None else " to ".join(f"{end:+.3f}" if sign else number(end) for end in ends)


def _seed_table(combinations: Sequence[Mapping[str, Any]]) -> str:
    def cell(entry: Mapping[str, Any], metric: str) -> str:
        spread = entry[f"{metric}_sd"]
        return number(entry[metric]) + (f" ± {number(spread)}" if spread is not None else "")

    body = [[e["label"], ", ".join(e["runs"]), *(cell(e, metric) for metric in COLUMNS)] for e in combinations]
    return table(["combination", "runs", *COLUMNS.values()], body)


def _au_table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = {unit.key: unit.name for unit in facs.ACTION_UNITS}
    aus = list(rows[0]["aus"])
    body = [[au, names.get(au, ""), *(number(row["aus"][au]["icc31"]) for row in rows)] for au in aus]
    return table(["AU", "name", *(row["name"] for row in rows)], body)
