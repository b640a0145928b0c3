"""What came of it: ``matrix.json`` for machines and ``matrix.md`` for people, rewritten whenever a runner ends."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from aubench.errors import UserError
from aubench.files import atomic_write_text
from aubench.report.schema import Report, TrainingFacts
from aubench.scores import ScoreTable

from .asked import Asked
from .card import Card
from .jobs import MATRIX, REPORT, Job, Plan

PAGE = "matrix.md"
METRICS = ("icc31", "mae", "calibrated_icc31", "in_domain_icc31")
_OVER = {"done": "done", "was done": "done", "failed": "failed"}


def scores(folder: Path) -> dict[str, float | None] | None:
    """A run's numbers: means over AUs and then over data sets, None where undefined; None for a run without report."""
    report = read_report(folder)
    if report is None:
        return None
    calibrated = report.rows.get("calibrated")
    return {
        "icc31": mean_of(report.datasets, "icc31"),
        "mae": mean_of(report.datasets, "mae"),
        "calibrated_icc31": mean_of(calibrated.datasets if calibrated else {}, "icc31"),
        "in_domain_icc31": training_of(report, folder).in_domain_icc31,
    }


def read_report(folder: Path) -> Report | None:
    """``report.json`` of a run, None where there is none. Raises ``UserError`` for one that is none."""
    return Report.read(folder / REPORT) if (folder / REPORT).is_file() else None


def training_of(report: Report, folder: Path) -> TrainingFacts:
    """How the training of a run went. Raises ``UserError`` for a report that does not say."""
    if report.training is None:
        raise UserError(f"{folder / REPORT}: the entry 'training' is missing; restore the file", code="file-damaged")
    return report.training


def mean_of(datasets: Mapping[str, ScoreTable], metric: str) -> float | None:
    """A metric's mean over the AUs, averaged over data sets; None where it is undefined."""
    values = [value for scored in datasets.values() if (value := scored.mean.value(metric)) is not None]
    return fmean(values) if values and len(values) == len(datasets) else None


def mark(out: Path, title: str, command: Sequence[str]) -> None:
    """Say whose folder this is before anything is in it."""
    if not (out / MATRIX).is_file():
        facts = {"matrix": title, "command": shlex.join(command), "rows": {}, "failures": []}
        atomic_write_text(out / MATRIX, json.dumps(facts, indent=1) + "\n")


def summarise(
    plan: Plan, asked: Sequence[Asked], command: Sequence[str], wall_s: float, again: Callable[[str], list[str]]
) -> dict[str, Any]:
    """Write and return what is known of all runs that are ``asked`` for, those of earlier calls among them.

    ``again``: the command that tries a run again, by its name. Runs that are not in the plan (``--only``) count as they
    lie on the disk.
    """
    rows: dict[str, dict[str, Any]] = {}
    failures: list[dict[str, Any]] = []
    datasets: dict[str, None] = {}
    for each in asked:
        job = plan.rows.get(each.name)
        folder = plan.out / each.name if job is None else job.folder
        state = _state(job, folder)
        row = rows.setdefault(each.row, {"runs": {}, "halved": {}})
        found = scores(folder) if state == "done" else None
        row["runs"][str(each.config.seed)] = {"folder": folder.name, "state": state, **(found or {})}
        card = Card.read(folder)
        if card is not None and card.halved and state == "done":
            row["halved"][str(each.config.seed)] = card.halved
        if state == "done" and (report := read_report(folder)) is not None:
            datasets |= dict.fromkeys(report.datasets)
        if job is not None and state != "done":
            failures.append({
                "run": each.name, "state": state, "fault": job.fault, "reason": job.reason,
                "log": f"{folder.name}/log.txt", "retry": shlex.join(again(each.name)),
            })  # fmt: skip
    for row in rows.values():
        for metric in METRICS:
            row[metric] = spread([run.get(metric) for run in row["runs"].values() if run["state"] == "done"])
    done = sum(run["state"] == "done" for row in rows.values() for run in row["runs"].values())
    compare = ["aubench", "compare", "--datasets", ",".join(datasets), "--runs", str(plan.out)]
    summary = {
        "matrix": plan.title,
        "command": shlex.join(command),
        "wall_s": round(wall_s, 1),
        "done": done,
        "asked": len(asked),
        "shared_first_phases": plan.sharing,
        "rows": rows,
        "failures": failures,
        "compare": shlex.join(compare) if done and datasets else None,
    }
    atomic_write_text(plan.out / MATRIX, json.dumps(summary, indent=1, allow_nan=False) + "\n")
    atomic_write_text(plan.out / PAGE, _page(summary))
    return summary


def spread(values: Sequence[float | None]) -> dict[str, Any]:
    """Mean and standard deviation (of the population, as everywhere here) over the seeds that have a number."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return {
        "mean": fmean(known) if known else None,
        "deviation": pstdev(known) if len(known) > 1 else None,
        "seeds": len(known),
    }


def _state(job: Job | None, folder: Path) -> str:
    if job is None:  # not in this call
        return "done" if (folder / REPORT).is_file() else "not run"
    return _OVER.get(job.state, "not run")


def _page(summary: dict[str, Any]) -> str:
    lines = [
        f"# {summary['matrix']}\n",
        f"{summary['done']} of {summary['asked']} runs are done. Mean over seeds ± standard deviation.\n",
        "| run | seeds done | ICC(3,1) | MAE | ICC(3,1) calibrated | ICC(3,1) on engine samples |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in summary["rows"].items():
        done = sum(run["state"] == "done" for run in row["runs"].values())
        columns = " | ".join(_cell(row[metric]) for metric in METRICS)
        lines.append(f"| {name} | {done} of {len(row['runs'])} | {columns} |")
    halved = [
        f"{name} (seed {seed}: {', '.join(phases)})"
        for name, row in summary["rows"].items()
        for seed, phases in row["halved"].items()
    ]
    if halved:
        lines.append(f"\nAt half the batch, since memory did not suffice: {'; '.join(halved)}.")
    if summary["failures"]:
        lines.append("\n## Not done\n")
        for failure in summary["failures"]:
            reason = f": {failure['reason']}" if failure["reason"] else ""
            retry = f". Again: `{failure['retry']}`" if failure["retry"] else ""
            lines.append(f"- `{failure['run']}` {failure['state']}{reason}{retry}")
    if summary["compare"]:
        lines.append(f"\nThe full page: `{summary['compare']}`")
    lines.append(f"\nCommand: `{summary['command']}`")
    return "\n".join(lines) + "\n"


def _cell(value: dict[str, Any]) -> str:
    if value["mean"] is None:
        return ""
    deviation = f" ± {value['deviation']:.3f}" if value["deviation"] is not None else ""
    return f"{value['mean']:.3f}{deviation}"
